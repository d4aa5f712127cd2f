# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``leftover_info``: what is in our namespaces, or refers to us, and nothing accounts for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.access.accounted import Accounted, accounted_for_grants
from .._domain.access.left_behind import Thing, is_view, left_behind
from .._domain.access.made_from import doubts
from .._domain.access.references import REFERRING, reference
from .._domain.names import (
    NAMESPACES,
    ROUTER_MODELS,
    SETUP_NAMESPACE,
    SETUP_SET,
    SYSTEM_NAMESPACE,
    account_user,
)
from .._kube.applyset import MANAGED_BY
from .._kube.collect import Collector
from .._kube.compare import ABSENT, differences
from .._kube.discovery import Discovery, Resource
from .._kube.manifests import parse_definition
from .._kube.objects import Manifest, Ref, theirs_hidden
from .._kube.rbac import foreign_bindings
from .._kube.session import Session
from .._operation import Context, Operation
from .models.routing import routing

_ENTRY = {
    "kind": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
    "namespace": {"type": "str", "default": ""},
    "name": {"type": "str"},
    "matching": {"type": "str"},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "accounted": {
        "type": "list",
        "elements": "dict",
        "options": _ENTRY,
        "required": True,
        "required_one_of": [["name", "matching"]],
        "mutually_exclusive": [["name", "matching"]],
    },
    "definition": {"type": "raw"},
    "customers_own": {"type": "list", "elements": "str", "default": []},
}

_OURS = (*NAMESPACES, SETUP_NAMESPACE)
_GROUPS = [f"system:serviceaccounts:{namespace}" for namespace in _OURS]
#: A binding to any other account beside one of these is found, too.
_USERS = [account_user("any", namespace) for namespace in _OURS]
_RBAC = "rbac.authorization.k8s.io"
_BINDINGS = (f"ClusterRoleBinding.{_RBAC}", f"RoleBinding.{_RBAC}")
_WITH_PODS = ("Deployment.apps", "ReplicaSet.apps", "StatefulSet.apps", "Pod")
#: In every cluster, many, and never ours.
_OTHERS = frozenset({"Node", "CSINode.storage.k8s.io", "VolumeAttachment.storage.k8s.io", "ComponentStatus"})
_TOKENS = {"fieldSelector": "type=kubernetes.io/service-account-token"}
_MODELS_PART = Ref("ConfigMap", "", SYSTEM_NAMESPACE, ROUTER_MODELS)
#: Of one object so many different fields are told.
_SHOWN = 3


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read what is there, and judge it."""
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    discovery = Discovery.of(session, cached=False)
    collector = Collector(session, discovery)
    kinds = [kind for kind in discovery.listable() if not is_view(kind.kind, kind.group)]
    things = _things(collector, kinds)
    accounted = Accounted([*parameters["accounted"], *accounted_for_grants(_sets_of_grants(things))])
    doubtful = {**_tokens(collector, discovery), **doubts(collector.whole(_WITH_PODS, *NAMESPACES))}
    judged = [replace(thing, doubt=doubtful.get(thing.uid, "")) for thing in things]
    known = {thing.uid for thing in things}
    judged += [thing for thing in _referring(collector, discovery) if thing.uid not in known]
    altered = _altered(session, discovery, collector, parse_definition(parameters["definition"]))
    return {
        "left_behind": left_behind(judged, accounted, parameters["customers_own"]),
        "altered": altered,
        "unreadable": sorted(collector.unreadable),
        "kinds": len(kinds),
    }


def _sets_of_grants(things: Iterable[Thing]) -> list[str]:
    sets = [thing.name for thing in things if (thing.kind, thing.namespace) == ("ConfigMap", SETUP_NAMESPACE)]
    return [name for name in sets if name == SETUP_SET or name.startswith(f"{SETUP_SET}-")]


def _things(collector: Collector, kinds: Iterable[Resource]) -> list[Thing]:
    """Everything in our namespaces, and of the cluster's own objects those that look like ours."""
    places = [
        (kind, namespace)
        for kind in kinds
        if kind.group_kind not in _OTHERS
        for namespace in (_OURS if kind.namespaced else ("",))
    ]
    found = [_thing(kind, item["metadata"]) for (kind, _namespace), item in collector.metadata(places)]
    return [thing for thing in found if thing.namespace or thing.ours]


def _thing(resource: Resource, metadata: Mapping[str, Any]) -> Thing:
    managers = metadata.get("managedFields") or ()
    return Thing(
        kind=resource.kind,
        group=resource.group,
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata["name"]),
        resource=f"{resource.plural}.{resource.group}" if resource.group else resource.plural,
        uid=str(metadata.get("uid") or ""),
        owners=tuple(metadata.get("ownerReferences") or ()),
        labels=metadata.get("labels") or {},
        made=str(metadata.get("creationTimestamp") or ""),
        by=str(managers[0].get("manager", "")) if managers else "",
        going=bool(metadata.get("deletionTimestamp")),
        ours=_looks_like_ours(metadata),
    )


def _looks_like_ours(metadata: Mapping[str, Any]) -> str:
    if str(metadata["name"]).startswith("fireworks-"):
        return "it has a name of ours, and nothing of the contract makes it"
    if MANAGED_BY.items() <= (metadata.get("labels") or {}).items():
        return "it has a label of ours, and nothing of the contract makes it"
    return ""


def _tokens(collector: Collector, discovery: Discovery) -> dict[str, str]:
    """Secrets that hold a token of an account: nothing of ours makes one."""
    secrets = discovery.find_group_kind("Secret")
    places = [(secrets, namespace) for namespace in _OURS] if secrets else []
    found = collector.metadata(places, _TOKENS)
    return {
        str(item["metadata"]["uid"]): "it holds a token of an account, which never expires" for _place, item in found
    }


def _referring(collector: Collector, discovery: Discovery) -> list[Thing]:
    """What refers to us from outside our namespaces: bindings to our accounts, and what calls or loosens ours."""
    bindings = {Ref.of(one): one for one in collector.whole(_BINDINGS)}
    rows = foreign_bindings(bindings.values(), _USERS, _GROUPS, ())
    found = [(bindings[_place(row)], f"it gives {row['role']} to {row['subject']}", _shared(row)) for row in rows]
    found += [(one, words, "") for one in collector.whole(REFERRING) if (words := reference(one))]
    return [
        replace(_thing(resource, manifest["metadata"]), ours=words, shared=shared)
        for manifest, words, shared in found
        if (resource := discovery.find_group_kind(Ref.of(manifest).group_kind))
    ]


def _place(row: Mapping[str, Any]) -> Ref:
    return Ref(row["kind"], _RBAC, row["namespace"], row["name"])


def _shared(row: Mapping[str, Any]) -> str:
    return str(row["subject"]) if row["others"] else ""


def _altered(
    session: Session, discovery: Discovery, collector: Collector, wanted: Iterable[Manifest]
) -> list[dict[str, Any]]:
    """The objects of the definition that are there with other content. Of several manifests one will do: between two
    releases each object is as one of them."""
    manifests: dict[Ref, list[Manifest]] = {}
    for each in wanted:
        manifests.setdefault(Ref.of(each), []).append(each)
    misrouted = _misrouted(session) if manifests else []

    def look(ref: Ref) -> list[dict[str, Any]]:
        return min((compare(ref, manifest) for manifest in manifests[ref]), key=len)

    def compare(ref: Ref, manifest: Manifest) -> list[dict[str, Any]]:
        resource = discovery.find(manifest["apiVersion"], manifest["kind"])
        live = collector.one(resource, ref.namespace, ref.name) if resource else None
        if live and ref == _MODELS_PART:
            live = {key: value for key, value in live.items() if key != "data"}  # judged by the models' Services
        # What an apply of ours has not, somebody else has set, under whatever name.
        found = differences(manifest, theirs_hidden(live, manifest), manager="") if live else []
        # How many replicas there are changes with what they have to do, and gives nobody anything.
        kept = [each for each in found if each["field"] != "spec.replicas"]
        return [_difference(ref, each) for each in kept[:_SHOWN]]

    return [row for rows in [*session.in_parallel(look, manifests), misrouted] for row in rows]


def _misrouted(session: Session) -> list[dict[str, Any]]:
    """The files in which routers are told of models, and which the models' Services do not account for."""
    part = routing(session)
    return [
        {"object": str(_MODELS_PART), "field": f"data[{key}]", "added": key not in part.wanted,
         "expected": "what the models' Services make of it" if key in part.wanted else None, "found": "another text"}
        for key in part.otherwise
    ]  # fmt: skip


def _difference(ref: Ref, each: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: None if each[key] is ABSENT else str(each[key]) for key in ("expected", "found")}
    return {"object": str(ref), "field": str(each["field"]), "added": each["expected"] is ABSENT, **told}


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
