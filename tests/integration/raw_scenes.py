# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes as the API server has them, drawn by a seed: nodes, pods on them, and pods that ask for a node.

They hold whatever the scheduler's filters decide about, in the mixtures that a seed gives, and now and then what the
twin does not model.
"""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import GPU, MODELS_NAMESPACE

Raw = dict[str, Any]

SPACES = (MODELS_NAMESPACE, "apps")
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
PRODUCT = "nvidia.com/gpu.product"
_APPS = ("web", "db", "batch")
_TEAMS = ("a", "b")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
ASKING = 4
"""Pods that ask for a node, in each scene."""


class Drawn:
    """One scene. asking: pods without a node; the others are on theirs."""

    def __init__(self, seed: str, prefix: str) -> None:
        self._draw = random.Random(seed)  # noqa: S311 (a scene, and no secret)
        self._prefix = prefix
        self.nodes = [self._node(number) for number in range(self._draw.randint(2, 9))]
        names = [one["metadata"]["name"] for one in self.nodes]
        self.there = [self._there(number, names) for number in range(self._draw.randint(0, 12))]
        self.asking = [self._pod(f"ask-{number}", names, asks=True) for number in range(ASKING)]

    def _often(self, share: float) -> bool:
        return self._draw.random() < share

    # Nodes -------------------------------------------------------------------------------------------------------

    def _node(self, number: int) -> Raw:
        name = f"{self._prefix}-n{number}"
        labels = {HOST: name, PRODUCT: self._draw.choice(("H100", "H100", "L40S"))}
        if self._often(0.9):
            labels[ZONE] = self._draw.choice(("x", "y", "z"))
        if self._often(0.6):
            labels["size"] = self._draw.choice(("4", "8", "16", "big"))
        if self._often(0.4):
            labels["team"] = self._draw.choice(_TEAMS)
        room = {
            "cpu": self._draw.choice(("16", "64", "64", "7500m")),
            "memory": self._draw.choice(("16Gi", "64Gi", "1Ti")),
            "ephemeral-storage": self._draw.choice(("20Gi", "200Gi")),
            "pods": self._draw.choice(("2", "5", "110", "110")),
        }
        if self._often(0.85):
            room[GPU] = self._draw.choice(("4", "8", "8"))
        taints = [taint for taint in (self._taint(), self._taint()) if taint]
        spec: Raw = {"taints": [*{(one["key"], one["effect"]): one for one in taints}.values()]}
        if self._often(0.1):
            spec["unschedulable"] = True
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        status = {"capacity": room, "allocatable": room, "conditions": [ready]}
        metadata = {"name": name, "labels": labels}
        return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}

    def _taint(self) -> Raw | None:
        if self._often(0.85):
            return None
        key = self._draw.choice(("team", GPU))
        effect = self._draw.choice(("NoSchedule", "NoSchedule", "PreferNoSchedule", "NoExecute"))
        return {"key": key, "value": self._draw.choice(("a", "b", "")), "effect": effect}

    # Pods --------------------------------------------------------------------------------------------------------

    def _there(self, number: int, names: list[str]) -> Raw:
        pod = self._pod(f"pod-{number}", names, asks=False)
        pod["spec"]["nodeName"] = self._draw.choice(names)
        return pod

    def _pod(self, name: str, names: list[str], *, asks: bool) -> Raw:
        space = self._draw.choice(SPACES)
        labels = {"app": self._draw.choice(_APPS)}
        if self._often(0.3):
            labels["tier"] = self._draw.choice(("1", "2"))
        containers = [self._container(f"c{number}") for number in range(self._draw.choice((1, 1, 1, 2)))]
        spec: Raw = {
            "containers": containers,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 600,
        }
        if self._often(0.15):
            spec["initContainers"] = [self._container("first")]
            if self._often(0.5):
                spec["initContainers"][0]["restartPolicy"] = "Always"
        if self._often(0.6 if asks else 0.3):
            spec["tolerations"] = [self._toleration() for _each in range(self._draw.randint(1, 2))]
        if self._often(0.3):
            spec["nodeSelector"] = self._draw.choice(({PRODUCT: "H100"}, {"team": "a"}, {ZONE: "x"}))
        if affinity := self._affinity(names, asks=asks):
            spec["affinity"] = affinity
        if self._often(0.25 if asks else 0.05):
            spec["topologySpreadConstraints"] = [self._spread() for _each in range(self._draw.choice((1, 1, 2)))]
            keys = [(one["topologyKey"], one["whenUnsatisfiable"]) for one in spec["topologySpreadConstraints"]]
            if len(set(keys)) < len(keys):
                del spec["topologySpreadConstraints"][1:]
        if self._often(0.04):
            spec["volumes"] = [{"name": "v", "hostPath": {"path": "/x"}}]
        metadata = {"name": f"{self._prefix}-{name}", "namespace": space, "labels": labels}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def _container(self, name: str) -> Raw:
        wanted: Raw = {}
        if self._often(0.8):
            wanted["cpu"] = self._draw.choice(("100m", "1500m", "2", "6"))
            wanted["memory"] = self._draw.choice(("1Gi", "8Gi", "20Gi"))
        if self._often(0.15):
            wanted["ephemeral-storage"] = self._draw.choice(("5Gi", "30Gi"))
        gpus = self._draw.choice((0, 0, 1, 1, 2, 4)) if name != "first" else 0
        limits = {GPU: str(gpus)} if gpus else {}
        made: Raw = {
            "name": name,
            "image": "pause:1",
            "resources": {"requests": {**wanted, **limits}, "limits": limits},
        }
        if self._often(0.12) and name == "c0":
            port = {"containerPort": 80, "hostPort": self._draw.choice((8080, 9090))}
            if self._often(0.3):
                port["hostIP"] = self._draw.choice(("10.0.0.1", "10.0.0.2"))
            if self._often(0.2):
                port["protocol"] = "UDP"
            made["ports"] = [port]
        return made

    def _toleration(self) -> Raw:
        key = self._draw.choice(("team", GPU))
        found: Raw = {"key": key, "operator": "Exists"}
        if self._often(0.4):
            found = {"key": key, "operator": "Equal", "value": self._draw.choice(("a", "b"))}
        if self._often(0.1):
            found = {"operator": "Exists"}
        if self._often(0.6):
            found["effect"] = self._draw.choice(("NoSchedule", "NoSchedule", "NoExecute"))
        return found

    def _affinity(self, names: list[str], *, asks: bool) -> Raw:
        found: Raw = {}
        if self._often(0.3 if asks else 0.1):
            terms = [self._node_term(names) for _each in range(self._draw.choice((1, 1, 2)))]
            found["nodeAffinity"] = {_REQUIRED: {"nodeSelectorTerms": terms}}
        if self._often(0.15 if asks else 0.08):
            terms = [self._pod_term() for _each in range(2 if self._often(0.05) else 1)]
            found["podAffinity"] = {_REQUIRED: terms}
        if self._often(0.25 if asks else 0.12):
            terms = [self._pod_term() for _each in range(self._draw.choice((1, 1, 2)))]
            found["podAntiAffinity"] = {_REQUIRED: terms}
        return found

    def _node_term(self, names: list[str]) -> Raw:
        if self._often(0.1):
            field = {"key": "metadata.name", "operator": "In", "values": [self._draw.choice(names)]}
            return {"matchFields": [field]}
        return {"matchExpressions": [self._node_expression() for _each in range(self._draw.choice((1, 1, 2)))]}

    def _node_expression(self) -> Raw:
        operator = self._draw.choice(("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))
        key = "size" if operator in ("Gt", "Lt") else self._draw.choice(("size", "team", ZONE))
        if operator in ("Gt", "Lt"):
            return {"key": key, "operator": operator, "values": [self._draw.choice(("4", "8"))]}
        if operator in ("In", "NotIn"):
            chosen = self._draw.sample(("4", "8", "a", "x", "y"), 2)
            return {"key": key, "operator": operator, "values": chosen}
        return {"key": key, "operator": operator}

    def _selector(self) -> Raw | None:
        drawn = self._draw.random()
        if drawn < 0.6:
            return {"matchLabels": {"app": self._draw.choice(_APPS)}}
        if drawn < 0.8:
            apps = self._draw.sample(_APPS, 2)
            return {
                "matchExpressions": [{"key": "app", "operator": self._draw.choice(("In", "NotIn")), "values": apps}]
            }
        if drawn < 0.95:
            return {"matchExpressions": [{"key": "tier", "operator": self._draw.choice(("Exists", "DoesNotExist"))}]}
        return {}

    def _pod_term(self) -> Raw:
        term: Raw = {"topologyKey": self._draw.choice((HOST, HOST, ZONE)), "labelSelector": self._selector()}
        if self._often(0.25):
            term["namespaces"] = self._draw.sample(SPACES, self._draw.randint(1, 2))
        if self._often(0.06):
            term["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": "apps"}}
        return term

    def _spread(self) -> Raw:
        found: Raw = {
            "topologyKey": self._draw.choice((HOST, ZONE, ZONE)),
            "maxSkew": self._draw.choice((1, 1, 2)),
            "whenUnsatisfiable": "DoNotSchedule" if self._often(0.8) else "ScheduleAnyway",
            "labelSelector": self._selector(),
        }
        if self._often(0.08):
            found["nodeTaintsPolicy"] = "Honor"
        return found

    def leaving(self) -> list[Raw]:
        """Those of the pods that are on a node, and are told to end."""
        return [one for one in self.there if hash_of(one) % 8 == 0]

    def over(self) -> list[Raw]:
        """Those that have ended."""
        return [one for one in self.there if hash_of(one) % 11 == 5]


def hash_of(pod: Raw) -> int:
    """The same in each run, unlike Python's own."""
    return sum(map(ord, pod["metadata"]["name"]))
