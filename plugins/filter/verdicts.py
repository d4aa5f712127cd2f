# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster's facts mean against its contract: ready to be onboarded, valid, healthy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.drift import drift, installed
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight import (
    endpoint_advice,
    endpoint_question,
    image_question,
    preflight,
    refusal,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.swept_status import swept_status
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.validation import (
    probe_answers,
    probe_requests,
    validation,
    validation_failure,
)


@cache
def _known_release(version: str) -> list[dict[str, Any]]:
    """As the lookup reads it, once in each process of a sweep; none of a release that is not known here."""
    lookup = lookup_loader.get("fireworks.byoc.stack_release", loader=DataLoader())
    return list(lookup.run([{"release": version}], skip_unknown=True))


def _swept_status(contract: Contract, result: Mapping[str, Any], began: str, now: str) -> dict[str, Any]:
    there = installed(result.get("facts"))
    releases = _known_release(there["release"]) if there.get("release") else []
    return swept_status(contract, result, there, releases, began, now)


class FilterModule:
    """Filters over facts and contracts."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "contract_drift": drift,
            "endpoint_advice": endpoint_advice,
            "endpoint_question": endpoint_question,
            "image_question": image_question,
            "installed": installed,
            "preflight": preflight,
            "preflight_refusal": refusal,
            "probe_answers": probe_answers,
            "probe_requests": probe_requests,
            "swept_status": _swept_status,
            "validation": validation,
            "validation_failure": validation_failure,
        }
