# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster whose guardrails are exchanged for those of another version or contract, and for none; all else stays."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.eviction_grant import (
    EvictionGrant,
    as_notes,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import INSTALL_ANNOTATION
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.ordering import step_of
from byoc_testbed import ClusterSpec, NodePool
from byoc_testbed.api import APPLY, Api
from byoc_testbed.errors import ApiError
from tests.integration.guarded import ADMISSION, AUDIENCES, MODELS, RBAC, SYSTEM, until
from tests.unit.domain.agreed import contract as agreed
from tests.unit.domain.agreed import model as described
from tests.unit.domain.raw import H100, L40S

Manifest = dict[str, Any]
SPEC = ClusterSpec("admission", pools=[NodePool("h100")], device_plugin=False, scheduler=False, kubelets=False)
CUSTOMERS = "payments"
"""A namespace of the customer's, and their account in it."""
_ALWAYS = [{"weekly": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "duration": "24h",
            "time_zone": "Europe/Berlin"}]  # fmt: skip
_PRODUCTS = {1: {H100: 16}, 2: {H100: 16, L40S: 8}}
SECONDS = 240
"""So long a busy machine may take until what was applied is in force."""


@dataclass(frozen=True)
class Guardrails:
    """Those of prerequisites of one version, by a contract with so many GPU products. Version 0 has none."""

    version: int
    products: int = 1

    def __str__(self) -> str:
        if not self.version:
            return "none"
        return f"version {self.version}, {self.products} product{'s' if self.products > 1 else ''}"

    @property
    def contract(self) -> Manifest:
        approved = [{"product": product, "count": number} for product, number in _PRODUCTS[self.products].items()]
        return {**agreed(models=[described()], capacity={"gpus": approved}), "change": {"windows": _ALWAYS}}

    @property
    def objects(self) -> list[Manifest]:
        """The policies and their bindings."""
        return [made for made in self.presetup if _is_guardrail(made)] if self.version else []

    @property
    def presetup(self) -> list[Manifest]:
        made = presetup_objects(self.contract, (), (), AUDIENCES, self.version or 1)
        return sorted(made, key=lambda each: step_of(each["kind"]))


NONE = Guardrails(0)
ALL = (NONE, Guardrails(1), Guardrails(1, 2), Guardrails(2), Guardrails(2, 2))
NEWEST = ALL[-1]


def _is_guardrail(made: Manifest) -> bool:
    return str(made["kind"]).startswith("ValidatingAdmissionPolicy")


class Site:
    """A cluster with everything of the newest prerequisites but guardrails."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self._in_force: set[str] = set()
        self._apis: dict[str, Api] = {}
        self._marks = count(1)
        for made in NEWEST.presetup:
            if not _is_guardrail(made):
                self.apply(made)
        for made in _others():
            self.apply(made)
        self._note()

    def acting_as(self, account: str) -> Api:
        """One connection for each account (namespace/name), kept open."""
        if account not in self._apis:
            namespace, name = account.split("/")
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
            asked = {"spec": {"expirationSeconds": 3600}}
            token = self.cluster.request("POST", path, asked)["status"]["token"]
            self._apis[account] = Api(self.cluster.server, self.cluster.ca_file, token, threads=1)
        return self._apis[account]

    def guard_by(self, guardrails: Guardrails) -> None:
        """Put exactly these policies into force."""
        self.put_in_force(guardrails.objects)

    def put_in_force(self, policies: Sequence[Manifest]) -> None:
        """Exchange whatever policies there are for these, and wait until the API server asks them and no others."""
        wanted = {self._path(made) for made in policies}
        for path in sorted(self._in_force - wanted, reverse=True):
            self.cluster.request("DELETE", path)
        for made in policies:
            self.apply(made)
        self._in_force = wanted
        self._until_seen()

    def apply(self, made: Manifest) -> None:
        """As the administrator."""
        self.cluster.request("PATCH", f"{self._path(made)}?fieldManager=presetup&force=true", made, APPLY)

    def metrics(self) -> str:
        return str(self.cluster.request("GET", "/metrics"))

    def processor(self) -> float:
        """Seconds of processor time that the API server has used."""
        return float(self.cluster.processor_seconds()["kube-apiserver"])

    def close(self) -> None:
        for api in self._apis.values():
            api.close()

    def _path(self, made: Manifest) -> str:
        return f"{self.cluster.api.collection(made)}/{made['metadata']['name']}"

    def _until_seen(self) -> None:
        """The server reads policies, and bindings, in the order of their writing: a last one of each marks the end."""
        name = f"mark-{next(self._marks)}"
        policy, binding = _mark(name)
        for made in (policy, binding):
            self.apply(made)
        asked = {"metadata": {"name": name}}
        path = f"/api/v1/namespaces/{CUSTOMERS}/configmaps?dryRun=All"
        until(lambda: self._is_refused(path, asked), f"{name} is not in force", SECONDS)
        for made in (binding, policy):
            self.cluster.request("DELETE", self._path(made))
        until(lambda: not self._is_refused(path, asked), f"{name} is still in force", SECONDS)
        time.sleep(1)

    def _is_refused(self, path: str, asked: Manifest) -> bool:
        try:
            self.cluster.request("POST", path, asked)
        except ApiError as error:
            return "ValidatingAdmissionPolicy" in str(error)
        return False

    def _note(self) -> None:
        """Installing is over, and evictions are granted: so the clock is asked."""
        now = datetime.now(UTC).replace(microsecond=0)
        grant = EvictionGrant(until=(now + timedelta(minutes=59)).isoformat().replace("+00:00", "Z"))
        notes = {**as_notes(grant), INSTALL_ANNOTATION: (now - timedelta(days=1)).isoformat().replace("+00:00", "Z")}
        self.cluster.request("PATCH", f"/api/v1{SYSTEM}", {"metadata": {"annotations": notes}})


def _mark(name: str) -> tuple[Manifest, Manifest]:
    """A policy that refuses one ConfigMap of the customer's namespace, by its name."""
    group = ADMISSION.removeprefix("/apis/")
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}
    here = {"matchLabels": {"kubernetes.io/metadata.name": CUSTOMERS}}
    spec = {
        "matchConstraints": {"resourceRules": [rule], "namespaceSelector": here},
        "validations": [{"expression": f"object.metadata.name != '{name}'"}],
    }
    policy = {"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec}
    bound = {"policyName": name, "validationActions": ["Deny"]}
    return policy, {**policy, "kind": "ValidatingAdmissionPolicyBinding", "spec": bound}


def _others() -> list[Manifest]:
    """A customer's namespace and account, and what the node medic has while evictions are granted."""
    rbac = RBAC.removeprefix("/apis/")
    evicts = {"name": "evicts", "namespace": MODELS.removeprefix("/namespaces/")}
    right = [{"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]}]
    medic = {"kind": "ServiceAccount", "name": "node-medic", "namespace": SYSTEM.removeprefix("/namespaces/")}
    app = {"kind": "ServiceAccount", "name": "app", "namespace": CUSTOMERS}
    admin = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "evicts"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": CUSTOMERS}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app", "namespace": CUSTOMERS}},
        {"apiVersion": rbac, "kind": "RoleBinding", "metadata": {"name": "app", "namespace": CUSTOMERS},
         "roleRef": admin, "subjects": [app]},
        {"apiVersion": rbac, "kind": "Role", "metadata": evicts, "rules": right},
        {"apiVersion": rbac, "kind": "RoleBinding", "metadata": evicts, "roleRef": role, "subjects": [medic]},
    ]  # fmt: skip
