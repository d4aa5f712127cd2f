# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/contract.md has every field; and what is printed for a mistake in each is as messages.json has it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.domain.contract.contracts import GONE, H100, ROOT, complaints_about, model
from tests.unit.domain.contract.test_schema import ALL

PAGE = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
ROWS = set(re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE))
MESSAGES = json.loads(Path(__file__).with_name("messages.json").read_text(encoding="utf-8"))

TOKEN = {"token_file": "/run/secrets/acme.token"}
LOOKUP = {"plugin": "community.hashi_vault.vault_kv2_get", "gives": "kubeconfig"}
ARCHITECTURE = {
    "parameters": 8030261248,
    "layers": 32,
    "attention_heads": 32,
    "kv_heads": 8,
    "head_dim": 128,
    "dtype": "bfloat16",
}
SCHEDULE = {"rrule": "FREQ=DAILY;BYHOUR=8", "duration": "10h", "time_zone": "UTC", "min": 1}
FULL = [
    model("a", gpu={"product": H100, "per_replica": 4}, replicas={"min": 4, "max": 4}),
    model("b", gpu={"product": H100, "per_replica": 8}, replicas={"min": 2, "max": 2}),
    model("c", replicas={"min": 1, "max": 1}),
]

HOOK = {"name": "noc", "webhook": {"url": "https://noc.acme.example/byoc"}}
TOLD = {"receivers": [HOOK], "default_receiver": "noc"}
MAIL = {"to": ["noc@acme.example"], "from": "byoc@acme.example", "smarthost": "smtp.acme.example"}
SCRAPED = {"namespace": "gpu-operator", "service": "each", "port": 9400}
FOREIGN = {"owner": "fireworks", "contact": "support", "receivers": ["noc"]}

# What is wrong in the example contract when a field's message is printed.
MISTAKES: dict[str, dict[str, Any]] = {
    "version": {"version": 2},
    "identity.name": {"identity.name": "Acme_EU"},
    "identity.customer": {"identity.customer": GONE},
    "identity.provider": {"identity.provider": "bare-metal"},
    "identity.region": {"identity.region": "us-east-1"},
    "identity.ring": {"identity.ring": "genral"},
    "identity.labels": {"identity.labels": {"a b": "x"}},
    "identity.uid": {"identity.uid": "acme"},
    "access.mode": {"access.mode": "hardend"},
    "access.credential": {"access.credential": {"token": "abc"}},
    "access.credential.kubeconfig_file": {"access.credential": {}},
    "access.credential.kubeconfig_env": {"access.credential": {"kubeconfig_env": "not a name"}},
    "access.credential.token_file": {"access.credential": TOKEN, "access.ca_file": "ca.pem"},
    "access.credential.token_env": {"access.credential.token_env": "ACME_TOKEN"},
    "access.credential.lookup": {"access.credential": {"lookup": {**LOOKUP, "terms": ["{{ x }}"]}}},
    "access.token_lifetime": {"access.token_lifetime": "30d"},
    "access.dropped_rights[]": {"access.dropped_rights": [{"identity": "deployer", "resource": "services"}]},
    "access.context": {"access.contxt": "acme"},
    "access.server": {"access.server": "https://api.acme.example"},
    "access.ca_file": {"access.ca_file": ["a"]},
    "access.ca_cert": {"access.ca_cert": "hello"},
    "access.tls_server_name": {"access.tls_server_name": 1},
    "access.proxy_url": {"access.proxy_url": "proxy:3128"},
    "capacity.gpus[].product": {"capacity.gpus.1": {"product": H100, "count": 8}},
    "capacity.gpus[].count": {"capacity.gpus.0.count": 0},
    "capacity.quotas.models": {"capacity.quotas": {"models": {"cpu": "64 cores"}}},
    "capacity.quotas.stack": {"capacity.quotas": {"stack": {"pods": 0}}},
    "scaling.max_replicas_per_model": {"models.0.replicas.max": 9},
    "scaling.max_gpus_per_model": {"scaling.max_gpus_per_model": 33},
    "scaling.scale_to_zero": {"scaling.scale_to_zero": False, "models.0.replicas.min": 0},
    "change.windows[].weekly": {"change.windows.0.weekly": ["tuesday"]},
    "change.windows[].start": {"change.windows.0.start": "2:00"},
    "change.windows[].rrule": {"change.windows.1.rrule": "FREQ=MONTHLY;BYDAY=1SA"},
    "change.windows[].from": {"change.windows.1.rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA;BYHOUR=22"},
    "change.windows[].duration": {"change.windows.0.duration": 3},
    "change.windows[].time_zone": {"change.windows.0.time_zone": "Europe/Berln"},
    "change.freezes[].from": {"change.freezes.0.from": "2026-13-01"},
    "change.freezes[].until": {"change.freezes.0.until": "2026-01-04T06:00"},
    "change.freezes[].time_zone": {"change.freezes.0.time_zone": GONE},
    "change.freezes[].reason": {"change.freezes.0.reason": 2026},
    "change.approvals.stack_upgrade": {"change.approvals.stack_upgrade": "require"},
    "change.approvals.model_change": {"change.approvals.model_changes": "none"},
    "change.approvals.node_action": {"change.approvals.node_action": True},
    "change.approvals.consolidation": {"change.approvals.consolidation": "auto"},
    "change.approvals.approvers": {"change.approvals.approvers": ["change-board"]},
    "change.approvals.sources": {"change.approvals.sources": ["clusters"]},
    "change.approvals.valid_for": {"change.approvals.valid_for": 7},
    "change.emergency.approvers": {"change.emergency": {"approvers": []}},
    "change.emergency.over_freezes": {"change.emergency": {"approvers": ["a@b.example"], "over_freezes": "yes"}},
    "actions.cordon": {"actions.cordn": "auto"},
    "actions.drain": {"actions.drain": "on"},
    "actions.restart_plugin": {"actions.restart_plugin": "yes"},
    "actions.gpu_reset": {"actions.gpu_reset": "automatic"},
    "actions.reboot": {"actions.reboot": False},
    "actions.replace": {"actions.replace": "aprove"},
    "health.expect[].product": {"health.expect.0.product": "NVIDIA-H100"},
    "health.expect[].gpus": {"health.expect.0.gpus": 0},
    "health.expect[].infiniband_ports": {"health.expect.0.infiniband_ports": "8"},
    "health.sources.dcgm_exporter": {"health.sources.dcgm": True},
    "health.sources.node_problem_detector": {"health.sources.node_problem_detector": "yes"},
    "health.observer_may_list": {"health.observer_may_list": ["secrets"]},
    "health.prometheus.namespace": {"health.prometheus": {"service": "prometheus"}},
    "health.prometheus.service": {"health.prometheus": {"namespace": "monitoring", "service": "prometheus:9090"}},
    "health.prometheus.port": {"health.prometheus": {"namespace": "m", "service": "p", "port": 0}},
    "health.scrape[].what": {"health.scrape": [{"what": "dcgm", **SCRAPED}]},
    "health.scrape[].namespace": {"health.scrape": [{"what": "dcgm_exporter", "service": "each", "port": 9400}]},
    "health.scrape[].service": {"health.scrape": [{"what": "dcgm_exporter", **SCRAPED, "service": "a.b"}]},
    "health.scrape[].port": {"health.scrape": [{"what": "dcgm_exporter", **SCRAPED, "port": 0}]},
    "health.exporters.reach": {"health.exporters": {"reach": "pod"}},
    "health.exporters.port": {"health.exporters": {"port": 94000}},
    "health.exporters.namespace": {"health.exporters": {"namespace": "gpu-operator/dcgm"}},
    "health.events.url": {"health.events": {"url": "http://events.acme.example", "token_secret": {"name": "events"}}},
    "health.events.token_secret.name": {"health.events": {"url": "https://events.acme.example"}},
    "health.events.token_secret.key": {
        "health.events": {"url": "https://events.acme.example", "token_secret": {"name": "events", "key": ""}}
    },
    "health.xids[].code": {"health.xids": [{"code": 63, "class": "information"}, {"code": 63, "class": "information"}]},
    "health.xids[].class": {"health.xids": [{"code": 63}]},
    "health.faults[].class": {"health.faults.0.class": "XID 63"},
    "health.faults[].action": {"health.faults.0.action": "restart"},
    "health.faults[].severity": {"health.faults.0.severity": "fatal"},
    "health.faults[].owner": {"health.faults.0.owner": "Customer"},
    "health.faults[].contact": {"health.faults.0.contact": "hardware"},
    "health.faults[].ask": {"health.faults.0.ask": 5},
    "alerts.receivers[].name": {"alerts": {**TOLD, "receivers": [HOOK, HOOK]}},
    "alerts.receivers[].webhook": {"alerts": {**TOLD, "receivers": [{"name": "noc", "webhook": {}}]}},
    "alerts.receivers[].email": {"alerts": {**TOLD, "receivers": [{"name": "noc", "email": MAIL}]}},
    "alerts.receivers[].pagerduty": {"alerts": {**TOLD, "receivers": [{"name": "noc", "pagerduty": {}}]}},
    "alerts.receivers[].slack": {"alerts": {**TOLD, "receivers": [{"name": "noc"}]}},
    "alerts.default_receiver": {"alerts": {**TOLD, "default_receiver": "nok"}},
    "alerts.routes[].owner": {"alerts": {**TOLD, "routes": [{"owner": "acme", "receivers": ["noc"]}]}},
    "alerts.routes[].contact": {"alerts": {**TOLD, "routes": [FOREIGN]}},
    "alerts.routes[].severity": {"alerts": {**TOLD, "routes": [{"severity": "info", "receivers": ["noc"]}]}},
    "alerts.routes[].receivers": {"alerts": {**TOLD, "routes": [{"receivers": ["noc"]}] * 2}},
    "alerts.watchdog": {"alerts": {**TOLD, "watchdog": "snitch"}},
    "alerts.egress": {"alerts": {**TOLD, "egress": ["192.0.2.1"]}},
    "telemetry.volume.size": {
        "telemetry": {"volume": {"size": "10Gi"}},
        "capacity.quotas": {"stack": {"storage": "5Gi"}},
    },
    "telemetry.volume.storage_class": {"telemetry": {"volume": {"size": "10Gi", "storage_class": "GP3"}}},
    "remediation.max_nodes": {"remediation.max_nodes": 0},
    "remediation.max_share": {"remediation.max_share": 10},
    "remediation.max_nodes_per_model": {"remediation.max_nodes_per_model": "1"},
    "remediation.breaker_share": {"remediation.breaker_share": 0},
    "remediation.storm_nodes": {"remediation.storm_nodes": 1},
    "remediation.evidence_max_age": {"remediation.evidence_max_age": 900},
    "remediation.cooldown": {"remediation.cooldown": "one hour"},
    "remediation.attempts": {"remediation.attempts": 11},
    "remediation.repairs_per_week": {"remediation.repairs": 5},
    "remediation.drain_deadline": {"remediation.drain_deadline": "0m"},
    "remediation.repair_deadline": {"remediation.repair_deadline": "1"},
    "remediation.healthy_for": {"remediation.healthy": "10m"},
    "efficiency.mode": {"efficiency": {"mode": "auto"}},
    "efficiency.max_moves": {"efficiency": {"max_moves": 0}},
    "efficiency.cooldown": {"efficiency": {"cooldown": 24}},
    "efficiency.ratio": {"efficiency": {"ratio": 0.5}},
    "contacts.networking": {"contacts.networking.email": "netops"},
    "contacts.account": {"contacts.account.name": GONE},
    "contacts.capacity": {"contacts.capacity": GONE},
    "contacts.security": {"contacts.security.mail": "x"},
    "contacts.support": {"contacts.support.phone": "call me"},
    "contacts.escalation": {"contacts.escalation.0.after": "soon"},
    "compliance.registries": {"compliance.registries": ["https://registry.acme.example"]},
    "compliance.regions": {"compliance.regions": "eu-west-1"},
    "compliance.pod_security": {"compliance.pod_security": "strict"},
    "compliance.egress": {"compliance.egress": ["10.0.0.1/8"]},
    "compliance.digests_required": {"compliance.digests_required": "yes"},
    "compliance.overflow": {"compliance.overflow": None},
    "networking.domain": {"networking.domain": "https://llm.acme.example"},
    "networking.cluster_domain": {"networking.cluster_domain": "local"},
    "networking.gateway": {"networking.gateway": {"name": "public"}},
    "stack.release": {"stack.release": "2026.11"},
    "stack.channel": {"stack.channel": "stable"},
    "models": {"models": FULL},
    "models[].name": {"models.1": model("llama-3-1-8b")},
    "models[].served_name": {"models.1": model("other", served_name="meta-llama/Llama-3.1-8B-Instruct")},
    "models[].source.uri": {"models.0.source.uri": "meta-llama/Llama"},
    "models[].source.revision": {"models.0.source.revision": "main"},
    "models[].source.digest": {"models.0.source.digest": "sha256:abc"},
    "models[].source.credential.secret.name": {"models.0.source.credential": {"secret": {"key": "token"}}},
    "models[].source.credential.secret.key": {"models.0.source.credential": {"secret": {"name": "hub-token"}}},
    "models[].source.credential.workload_identity.aws_role": {
        "models.0.source.credential": {"workload_identity": {"aws_role": "arn:aws:iam::123456789012:role/weights"}}
    },
    "models[].source.credential.workload_identity.google_service_account": {
        "models.0.source.credential": {
            "workload_identity": {"google_service_account": "weights@acme-ml.iam.gserviceaccount.com"}
        }
    },
    "models[].task": {"models.0.task": "embed"},
    "models[].engine": {"models.0.engine.version": "latest"},
    "models[].engine.arguments": {"models.0.engine.arguments": {"--max-num-seqs": 128}},
    "models[].gpu.product": {"models.0.gpu.product": "NVIDIA-H100"},
    "models[].gpu.per_replica": {"models.0.gpu.per_replica": 33},
    "models[].gpu.nodes": {
        "capacity.gpus.0.count": 33,
        "models.0.gpu": {"product": H100, "per_replica": 15, "nodes": 2},
        "models.0.replicas": {"min": 1, "max": 1},
        "models.0.scaling": GONE,
    },
    "models[].parallelism.tensor": {"models.0.parallelism": {"tensor": 3, "pipeline": 2}},
    "models[].parallelism.pipeline": {"models.0.gpu.per_replica": 4, "models.0.parallelism": {"pipeline": 3}},
    "models[].quantization": {"models.0.quantization": "FP8"},
    "models[].kv_cache_dtype": {"models.0.kv_cache_dtype": "fp8_e4m"},
    "models[].architecture": {"models.0.architecture": {**ARCHITECTURE, "dtype": "bf16"}},
    "models[].adapters": {"models.0.adapters": [{"name": "llama-3-1-8b", "source": "hf://a/b"}] * 2},
    "models[].context_length": {"models.0.context_length": 0},
    "models[].replicas": {"models.0.gpu.per_replica": 8},
    "models[].priority": {"models.0.priority": "urgent"},
    "models[].traffic_class": {"models.0.traffic_class": "bulk"},
    "models[].objectives.availability": {"models.0.objectives": {"availability": 99.9}},
    "models[].objectives.time_to_first_token": {
        "models.0.objectives": {"time_to_first_token": {"within": "300ms", "share": 0.95}}
    },
    "models[].objectives.inter_token_latency": {"models.0.objectives": {"inter_token_latency": {"within": "100ms"}}},
    "models[].load_timeout": {"models.0.load_timeout": "0m"},
    "models[].scaling.signals": {"models.0.scaling.signals.kv_cache_usage": 80},
    "models[].scaling.idle_to_zero": {"models.0.scaling.idle_to_zero": "15m"},
    "models[].scaling.schedules": {"models.0.scaling.schedules": [{**SCHEDULE, "max": 9}]},
    "models[].rollout.downtime": {"models.0.rollout.downtime": "no"},
    "models[].rollout.bake": {"models.0.rollout.bake": 2},
    "models[].rollout.deadline": {"models.0.rollout.deadline": "90s"},
    "models[].rollout.history": {"models.0.rollout.history": 0},
    "models[].health_gate.canary_request": {"models.0.health_gate.canary_request": 1},
    "models[].health_gate.heartbeat_grace": {"models.0.health_gate.heartbeat_grace": "0s"},
    "models[].weights_cache": {"models.0.weights_cache": {}},
    "models[].weights_cache.stage": {"models.0.weights_cache": {"claim": "weights", "stage": "yes"}},
    "models[].overflow": {"models.0.overflow": True},
}


def printed(changes: dict[str, Any]) -> str:
    [(where, message)] = complaints_about(changes).items()
    return f"{where}: {message}"


@pytest.mark.parametrize("field", MISTAKES)
def test_the_message_of_a_field_is_really_printed(field: str) -> None:
    assert MESSAGES[field] == printed(MISTAKES[field])


def test_the_page_has_every_field_and_no_other() -> None:
    assert ROWS == set(MISTAKES) == set(MESSAGES)
    # Sections whose few keys are told in one row.
    together = (
        "identity.labels",
        "access.credential.lookup",
        "access.dropped_rights[].",
        "contacts.",
        "networking.gateway",
        "capacity.quotas.",
    )
    together += ("models[].engine", "models[].replicas", "models[].architecture", "models[].adapters")
    together += tuple(f"alerts.receivers[].{kind}." for kind in ("webhook", "email", "pagerduty", "slack"))
    together += ("models[].objectives.time_to_first_token.", "models[].objectives.inter_token_latency.")
    together += ("models[].scaling.signals", "models[].scaling.schedules", "models[].weights_cache")
    fields = {place.removeprefix(".") for place in ALL}
    leaves = {place for place in fields if not any(other.startswith((f"{place}.", f"{place}[")) for other in fields)}
    told_elsewhere = {place for place in leaves if place.startswith(together)}
    assert {place.removesuffix("[]") for place in leaves - told_elsewhere} - ROWS == set()


def test_the_page_says_why_training_and_images_are_refused() -> None:
    assert printed({"models.0.task": "fine-tune"}) in PAGE
    assert printed({"models.0.engine.image": "docker.io/vllm/vllm-openai:latest"}) in PAGE
