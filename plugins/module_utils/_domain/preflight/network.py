# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can images come in, and can requests find their way?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.typed import Contract
from ..entry_point import OPENSHIFT_ROUTE, entry_point
from ..release import UnknownReleaseError, needed_images, registry
from .item import Item

Data = Mapping[str, Any]
_THERE = "images in the registry"


def images(_facts: Data, contract: Contract, release: Data) -> list[Item]:
    """The plan for images: which ones, from where. Whether they are there shows when the first is pulled."""
    needed = "by digest, from an allowed registry"
    try:
        wanted = needed_images(contract, release)
    except UnknownReleaseError as error:
        return [Item("images", False, "not all known", needed, f"There is no image for a model: {error}.")]
    return [Item("images", True, f"{len(wanted)} by digest, from {registry(contract, release)}", needed)]


def image_question(contract: Contract, release: Data) -> list[str]:
    """The images to ask their registry for; none where a model wants one that nobody knows, which is said apart."""
    try:
        return needed_images(contract, release)
    except UnknownReleaseError:
        return []


def images_there(found: Sequence[Data]) -> list[Item]:
    """Whether the registry has them, of what ``image_info`` found; none where nothing was asked for."""
    if not found:
        return []
    needed = "all of them there"
    missing = [str(each["image"]) for each in found if each["state"] == "missing"]
    if missing:
        message = (
            f"The registry has no {', '.join(missing)}, or does not show it to this login. Copy what is missing: "
            "fireworks.byoc.mirror prints how."
        )
        return [Item(_THERE, False, f"{len(missing)} of {len(found)} missing", needed, message, "account")]
    unknown = [each for each in found if each["state"] != "present"]
    if not unknown:
        return [Item(_THERE, True, f"{len(found)} there", needed)]
    asked = any(each["asked"] for each in unknown)
    message = f"Whether the registry has {len(unknown)} of the images is not tested: {unknown[0]['why']}."
    return [Item(_THERE, False, "not told" if asked else "not asked", needed, message, blocking=False)]


def domain(_facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """The plan for names: requests from outside need a domain, and its records lead to the gateway."""
    networking = contract.get("networking") or {}
    name = networking.get("domain")
    if entry_point(contract) == OPENSHIFT_ROUTE:
        return [Item("DNS plan", True, f"{name} and *.{name} to OpenShift's ingress", "networking.domain")]
    if not networking.get("gateway"):
        return [Item("DNS plan", True, "no gateway: served inside the cluster", "nothing")]
    found = f"{name} and *.{name} to the gateway" if name else "no domain"
    message = (
        "The contract names a gateway and no domain: name networking.domain, and lead it and *.domain to the gateway."
    )
    return [Item("DNS plan", bool(name), found, "networking.domain", message, "networking")]


def gateway(facts: Data, contract: Contract, _release: Data) -> list[Item]:
    """The gateway that the contract names is there, and its controller has taken it up."""
    wanted = (contract.get("networking") or {}).get("gateway")
    if not wanted:
        return []
    name = f"{wanted['namespace']}/{wanted['name']}"
    if any(path.endswith("/gateways") for path in facts.get("unreadable") or ()):
        message = f"This identity may not look at gateways: see that {name} is there and programmed."
        return [Item("gateway", False, "not seen", f"{name}, programmed", message, "networking", blocking=False)]
    there = [g for g in facts["gateways"] if (g["namespace"], g["name"]) == (wanted["namespace"], wanted["name"])]
    if not there:
        return [Item("gateway", False, "not there", name, f"There is no gateway {name}.", "networking")]
    ready = bool(there[0]["programmed"])
    message = f"The gateway {name} is there, and no controller has programmed it: requests from outside wait for that."
    found = "programmed" if ready else "not programmed"
    return [Item("gateway", ready, found, f"{name}, programmed", message, "networking", blocking=False)]
