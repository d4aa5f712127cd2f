# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can each model run on nodes like these: are there enough GPUs on one, and is their memory enough?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._vocabulary.listing import amount
from ..capacity import approved, gpus_per_pod, gpus_per_replica, nodes_per_replica
from ..contract.typed import Contract, Model
from ..model.engine import ENGINES
from ..model.fit import FITS, MISFIT, UNPROVEN, fit
from ..names import LWS_API, LWS_KIND
from .item import Item

Data = Mapping[str, Any]


def replicas_have_nodes(facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """One node holds a whole replica, or its part of one, and what runs replicas on several nodes is there.

    Of a product that is not there at all, what is free tells.
    """
    found = []
    for model in contract.get("models") or ():
        if nodes_per_replica(model) > 1:
            found.append(_groups_are_served(facts, model))
        largest = _largest_node(facts, model)
        if largest and gpus_per_pod(model) > largest:
            found.append(_too_wide(facts, model, gpus_per_pod(model), largest))
    return found


def memory_suffices(facts: Data, contract: Contract, _release: Data) -> list[Item]:
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
        node = _largest_node(facts, model) or gpus_per_pod(model)
        agreed = min(approved(contract).get(product, 0), int(contract["scaling"]["max_gpus_per_model"]))
        most = agreed if _serves_groups(facts) else 0
        answer = fit(model, memory_mib=memory, most_gpus=node * nodes_per_replica(model), agreed=most)
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


def _largest_node(facts: Data, model: Model) -> int:
    per_node = (facts["gpus"]["products"].get(str(model["gpu"]["product"])) or {}).get("per_node") or [0]
    return int(max(per_node))


def _serves_groups(facts: Data) -> bool:
    return LWS_KIND in (facts["apis"].get(LWS_API) or ())


def _groups_are_served(facts: Data, model: Model) -> Item:
    name, nodes, needed = str(model["name"]), nodes_per_replica(model), gpus_per_replica(model)
    largest = _largest_node(facts, model)
    here = f", and the largest node with {model['gpu']['product']} has {largest}" if largest else ""
    enough = largest >= needed
    other = "lower gpu.nodes to 1" if enough else "lower gpu.per_replica to what a node has, with gpu.nodes: 1"
    message = (
        f"One replica of {name} needs {needed} GPUs on {nodes} nodes{here}. That takes a {LWS_KIND}, and the cluster "
        f"does not serve {LWS_API}. Install LeaderWorkerSet, or {other}."
    )
    served = _serves_groups(facts)
    found = f"{LWS_API} is {'served' if served else 'not served'}"
    return Item(f"several nodes for {name}", served, found, f"{LWS_KIND} ({LWS_API})", message, "account")


def _too_wide(facts: Data, model: Model, needed: int, largest: int) -> Item:
    """A pod that no node can hold: with the number of nodes that would, and whether they can be had."""
    name, product, replica = str(model["name"]), str(model["gpu"]["product"]), gpus_per_replica(model)
    nodes = next((n for n in range(-(-replica // largest), replica + 1) if replica % n == 0), replica)
    spread = f"gpu.nodes: {nodes} spreads it over {nodes} nodes with {replica // nodes} each, by a {LWS_KIND}"
    if _serves_groups(facts):
        cluster, ways = f"the cluster serves {LWS_API}", "Say so"
    else:
        cluster, ways = f"the cluster does not serve {LWS_API}", "Install LeaderWorkerSet and say so"
    here = "one node" if nodes_per_replica(model) == 1 else f"each of {nodes_per_replica(model)} nodes"
    message = (
        f"One replica of {name} needs {amount(needed, 'GPU')} on {here}, and the largest node with {product} has "
        f"{largest}. {spread}, and {cluster}. {ways}, have larger nodes, or lower gpu.per_replica, with smaller "
        "weights if need be."
    )
    found = f"{amount(largest, 'GPU')} on a node"
    return Item(f"nodes for {name}", False, found, f"{needed} on {here}", message, "capacity")
