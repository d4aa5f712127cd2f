# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Are the GPUs there, ready, offered to the scheduler, and enough for the models?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._vocabulary.listing import amount, few
from ..capacity import approved, floor, unplaced
from ..contract.typed import Contract
from ..gpu_products import UNKNOWN
from ..names import GPU, GPU_PRODUCT_LABEL, MANAGED_BY, MODELS_NAMESPACE
from ..quantity import count
from .item import Item

Data = Mapping[str, Any]


def gpu_nodes(facts: Data, _contract: Contract, _release: Data) -> list[Item]:
    """There are GPU nodes, and they are ready."""
    nodes = facts["nodes"]
    found = f"{nodes['gpu']}, {nodes['gpu_ready']} ready"
    if not nodes["gpu_ready"]:
        message = f"None of the cluster's {nodes['total']} nodes is a ready GPU node."
        return [Item("GPU nodes", False, found, "at least one ready", message, "capacity")]
    sick = ", ".join(f"{problem['node']} ({problem['reason']})" for problem in nodes["problems"][:5])
    message = f"Some GPU nodes are not ready: {sick}."
    all_ready = nodes["gpu_ready"] == nodes["gpu"]
    return [Item("GPU nodes", all_ready, found, "all ready", message, "capacity", blocking=False)]


def device_plugin(facts: Data, _contract: Contract, _release: Data) -> list[Item]:
    """A device plugin offers the GPUs. Clouds hide theirs, so nodes that offer GPUs are proof enough."""
    plugin, nodes = facts["device_plugin"], facts["nodes"]
    found = f"{nodes['gpu_offering']} of {nodes['gpu']} GPU nodes offer GPUs"
    if plugin["found"]:
        found += f" ({plugin['namespace']}/{plugin['name']}, {plugin['ready']} of {plugin['desired']} ready)"
    return [
        Item(
            "device plugin",
            0 < nodes["gpu"] == nodes["gpu_offering"],
            found,
            "every GPU node offers its GPUs",
            f"{found}: the NVIDIA device plugin, which offers {GPU} to the scheduler, is missing or sick.",
            "capacity",
            blocking=nodes["gpu_offering"] == 0,
        )
    ]


def approved_gpus(facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """What was approved is there. Only advice: a node may be away for repair, or come when it is needed."""
    found = []
    for product, wanted in approved(contract).items():
        there = int(_of(facts, product).get("allocatable", 0))
        message = (
            f"{wanted} {product} are approved, and the cluster has {there}{_instead(facts, product)}: "
            f"models scale to {there} at most."
        )
        name = f"approved {product}"
        found.append(Item(name, there >= wanted, str(there), str(wanted), message, "capacity", blocking=False))
    return found


def gpu_labels(facts: Data, _contract: Contract, _release: Data) -> list[Item]:
    """Every GPU node has the label by which models select theirs. Advice: whether the others suffice is seen below."""
    without = facts["nodes"]["unlabelled"]
    nodes = sum(len(group["nodes"]) for group in without)
    message = (
        f"{few([_told(group) for group in without], 5)}. Models select their nodes by the label {GPU_PRODUCT_LABEL}, "
        "which is missing there, so they get none of these GPUs. Install NVIDIA's GPU feature discovery, which sets it."
    )
    found = f"{nodes} of {facts['nodes']['gpu']} GPU nodes without {GPU_PRODUCT_LABEL}" if nodes else "on all GPU nodes"
    return [Item("GPU labels", not nodes, found, "on all GPU nodes", message, "capacity", blocking=False)]


def models_fit(facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """Every model gets its least number of replicas on the GPUs that are free now."""
    found = []
    for product, needed in sorted(floor(contract).items()):
        gpus = _of(facts, product)
        short = unplaced(contract, product, gpus)
        free = int(gpus.get("free", 0)) + sum((gpus.get("ours") or {}).values())
        # An identity confined to our namespaces does not see what pods of others hold.
        bound = "at most " if "/api/v1/pods" in (facts.get("unreadable") or ()) else ""
        state = f"{bound}{free} free of {int(gpus.get('allocatable', 0))}"
        message = (
            f"The models need {needed} {product} to start, and the cluster has {state}{_instead(facts, product)}. "
            f"No room for {', '.join(map(_spoken, short))}.{_closed(gpus)}"
        )
        found.append(Item(f"free {product}", not short, state, f"{needed} for the models", message, "capacity"))
    return found


def quota(facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """No quota of somebody else's in our namespace is tighter than what was approved."""
    key, total = f"requests.{GPU}", sum(approved(contract).values())
    tight = ", ".join(
        f"{q['name']} ({q['hard'][key]})"
        for q in facts["quotas"]
        if q["namespace"] == MODELS_NAMESPACE
        and q["managed"] != MANAGED_BY
        and key in q["hard"]
        and count(q["hard"][key]) < total
    )
    message = f"{MODELS_NAMESPACE} has a quota tighter than the {amount(total, 'GPU')} approved: {tight}."
    return [Item("GPU quota", not tight, tight or "no other quota", f"{total} or more", message, "capacity")]


def _of(facts: Data, product: str) -> Data:
    found: Data = facts["gpus"]["products"].get(product) or {}
    return found


def _instead(facts: Data, product: str) -> str:
    """A hint where the product is missing altogether: what there is instead."""
    there = facts["gpus"]["products"]
    return f" (but {', '.join(there)})" if there and product not in there else ""


def _told(group: Data) -> str:
    """Which nodes have GPUs of which product, and what says so."""
    nodes = few(group["nodes"], 5, ", ")
    return f"{nodes}: {group['product']} by {group['by']}" if group["product"] else f"{nodes}: {UNKNOWN}"


def _closed(gpus: Data) -> str:
    """What keeps models from GPUs that nobody uses. Only the customer can change it."""
    told = [f"{entry['gpus']} ({entry['why']})" for entry in gpus.get("closed") or ()]
    return f" Models cannot use {few(told, 5)}." if told else ""


def _spoken(short: Data) -> str:
    place = "on one node" if short["nodes"] == 1 else f"on each of {short['nodes']} nodes"
    gpus = "1 GPU" if short["each"] == short["nodes"] == 1 else f"{amount(short['each'], 'GPU')} {place}"
    return f"{amount(short['missing'], 'replica')} of {short['model']} ({gpus} each)"
