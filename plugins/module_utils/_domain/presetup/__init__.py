# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prerequisites in a cluster, compiled from the contract: everything that only an administrator may create.

The customer's administrators apply it, in hardened mode as text that they have reviewed, if they like. In standard mode
granting setup access does so too, and onboarding with an administrator's credential.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.typed import Contract
from ..guardrails import guardrail_objects
from ..identities import identity_objects
from ..presetup_version import compiled_version
from ..telemetry_volume import SINCE, telemetry_claim
from .governance import limit_range, namespaces, priority_classes, quota
from .network import network_policies

__all__ = ["presetup_objects", "quota"]

Manifest = dict[str, Any]


def presetup_objects(
    contract: Contract,
    api_server: Sequence[Mapping[str, Any]] = (),
    registries: Sequence[str] = (),
    audiences: Sequence[str] = (),
    version: int | None = None,
) -> list[Manifest]:
    """The objects of the set ``presetup``, of the newest version unless an older one is meant.

    ``api_server`` is where the API server answers (address and port), read from the cluster: pods of ours that watch
    pods must reach it. ``registries`` is where images come from when the contract names no registry of its own: the
    stack release's. ``audiences`` is whom it takes for itself in tokens, read from it; without them no token is issued.
    """
    number = compiled_version(version)
    return [
        *namespaces(contract),
        *priority_classes(contract, number),
        *quota(contract, number),
        *limit_range(),
        *(telemetry_claim(contract) if number >= SINCE else ()),
        *identity_objects(contract, number),
        *network_policies(contract, api_server, number),
        *guardrail_objects(contract, registries, audiences, number),
    ]
