# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""May the models' pods reach the places that their weights come from?

Judged by the contract alone: it compiles into network policies, which hold wherever the cluster enforces them. Whether
a way through the agreed networks really leads there shows when the first replica loads, and is called unproven here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from ..contract.typed import Contract, Model
from ..model.credential import account_annotations
from ..model.engine_adapter import sources as places
from .item import Item

Data = Mapping[str, Any]
Network = IPv4Network | IPv6Network

_FETCHED = ("hf", "s3", "gs")
_METADATA = tuple(map(ip_network, ("169.254.169.254/32", "169.254.169.252/32")))
"""Where GKE hands pods their identity, with Dataplane V2 and without it."""


def sources_are_reachable(_facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """The contract's egress does not exclude the places of the weights, nor what hands out a workload identity."""
    networks = [ip_network(str(each)) for each in (contract.get("compliance") or {}).get("egress") or ()]
    found = []
    for model in contract.get("models") or ():
        found += [_item(model, uris, networks) for uris in [_fetched(model)] if uris]
        if any(key.startswith("iam.gke.io/") for key in account_annotations(model)):
            found.append(_metadata_server(model, networks))
    return found


def _fetched(model: Model) -> list[str]:
    return [uri for uri in places(model).values() if uri.partition("://")[0] in _FETCHED]


def _item(model: Model, uris: Sequence[str], networks: Sequence[Network]) -> Item:
    check, needed, here = f"source of {model['name']}", "a way in compliance.egress", _shown(networks)
    excluded = [uri for uri in uris if _excludes(uri, networks)]
    if excluded:
        message = (
            f"The pods of {model['name']} may open connections to {here} (compliance.egress), and "
            f"{', '.join(excluded)} is not there. Add the networks, or put the weights on a volume (pvc://)."
        )
        return Item(check, False, f"{here} excludes {excluded[0]}", needed, message, "networking")
    if any(network.prefixlen == 0 for network in networks):
        return Item(check, True, "egress to everywhere", needed)
    message = (
        f"Whether {here} (compliance.egress) leads to {', '.join(uris)} is unproven: it shows when the first replica "
        f"of {model['name']} loads. Name the networks of that place."
    )
    return Item(check, False, "unproven", needed, message, "networking", blocking=False)


def _excludes(uri: str, networks: Sequence[Network]) -> bool:
    """The Hub has public addresses only, which change; a bucket may be anywhere, in the customer's network too."""
    return not networks or (uri.startswith("hf://") and all(network.is_private for network in networks))


def _metadata_server(model: Model, networks: Sequence[Network]) -> Item:
    met = any(_covers(network, address) for network in networks for address in _METADATA)
    message = (
        f"The pods of {model['name']} get their workload identity from GKE's metadata server, which is not in "
        "compliance.egress: add 169.254.169.254/32 (Dataplane V2) or 169.254.169.252/32."
    )
    found = "in compliance.egress" if met else _shown(networks)
    return Item(f"identity of {model['name']}", met, found, "GKE's metadata server", message, "networking")


def _covers(network: Network, address: Network) -> bool:
    return isinstance(network, IPv4Network) and isinstance(address, IPv4Network) and network.supernet_of(address)


def _shown(networks: Sequence[Network]) -> str:
    return ", ".join(map(str, networks)) or "no network"
