# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can each model run on nodes like these: are there enough GPUs on one, and is their memory enough?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..capacity import gpus_per_replica
from ..model.engine import ENGINES
from ..model.fit import FITS, MISFIT, UNPROVEN, fit
from .item import Item

Data = Mapping[str, Any]

_LEADER_WORKER_SET = ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")


def replicas_have_nodes(facts: Data, contract: Data, _release: Data) -> list[Item]:
    """One node holds a whole replica. Of a product that is not there at all, what is free tells."""
    found = []
    for model in contract.get("models") or ():
        needed, largest = gpus_per_replica(model), _largest_node(facts, model)
        if largest and needed > largest:
            found.append(_too_wide(facts, model, needed, largest))
    return found


def memory_suffices(facts: Data, contract: Data, _release: Data) -> list[Item]:
    """The memory of the GPUs that are there is enough for each model.

    What nobody can tell is advice: it shows when the first replica loads. An engine that we do not have is said with
    the images.
    """
    found = []
    for model in contract.get("models") or ():
        if str(model["engine"]["name"]) not in ENGINES:
            continue
        product = str(model["gpu"]["product"])
        memory = int((facts["gpus"]["products"].get(product) or {}).get("memory_mib", 0))
        answer = fit(model, memory_mib=memory, most_gpus=_largest_node(facts, model) or gpus_per_replica(model))
        message = f"{model['name']} {answer.verdict} on {product}: {answer.told()}."
        if answer.verdict == UNPROVEN:
            message = f"Whether {model['name']} fits {product} is unproven: {answer.told()}."
        found.append(
            Item(
                f"memory for {model['name']}",
                answer.verdict == FITS,
                answer.lines[-1] if answer.verdict == FITS else answer.verdict,
                f"fits {product}",
                message,
                "capacity",
                blocking=answer.verdict == MISFIT,
            )
        )
    return found


def _largest_node(facts: Data, model: Data) -> int:
    per_node = (facts["gpus"]["products"].get(str(model["gpu"]["product"])) or {}).get("per_node") or [0]
    return int(max(per_node))


def _too_wide(facts: Data, model: Data, needed: int, largest: int) -> Item:
    name, product = str(model["name"]), str(model["gpu"]["product"])
    group, kind = _LEADER_WORKER_SET
    served = kind in (facts["apis"].get(group) or ())
    cluster = f"The cluster serves {kind} ({group})" if served else f"The cluster does not serve {kind} ({group})"
    nodes = f"the largest node with {product} has {largest}: it would be spread over {-(-needed // largest)} nodes"
    advice = f"Have larger nodes, or lower gpu.per_replica to {largest} or less, with smaller weights if need be"
    message = (
        f"One replica of {name} needs {needed} GPUs, and {nodes}. {cluster}, which such a replica needs, "
        f"and this release does not make replicas of several nodes. {advice}."
    )
    return Item(f"nodes for {name}", False, f"{largest} GPUs on a node", f"{needed} on one node", message, "capacity")
