# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be read of a cluster for each fact about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: Each fact but the ``uid``, and what has to be read for it.
MADE_OF: Mapping[str, tuple[str, ...]] = {
    "annotations": ("namespace",),
    "api_server": ("endpoint_slices", "set_parents"),
    "apis": ("apis",),
    "bounds": ("set_parents",),
    "default_storage_class": ("storage_classes",),
    "device_plugin": ("daemonsets",),
    "endpoints": ("endpoint_slices",),
    "gateways": ("gateways",),
    "gpus": ("nodes", "pods"),
    "lock": ("lock",),
    "models": ("deployments", "groups"),
    "namespaces": ("namespaces",),
    "nodes": ("nodes",),
    "permissions": ("permissions",),
    "platform": ("apis",),
    "pods": ("our_pods",),
    "presetup_version": ("set_parents",),
    "provider": ("nodes",),
    "quotas": ("quotas",),
    "region": ("nodes",),
    "scalers": ("scalers",),
    "sets": ("set_parents",),
    "signature": ("nodes", "version", "deployments", "set_parents"),
    "stack": ("deployments", "set_parents"),
    "storage_classes": ("storage_classes",),
    "token_audiences": ("set_parents",),
    "user": ("user",),
    "version": ("version",),
}
#: Reads that bring what another one would: it is left out then.
_WIDER = {"our_pods": "pods", "namespace": "namespaces"}


def reads_for(facts: Iterable[str]) -> set[str]:
    """What to read for these facts, each collection once."""
    needed = {read for fact in facts for read in MADE_OF[fact]}
    return {read for read in needed if _WIDER.get(read) not in needed}
