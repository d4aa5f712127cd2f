# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A contract, a release and facts for tests, each with only what a test wants to say."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.inventory import cluster_facts, node_view, pod_view
from tests.unit.domain.raw import H100, node

RELEASE: dict[str, Any] = {
    "version": "2026.11.0",
    "channel": "stable",
    "upgrades_from": ["2026.10.0"],
    "registry": "registry.fireworks.example/byoc",
    "kubernetes": {"minimum": "1.30"},
    "components": ["router", "telemetry"],
    "images": {
        "router": {"name": "lmstack-router", "digest": "sha256:aa"},
        "telemetry": {"name": "prometheus", "digest": "sha256:bb"},
    },
    "engines": {"vllm": {"0.11.0": {"name": "vllm-openai", "digest": "sha256:cc"}}},
}

APIS = {
    "v1": ["Pod"],
    "apps/v1": ["Deployment"],
    "policy/v1": ["PodDisruptionBudget"],
    "networking.k8s.io/v1": ["NetworkPolicy"],
    "scheduling.k8s.io/v1": ["PriorityClass"],
    "rbac.authorization.k8s.io/v1": ["Role"],
    "discovery.k8s.io/v1": ["EndpointSlice"],
    "admissionregistration.k8s.io/v1": ["ValidatingAdmissionPolicy"],
}
GATEWAY_API = {"gateway.networking.k8s.io/v1": ["HTTPRoute"]}

_CONTRACT: dict[str, Any] = {
    "version": 1,
    "identity": {"name": "acme-eu-1", "customer": "acme", "provider": "aws", "region": "eu-west-1", "uid": "0f5c"},
    "access": {"mode": "standard", "credential": {"kubeconfig_file": "acme.kubeconfig"}},
    "capacity": {"gpus": [{"product": H100, "count": 16}]},
    "scaling": {"max_replicas_per_model": 8, "max_gpus_per_model": 16, "scale_to_zero": True},
    "actions": {"cordon": "auto", "drain": "approve", "gpu_reset": "never", "reboot": "never", "replace": "never"},
    "contacts": {
        topic: {"name": f"Acme {topic}", "email": f"{topic}@acme.example"}
        for topic in ("networking", "account", "capacity", "security", "support")
    },
    "compliance": {
        "registries": ["registry.acme.example/fireworks"],
        "regions": ["eu-west-1"],
        "pod_security": "restricted",
        "egress": ["0.0.0.0/0"],
    },
    "networking": {},
    "health": {},
    "stack": {"release": "2026.11.0"},
    "models": [],
}


def model(name: str = "llama", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "served_name": "meta-llama/Llama-3.1-8B-Instruct",
        "source": {"uri": "hf://meta-llama/Llama-3.1-8B-Instruct", "revision": "0e9e39f"},
        "engine": {"name": "vllm", "version": "0.11.0"},
        "gpu": {"product": H100, "per_replica": 1},
        "context_length": 32768,
        "replicas": {"min": 2, "max": 2},
        "priority": "standard",
        "load_timeout": "20m",
        **more,
    }


def contract(**sections: Any) -> dict[str, Any]:
    """The contract with sections replaced (lists) or amended (mappings)."""
    made = copy.deepcopy(_CONTRACT)
    for name, section in sections.items():
        made[name] = {**made.get(name, {}), **section} if isinstance(section, dict) else section
    return made


WITH_GATEWAY = {"domain": "llm.acme.example", "gateway": {"name": "public", "namespace": "gateway-system"}}


def facts(
    nodes: list[dict[str, Any]] | None = None, pods: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    given: dict[str, Any] = {
        "uid": "0f5c",
        "version": {"gitVersion": "v1.36.2"},
        "apis": APIS,
        "nodes": [node_view(each) for each in (nodes if nodes is not None else [node("n1"), node("n2")])],
        "pods": [pod_view(each) for each in pods or []],
    }
    return cluster_facts(**{**given, **more})
