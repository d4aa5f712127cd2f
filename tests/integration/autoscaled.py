# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KEDA, its metrics adapter and Prometheus for real, beside a cluster whose nodes are simulated.

Prometheus runs the configuration that the stack release renders, and finds pods by Kubernetes. What the pods would say
is served by this process, a path for each: a router's counters as Envoy writes them, an engine's metrics as vLLM does.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jinja2
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.alerting import alerting
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives import objective_rules
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.telemetry_volume import telemetry_storage
from byoc_testbed import parts
from byoc_testbed.api import APPLY
from byoc_testbed.pki import Authority
from byoc_testbed.ports import quiet_ports
from tests.integration.ansible_runs import ROOT
from tests.integration.way_to_services import way_to

RELEASE = ROOT / "roles" / "stack" / "files" / "releases" / "2026.12.0"
PODS = "/api/v1/namespaces/{}/pods"
_PORTS = ("prometheus", "grpc", "metrics", "health", "adapter", "adapter-metrics")
_NAMESPACE, _SERVICE = "keda", "keda-operator-metrics-apiserver"

#: In the rules of telemetry.
_HURRIED = {
    "[2m]": "[10s]", "[5m]": "[15s]", "< 120": "< 10", "for: 2m": "for: 5s", "for: 5m": "for: 5s",
    "interval: 5s": "interval: 1s", "interval: 15s": "interval: 1s",
}  # fmt: skip

Manifest = dict[str, Any]


class Traffic:
    """What the pods of a cluster have to say: requests that came, and how busy the engines are."""

    def __init__(self, cluster: Any, models: tuple[str, ...]) -> None:
        self._cluster, self._models = cluster, models
        self._lock = threading.Lock()
        self._born: dict[str, float] = {}
        self._counted: dict[str, dict[tuple[str, str], int]] = {}
        self.waiting = dict.fromkeys(models, 0.0)
        """By model, the requests that wait in the queues of all its replicas together."""

    def ask(self, model: str) -> bool:
        """One request for a model, at one router. Whether a replica was there for it."""
        served = bool(self.ready(model))
        router = self._routers()[0]
        kind = "upstream_rq_total" if served else "upstream_cx_none_healthy"
        with self._lock:
            counted = self._counted.setdefault(router, {})
            counted[kind, model] = counted.get((kind, model), 0) + 1
        return served

    def ready(self, model: str) -> list[str]:
        return [pod["metadata"]["name"] for pod in self.pods(model) if _is_ready(pod)]

    def pods(self, model: str) -> list[Manifest]:
        found = self._cluster.request(
            "GET", f"{PODS.format('fireworks-models')}?labelSelector=byoc.fireworks.ai/model={model}"
        )
        return list(found["items"])

    def _routers(self) -> list[str]:
        label = "byoc.fireworks.ai/component=router"
        found = self._cluster.request("GET", f"{PODS.format('fireworks-system')}?labelSelector={label}")["items"]
        return [pod["metadata"]["name"] for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def said_by(self, pod: str) -> str:
        """The metrics of one pod; empty where it does not answer yet."""
        if pod.startswith("router"):
            return self._of_a_router(pod)
        model = next(name for name in self._models if pod.startswith(f"{name}-"))
        ready = self.ready(model)
        if pod not in ready:
            return ""
        busy = self.waiting[model] / len(ready)
        return f'vllm:num_requests_waiting{{model_name="x"}} {busy}\nvllm:kv_cache_usage_perc{{model_name="x"}} 0\n'

    def _of_a_router(self, pod: str) -> str:
        with self._lock:
            born = self._born.setdefault(pod, time.monotonic())
            counted = dict(self._counted.get(pod, {}))
        lines = [f"envoy_server_uptime {int(time.monotonic() - born)}"]
        for kind in ("upstream_rq_total", "upstream_cx_none_healthy"):
            for model in self._models:
                lines.append(f'envoy_cluster_{kind}{{envoy_cluster_name="{model}"}} {counted.get((kind, model), 0)}')
        return "\n".join(lines) + "\n"


@dataclass
class Autoscaled:
    """The programs beside one cluster, each of which may go and come back."""

    cluster: Any
    folder: Path
    traffic: Traffic
    ports: dict[str, int]
    hurry: bool
    exporter: int = 0
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """A program anew; Prometheus with no memory, as from an emptyDir."""
        if name == "prometheus":
            shutil.rmtree(self.folder / "tsdb", ignore_errors=True)
        log = (self.folder / f"{name}.log").open("ab")
        kept = {key: os.environ[key] for key in ("PATH", "TMPDIR") if key in os.environ}
        self.running[name] = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self._command(name)],
            cwd=self.folder, env={**kept, **self._environment()}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def restart(self, name: str) -> None:
        """One of ``telemetry``, ``keda`` or ``router``."""
        if name == "router":
            label = "byoc.fireworks.ai/component=router"
            self.cluster.request("DELETE", f"{PODS.format('fireworks-system')}?labelSelector={label}")
            return
        for each in {"telemetry": ("prometheus",), "keda": ("operator", "adapter")}[name]:
            self.stop(each)
            self.start(each)

    def asked(self, query: str) -> list[Any]:
        """What Prometheus says to a query; nothing where it is away."""
        url = f"http://127.0.0.1:{self.ports['prometheus']}/api/v1/query?query={urllib.parse.quote(query)}"
        with suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            return list(json.loads(answer.read())["data"]["result"])
        return []

    def alerts(self) -> set[str]:
        """The alerts that fire. They are no query: one would be counted as if KEDA had asked."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['prometheus']}/api/v1/alerts", timeout=5) as answer:
            found = json.loads(answer.read())["data"]["alerts"]
        return {each["labels"]["alertname"] for each in found if each["state"] == "firing"}

    def tail(self, name: str, lines: int = 15) -> str:
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])

    def _command(self, name: str) -> list[str]:
        here = {each: f"127.0.0.1:{port}" for each, port in self.ports.items()}
        if name == "prometheus":
            program = parts.program(parts.PROMETHEUS, name)
            return [str(program), "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
                    f"--web.listen-address={here['prometheus']}"]  # fmt: skip
        program = parts.program(parts.KEDA, name)
        if name == "operator":
            return [str(program), f"--metrics-bind-address={here['metrics']}", "--cert-dir=certs",
                    f"--health-probe-bind-address={here['health']}", "--enable-webhook-patching=false",
                    f"--metrics-service-bind-address={here['grpc']}", "--enable-apiservice-patching=false"]  # fmt: skip
        asked = ("lister", "authentication", "authorization")
        return [str(program), f"--secure-port={self.ports['adapter']}", "--bind-address=127.0.0.1", "--cert-dir=certs",
                f"--metrics-service-address={here['grpc']}", f"--port={self.ports['adapter-metrics']}",
                *(f"--{each}-kubeconfig={self.cluster.kubeconfig}" for each in asked)]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        # Services have no way here: what KEDA asks of telemetry's goes to Prometheus by a proxy's rules.
        return {
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "KEDA_CLUSTER_OBJECT_NAMESPACE": _NAMESPACE,
            "POD_NAMESPACE": _NAMESPACE,
            "WATCH_NAMESPACE": "",
            "HTTP_PROXY": f"http://127.0.0.1:{self.ports['prometheus']}",
            "NO_PROXY": "127.0.0.1",
        }


@contextmanager
def autoscaled(cluster: Any, folder: Path, models: tuple[str, ...], *, hurry: bool = True) -> Iterator[Autoscaled]:
    """All of it, running. hurry: what takes minutes takes seconds, in telemetry's rules and in :func:`hurried`."""
    folder.mkdir()
    (folder / "certs").mkdir()
    authority = Authority(folder / "certs", "keda")
    pair = authority.peer("keda")
    (folder / "certs" / "tls.crt").write_bytes(pair.certificate)
    (folder / "certs" / "tls.key").write_bytes(pair.key)
    made = Autoscaled(
        cluster, folder, Traffic(cluster, models), dict(zip(_PORTS, quiet_ports(len(_PORTS)), strict=True)), hurry
    )
    with _exporting(made.traffic) as made.exporter, way_to(cluster, made.ports["adapter"]):
        _configure_telemetry(made)
        for each in _objects():
            _apply(cluster, each)
        try:
            for name in ("prometheus", "operator", "adapter"):
                made.start(name)
            _until(made, "adapter", lambda: _serves_metrics(cluster))
            _until(made, "prometheus", lambda: len(made.asked("byoc:model:requests:increase2m")) == len(models))
            yield made
        finally:
            for name in list(made.running):
                made.stop(name)


def hurried(manifest: Manifest) -> Manifest:
    """A rendered scaler whose minutes are seconds, in about the same proportions."""
    if manifest["kind"] != "ScaledObject":
        return manifest
    spec = json.loads(json.dumps(manifest["spec"]))
    for way in spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"].values():
        way["stabilizationWindowSeconds"] //= 40
        for policy in way["policies"]:
            policy["periodSeconds"] //= 15
    spec["pollingInterval"] = 1
    if "cooldownPeriod" in spec:
        spec |= {"cooldownPeriod": 25, "initialCooldownPeriod": 25}
    return {**manifest, "spec": spec}


def _configure_telemetry(made: Autoscaled) -> None:
    """The release's own configuration; pods have no address that leads anywhere, so each is a path of this process."""
    [data] = [one["data"] for one in telemetry_objects() if one["kind"] == "ConfigMap"]
    for name in ("recording-rules.yml", "alert-rules.yml"):
        text = data[name]
        if made.hurry:
            for minutes, seconds in _HURRIED.items():
                text = text.replace(minutes, seconds)
        (made.folder / name).write_text(text)
    config = yaml.safe_load(data["prometheus.yml"].replace("/etc/prometheus/", ""))
    config.pop("alerting", None)
    for job in config["scrape_configs"]:
        if made.hurry:
            job["scrape_interval"] = job["scrape_timeout"] = "1s"
        for discovery in job.get("kubernetes_sd_configs", ()):
            discovery["kubeconfig_file"] = str(made.cluster.kubeconfig)
            job["relabel_configs"] += [
                {"target_label": "__address__", "replacement": f"127.0.0.1:{made.exporter}"},
                {
                    "source_labels": ["__meta_kubernetes_pod_name"],
                    "target_label": "__metrics_path__",
                    "replacement": "/$1",
                },
                {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "instance"},
            ]
        for fixed in job.get("static_configs", ()):
            fixed["targets"] = [f"127.0.0.1:{made.ports['prometheus']}"]
    (made.folder / "prometheus.yml").write_text(json.dumps(config))


def telemetry_objects(agreed: Mapping[str, Any] | None = None) -> list[Manifest]:
    """The component ``telemetry`` as the role renders it, for a contract."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701
    environment.filters["to_json"] = json.dumps
    environment.filters["hash"] = lambda text, kind: hashlib.new(kind, text.encode()).hexdigest()
    environment.filters["dirname"] = os.path.dirname
    environment.filters["fireworks.byoc.alerting"] = alerting
    environment.filters["fireworks.byoc.objective_rules"] = objective_rules
    environment.filters["fireworks.byoc.telemetry_storage"] = telemetry_storage
    environment.globals["lookup"] = lambda _kind, path: Path(path).read_text().rstrip("\n")
    given = {
        "stack_contract": agreed or {"identity": {"name": "acme-eu-1"}},
        "stack_images": {"telemetry": "registry.acme.example/fireworks/prometheus@sha256:" + "ab" * 32},
        "stack_release": {"version": "2026.12.0", "templates": [str(RELEASE / "telemetry.yml.j2")]},
        "stack_user_id": 10001,
    }
    text = environment.from_string((RELEASE / "telemetry.yml.j2").read_text()).render(given)
    return [one for one in yaml.safe_load_all(text) if one]


def _objects() -> list[Manifest]:
    """What KEDA's own installation makes that the API server needs of it, and a router's pods."""
    named = {"name": _SERVICE, "namespace": _NAMESPACE}
    labels = {"byoc.fireworks.ai/component": "router"}
    # Such pods as the guardrails let in: telemetry's own, but for what tells that they are a router's.
    [pod] = [one["spec"]["template"]["spec"] for one in telemetry_objects() if one["kind"] == "Deployment"]
    pod["containers"][0]["ports"] = [{"name": "status", "containerPort": 8002}]
    port = {"name": "https", "port": 443, "protocol": "TCP"}
    # This API server signs for nobody to those it passes requests on to, so the adapter takes them for anonymous.
    asking = [
        {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:anonymous"},
        {"kind": "ServiceAccount", "name": "horizontal-pod-autoscaler", "namespace": "kube-system"},
    ]
    rules = [
        {"apiGroups": ["external.metrics.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]},
        {"nonResourceURLs": ["/apis/external.metrics.k8s.io*", "/openapi*", "/healthz"], "verbs": ["get"]},
    ]
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "keda-metrics"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}},
        {**rbac, "kind": "ClusterRole", "metadata": {"name": "keda-metrics"}, "rules": rules},
        {**rbac, "kind": "ClusterRoleBinding", "metadata": {"name": "keda-metrics"}, "roleRef": role,
         "subjects": asking},
        {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": {"ports": [port]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
         "metadata": {**named, "labels": {"kubernetes.io/service-name": _SERVICE}}, "addressType": "IPv4",
         "endpoints": [{"addresses": ["198.18.0.9"], "conditions": {"ready": True}}],
         "ports": [{"name": "https", "port": 443, "protocol": "TCP"}]},
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": named,
         "subsets": [{"addresses": [{"ip": "198.18.0.9"}], "ports": [port]}]},
        {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
         "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
         "spec": {"service": {**named, "port": 443}, "group": "external.metrics.k8s.io", "version": "v1beta1",
                  "insecureSkipTLSVerify": True, "groupPriorityMinimum": 100, "versionPriority": 100}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "router", "namespace": "fireworks-system"},
         "spec": {"replicas": 2, "selector": {"matchLabels": labels},
                  "template": {"metadata": {"labels": labels}, "spec": pod}}},
    ]  # fmt: skip


_PLURALS = {"Endpoints": "endpoints", "APIService": "apiservices"}


def _apply(cluster: Any, made: Manifest) -> None:
    api, metadata = made["apiVersion"], made["metadata"]
    where = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    plural = _PLURALS.get(made["kind"], made["kind"].lower() + "s")
    root = "/api/v1" if api == "v1" else f"/apis/{api}"
    path = f"{root}{where}/{plural}/{metadata['name']}?fieldManager=fireworks-byoc&force=true"
    cluster.request("PATCH", path, made, APPLY)


def apply(cluster: Any, manifests: list[Manifest]) -> None:
    """Objects of a model, as our manager applies them; how many replicas there are is the scaler's."""
    for each in manifests:
        _apply(cluster, each)


def _serves_metrics(cluster: Any) -> bool:
    found = cluster.request("GET", "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io")
    conditions = (found.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)


def _until(made: Autoscaled, name: str, check: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert made.running[name].poll() is None, f"{name} ended:\n{made.tail(name)}"
        assert time.monotonic() < deadline, f"{name} was not ready:\n{made.tail(name)}"
        time.sleep(0.5)


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    leaving = bool(pod["metadata"].get("deletionTimestamp"))
    return not leaving and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


@contextmanager
def _exporting(traffic: Traffic) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = traffic.said_by(self.path.strip("/"))
            self.send_response(200 if text else 503)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
