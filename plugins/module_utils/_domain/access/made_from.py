# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether pods are what their template says. An owner reference says whose they are, and whoever may write a pod may
write one; so what a pod runs is compared, as far as it could be used by somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Data = Mapping[str, Any]

_OF_THE_HOST = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")
_KINDS_OF_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_COMPARED = ("image", "command", "args", "lifecycle")
#: What the API server adds to a pod for its account's token.
_ADDED_VOLUME = "kube-api-access-"


def unlike(pod: Data, template: Data) -> str:
    """What the spec of a pod has that its template's has not, in words; empty if there is nothing.

    Not compared is what cannot make a pod another one: resources, tolerations, probes, and what admission fills in.
    """
    for key in _OF_THE_HOST:
        if bool(pod.get(key)) != bool(template.get(key)):
            return f"its {key} is {str(bool(pod.get(key))).lower()}"
    account = str(pod.get("serviceAccountName") or "default")
    if account != str(template.get("serviceAccountName") or "default"):
        return f"it runs as {account}"
    for kind in _KINDS_OF_CONTAINERS:
        if found := _unlike_containers(pod.get(kind) or (), template.get(kind) or ()):
            return found
    return _unlike_volumes(pod.get("volumes") or (), template.get("volumes") or ())


def _unlike_containers(pods: Any, templates: Any) -> str:
    known = {str(each["name"]): each for each in templates}
    if len(pods) < len(known):
        return "a container is missing"
    for container in pods:
        name = str(container["name"])
        if name not in known:
            return f"it has a container {name} more"
        for key in _COMPARED:
            if (container.get(key) or None) != (known[name].get(key) or None):
                return f"the {key} of its container {name} is another"
        if _powers(container) - _powers(known[name]):
            return f"its container {name} is privileged"
    return ""


def _powers(container: Data) -> set[str]:
    context = container.get("securityContext") or {}
    added = set((context.get("capabilities") or {}).get("add") or ())
    return added | {key for key in ("privileged", "allowPrivilegeEscalation") if context.get(key)}


def _unlike_volumes(pods: Any, templates: Any) -> str:
    known = {str(each["name"]): _source(each) for each in templates}
    for volume in pods:
        name, source = str(volume["name"]), _source(volume)
        if name not in known and not (name.startswith(_ADDED_VOLUME) and source == {"projected"}):
            return f"it has a volume {name} more"
        if name in known and source != known[name]:
            return f"its volume {name} is another"
    return ""


def _source(volume: Data) -> set[str]:
    return {str(key) for key, value in volume.items() if key != "name" and value is not None}


def doubts(objects: Iterable[Data]) -> dict[str, str]:
    """By uid, why pods and replica sets are not what their owners make.

    :param objects: workloads and pods, whole.
    """
    known = {str(one["metadata"]["uid"]): one for one in objects}
    found = {uid: _doubt(one, known) for uid, one in known.items() if one["kind"] in ("Pod", "ReplicaSet")}
    return {uid: f"its owner makes no such pods: {said}" for uid, said in found.items() if said}


def _doubt(one: Data, known: Mapping[str, Data]) -> str:
    owner = known.get(_controller(one), {})
    template = (owner.get("spec") or {}).get("template")
    if template is None:
        return ""
    if one["kind"] == "Pod":
        return unlike(one["spec"], template["spec"])
    # An old one without pods is what a rollback of the Deployment would take, and until then runs nothing.
    if not _runs(one) or _is_rolling(owner):
        return ""
    return unlike(one["spec"]["template"]["spec"], template["spec"])


def _controller(one: Data) -> str:
    owners = one["metadata"].get("ownerReferences") or ()
    return next((str(each["uid"]) for each in owners if each.get("controller")), "")


def _runs(replica_set: Data) -> bool:
    return bool(replica_set["spec"].get("replicas") or (replica_set.get("status") or {}).get("replicas"))


def _is_rolling(deployment: Data) -> bool:
    """Whether its old pods are about to go. One that is paused keeps them for as long as somebody likes."""
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    seen = status.get("observedGeneration") == deployment["metadata"].get("generation")
    goes_on = not seen or status.get("updatedReplicas", 0) != status.get("replicas", 0)
    return goes_on and not spec.get("paused")
