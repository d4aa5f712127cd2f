# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes as an identity with its own token: what it may write, and dry runs of it from many threads."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from byoc_testbed.api import MERGE, Api
from byoc_testbed.errors import ApiError

from .answers import Answer, answer_of
from .bases import MODELS, SYSTEM, Base
from .edits import merge_patch

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_BUSY = 429
_TRIES = 20
WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True)
class Right:
    """A verb on a resource. ``names`` limits it; empty means any."""

    namespace: str
    group: str
    resource: str
    verb: str
    names: tuple[str, ...] = ()


class Caller:
    """One identity's connection to one cluster."""

    def __init__(self, cluster: Any, identity: str, namespace: str, seconds: int) -> None:
        self.identity = identity
        self._cluster = cluster
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{identity}/token"
        answer = cluster.request("POST", path, {"spec": {"expirationSeconds": seconds}})
        self.api = Api(cluster.server, cluster.ca_file, answer["status"]["token"])
        self._rights: frozenset[Right] | None = None

    def close(self) -> None:
        self.api.close()

    @property
    def rights(self) -> frozenset[Right]:
        """The writes that the server says it may make in our namespaces and cluster-wide."""
        if self._rights is None:
            self._rights = frozenset(
                right for namespace in (SYSTEM, MODELS) for right in _rights(self._rules(namespace), namespace)
            )
        return self._rights

    def may(self, verb: str, base: Base) -> bool:
        """Whether its roles let it do that to an object; RBAC knows no name of what is created."""
        group, resource = self._place(base)
        for right in self.rights:
            same = (right.group, right.resource, right.verb) == (group, resource, verb)
            here = base.kind == "Node" or right.namespace == base.namespace
            by_name = verb == "create" and base.kind != "TokenRequest"
            if same and here and (not right.names or (base.name in right.names and not by_name)):
                return True
        return False

    def write(self, verb: str, base: Base, new: Mapping[str, Any]) -> Answer:
        """What the server would do with it: a dry run."""
        collection = self._collection(base)
        if verb == "create":
            path = f"{collection}/{base.name}/token" if base.kind == "TokenRequest" else collection
            return self._ask("POST", path, new)
        if verb == "patch":
            return self._ask("PATCH", f"{collection}/{base.name}", merge_patch(base.thing, dict(new)))
        return self._ask("DELETE", f"{collection}/{base.name}", None)

    def kept(self, base: Base, new: Mapping[str, Any]) -> Any:
        """What the server would store of it under a name that is free; None where it would store nothing.

        An administrator asks, whom no guardrail of our names keeps from it.
        """
        beside = {**new, "metadata": {**new["metadata"], "name": f"{base.name}-beside"}}
        try:
            found = self._cluster.request("POST", f"{self._collection(base)}?dryRun=All", beside)
        except ApiError:
            return None
        return {**found, "metadata": {**found["metadata"], "name": base.name}}

    def _ask(self, method: str, path: str, body: Any) -> Answer:
        for _try in range(_TRIES):
            try:
                answer = self.api.request(method, f"{path}?dryRun=All", body, MERGE if method == "PATCH" else "")
            except ApiError as error:
                if error.status == _BUSY:
                    time.sleep(0.2)
                    continue
                return answer_of(error.status, error.body)
            return answer_of(200, answer)
        raise AssertionError(f"{method} {path}: the server was busy {_TRIES} times")

    def _collection(self, base: Base) -> str:
        if base.kind == "TokenRequest":
            return f"/api/v1/namespaces/{base.namespace}/serviceaccounts"
        return str(self._cluster.api.collection(base.thing))

    def _place(self, base: Base) -> tuple[str, str]:
        if base.kind == "TokenRequest":
            return "", "serviceaccounts/token"
        return base.group, self._collection(base).rpartition("/")[2]

    def _rules(self, namespace: str) -> list[Mapping[str, Any]]:
        answer = self.api.request("POST", _REVIEWS, {"spec": {"namespace": namespace}})
        assert not answer["status"]["incomplete"], answer["status"]
        return list(answer["status"]["resourceRules"])


def _rights(rules: Iterable[Mapping[str, Any]], namespace: str) -> Iterable[Right]:
    for rule in rules:
        names = tuple(rule.get("resourceNames") or ())
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for verb in set(rule["verbs"]) & {*WRITES, "*"}:
                    yield Right(namespace, group, resource, verb, names)
