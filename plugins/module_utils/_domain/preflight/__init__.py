# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May onboarding begin? Every item says what was found, what is needed, and who has to act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.wording import action_required
from ..contract.typed import Contract
from . import access, gpus, models, network, platform, sources
from .endpoint import ENDPOINT_CHECKS, endpoint_question, public_endpoint
from .network import image_question

__all__ = ["endpoint_advice", "endpoint_question", "image_question", "preflight", "refusal"]

_CHECKS = (
    platform.right_cluster,
    platform.kubernetes,
    platform.required_apis,
    platform.provider,
    platform.region,
    access.permissions,
    gpus.gpu_nodes,
    gpus.device_plugin,
    gpus.gpu_labels,
    gpus.approved_gpus,
    models.replicas_have_nodes,
    models.memory_suffices,
    gpus.models_fit,
    gpus.quota,
    network.images,
    sources.sources_are_reachable,
    network.domain,
    network.gateway,
)


def preflight(
    facts: Mapping[str, Any],
    contract: Contract,
    release: Mapping[str, Any],
    presetup: Sequence[Mapping[str, Any]] = (),
    endpoint: Mapping[str, Any] | None = None,
    images: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """All items, those that are met too. Unmet ``blocking`` ones refuse the onboarding; the others are advice.

    ``presetup`` are the differences of the prerequisites from the contract, where onboarding does not apply them.
    ``endpoint`` is what ``endpoint_info`` found, where it was asked, and ``images`` what ``image_info`` did.
    """
    found = access.presetup(presetup, facts, contract)
    for check in _CHECKS:
        found += check(facts, contract, release)
    found += network.images_there(images)
    found += public_endpoint(endpoint or {}, facts, contract)
    return [item.as_dict(contract) for item in found]


def refusal(cluster: str, items: Sequence[Mapping[str, Any]]) -> str:
    """Why onboarding does not begin, as one message; empty when it may."""
    unmet = [item for item in items if item["blocking"] and not item["ok"]]
    if not unmet:
        return ""
    lines = [f"{cluster} is not ready to be onboarded; nothing was changed."]
    lines += [f"{item['check']}: {item['message']} {action_required(item['owner'], item['contact'])}" for item in unmet]
    return "\n".join(lines)


def endpoint_advice(items: Sequence[Mapping[str, Any]]) -> str:
    """What the customers still have to do for their endpoints, and what was not tested: a line each, for a report."""
    return "\n".join(
        f"{item['cluster']}: {item['check']}: {item['message']} {action_required(item['owner'], item['contact'])}"
        for item in items
        if item["check"] in ENDPOINT_CHECKS and not item["ok"]
    )
