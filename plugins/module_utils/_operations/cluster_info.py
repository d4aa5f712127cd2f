# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``cluster_info``: what a play wants to know of one cluster, in one call, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.fact_reads import MADE_OF, reads_for
from .._domain.inventory import cluster_facts, node_view, pod_view
from .._domain.lock import about, hold_of
from .._domain.names import (
    LOCK,
    LWS_API,
    LWS_KIND,
    LWS_PLURAL,
    MODELS_NAMESPACE,
    NAMESPACES,
    SYSTEM_NAMESPACE,
)
from .._domain.scaling.autoscaler import HPA_API, HPA_KIND, KEDA_API, KEDA_KIND
from .._kube.discovery import Discovery
from .._kube.errors import ForbiddenError, NotFoundError
from .._kube.lease import LeasePlace
from .._kube.permissions import ask_permissions, who_am_i
from .._kube.session import Session
from .._operation import Context, Operation
from .._vocabulary.applyset_keys import ID_LABEL
from .budget_reading import budgets_or_none_measured

_QUESTION: dict[str, Any] = {
    "verb": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
    "resource": {"type": "str", "required": True},
    "subresource": {"type": "str"},
    "namespace": {"type": "str"},
    "name": {"type": "str"},
}
ALL = "all"
#: These have options of their own.
_ASKED_FOR = {"permissions", "scalers"}
SUBSETS = [ALL, *(fact for fact in MADE_OF if fact not in _ASKED_FOR)]
ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "gather_subset": {"type": "list", "elements": "str", "choices": SUBSETS, "default": [ALL]},
    "can_i": {"type": "list", "elements": "dict", "options": _QUESTION, "default": []},
    "scalers": {"type": "bool", "default": False},
    "contract": {"type": "dict"},
}

Raw = Mapping[str, Any]
#: A finished pod holds no GPU; the server leaves it out of the answer.
_HOLDING_PODS = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}


class _Reader:
    """Reads collections, and remembers those that the identity may not read."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.unreadable: list[str] = []

    def views(self, path: str, view: Callable[[Raw], Any], query: Mapping[str, object] | None = None) -> list[Any]:
        """The collection, each object projected as its page arrives, so that the raw ones never pile up."""
        try:
            return [view(item) for item in self._session.list_items(path, query)]
        except ForbiddenError:
            self.unreadable.append(path)
        except NotFoundError:
            pass  # the API is not served here
        return []

    def views_everywhere_or_in_ours(
        self, plural: str, view: Callable[[Raw], Any], query: Mapping[str, object]
    ) -> list[Any]:
        """As :meth:`views` over all namespaces; an identity confined to our two sees at least those."""
        path = f"/api/v1/{plural}"
        found = self.views(path, view, query)
        return found if path not in self.unreadable else self.views_in_ours(plural, view, query)

    def views_in_ours(self, plural: str, view: Callable[[Raw], Any], query: Mapping[str, object]) -> list[Any]:
        return [item for ours in _ours("/api/v1", plural) for item in self.views(ours, view, query)]

    def namespaces(self) -> list[Raw]:
        """All namespaces; of an identity that may not list them, those of ours that it can see."""
        path = "/api/v1/namespaces"
        found = self.items(path)
        return found if path not in self.unreadable else self.each(*(f"{path}/{name}" for name in NAMESPACES))

    def each(self, *paths: str) -> list[Raw]:
        """Single objects, as far as they are there."""
        found: list[Raw] = []
        for path in paths:
            try:
                found.append(self._session.get(path))
            except ForbiddenError:
                self.unreadable.append(path)
            except NotFoundError:
                pass
        return found

    def lock(self) -> dict[str, str] | None:
        """Who holds the operation lock; nobody when there is none, or when its time is over."""
        place = LeasePlace(self._session, SYSTEM_NAMESPACE, LOCK)
        try:
            seen = place.read()
        except ForbiddenError:
            self.unreadable.append(place.path)
            return None
        hold = hold_of(seen.lease)
        return about(hold) if hold and not hold.expired(seen.now) else None

    def items(self, *paths: str, query: Mapping[str, object] | None = None) -> list[Raw]:
        return [item for path in paths for item in self.views(path, lambda raw: raw, query)]


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read the cluster's facts that are wanted."""
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    facts = read_facts(session, parameters["can_i"], scalers=parameters["scalers"], subset=parameters["gather_subset"])
    if contract := parameters["contract"]:
        facts["budgets"] = [row.to_dict() for row in budgets_or_none_measured(session, contract)]
    return {"facts": facts}


def read_facts(
    session: Session, can_i: Sequence[Raw] = (), *, scalers: bool = False, subset: Sequence[str] = (ALL,)
) -> dict[str, Any]:
    """The facts of a cluster, with what this identity may do of what is asked (``can_i``)."""
    session.learn({(LWS_API, LWS_PLURAL): LWS_KIND})
    reader = _Reader(session)
    wanted = set(MADE_OF) if ALL in subset else {*subset, *_ASKED_FOR}
    reads = _reads(session, reader, can_i, reads_for(wanted), scalers=scalers)
    read = dict(zip(reads, session.in_parallel(lambda one: one(), reads.values()), strict=True))
    facts = cluster_facts(uid=session.uid(), wanted=wanted, **read)
    return {**facts, "unreadable": sorted(reader.unreadable)}


def _reads(
    session: Session, reader: _Reader, can_i: Sequence[Raw], wanted: set[str], *, scalers: bool
) -> dict[str, Callable[[], Any]]:
    """The reads that are wanted, by the argument of ``cluster_facts`` that each is."""
    # Only these ask which kinds there are, and a kind that was installed a minute ago must not be missed.
    by_discovery = {"apis", "gateways"} & wanted or scalers
    discovery = Discovery.of(session, cached=False) if by_discovery else None
    reads: dict[str, tuple[str, Callable[[], Any]]] = {
        "version": ("version", lambda: session.get("/version")),
        "apis": ("apis", lambda: discovery and _apis(discovery)),
        "nodes": ("nodes", lambda: reader.views("/api/v1/nodes", node_view)),
        "pods": ("pods", lambda: reader.views_everywhere_or_in_ours("pods", pod_view, _HOLDING_PODS)),
        "our_pods": ("pods", lambda: reader.views_in_ours("pods", pod_view, _HOLDING_PODS)),
        "deployments": ("deployments", lambda: reader.items(*_ours("/apis/apps/v1", "deployments"))),
        "groups": ("groups", lambda: _groups(session, reader)),
        "daemonsets": ("daemonsets", lambda: reader.items("/apis/apps/v1/daemonsets")),
        "namespaces": ("namespaces", reader.namespaces),
        "namespace": ("namespaces", lambda: reader.each(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}")),
        "storage_classes": ("storage_classes", lambda: reader.items("/apis/storage.k8s.io/v1/storageclasses")),
        "gateways": ("gateways", lambda: discovery and _gateways(reader, discovery)),
        "endpoint_slices": ("endpoint_slices", lambda: _endpoint_slices(reader)),
        "quotas": ("quotas", lambda: reader.items(*_ours("/api/v1", "resourcequotas"))),
        "set_parents": ("set_parents", lambda: _set_parents(reader)),
        "scalers": ("scalers", lambda: _scalers(reader, discovery) if discovery and scalers else None),
        "lock": ("lock", reader.lock),
        "user": ("user", lambda: who_am_i(session)),
        "permissions": ("permissions", lambda: ask_permissions(session, can_i)),
    }
    return {argument: read for name, (argument, read) in reads.items() if name in wanted}


def _ours(api: str, plural: str) -> Iterable[str]:
    return [f"{api}/namespaces/{namespace}/{plural}" for namespace in (SYSTEM_NAMESPACE, MODELS_NAMESPACE)]


def _endpoint_slices(reader: _Reader) -> list[Raw]:
    """Ours, and the one that tells where the API server itself listens: our pods must be let through to it."""
    api = "/apis/discovery.k8s.io/v1"
    own = {"labelSelector": "kubernetes.io/service-name=kubernetes"}
    api_server = reader.items(f"{api}/namespaces/default/endpointslices", query=own)
    return [*reader.items(*_ours(api, "endpointslices")), *api_server]


def _set_parents(reader: _Reader) -> list[Raw]:
    return reader.items(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps", query={"labelSelector": ID_LABEL})


def _groups(session: Session, reader: _Reader) -> list[Raw]:
    """LeaderWorkerSets. Where the cluster serves none, no identity need have the right to list them."""
    try:
        served = session.get(f"/apis/{LWS_API}").get("resources") or ()
    except NotFoundError:
        return []
    is_served = any(one.get("name") == LWS_PLURAL for one in served)
    return reader.items(f"/apis/{LWS_API}/namespaces/{MODELS_NAMESPACE}/{LWS_PLURAL}") if is_served else []


def _gateways(reader: _Reader, discovery: Discovery) -> list[Raw]:
    gateways = discovery.find_group_kind("Gateway.gateway.networking.k8s.io")
    return reader.items(gateways.path()) if gateways else []


def _scalers(reader: _Reader, discovery: Discovery) -> list[Raw]:
    """What scales models: autoscalers, KEDA's own among them, and KEDA's objects where the cluster serves them."""
    autoscalers = discovery.find_group_kind(f"{HPA_KIND}.{HPA_API.partition('/')[0]}")
    of_keda = discovery.find_group_kind(f"{KEDA_KIND}.{KEDA_API.partition('/')[0]}")
    return [
        {**item, "kind": resource.kind}
        for resource in (autoscalers, of_keda)
        if resource
        for item in reader.items(resource.path(MODELS_NAMESPACE))
    ]


def _apis(discovery: Discovery) -> dict[str, list[str]]:
    apis: dict[str, list[str]] = {}
    for resource in discovery.all():
        apis.setdefault(resource.api_version, []).append(resource.kind)
    return apis


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
