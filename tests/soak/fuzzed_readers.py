# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of what others wrote, each with a few inputs that it accepts: one row each, which the fuzzer breaks.

A reader gets a text and either returns or raises one of its errors. A new one is a row of READERS.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.description import description_problems
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.errors import ContractErrors
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.reader import parse_contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.windows import parse_rrule
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.assess import assess
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.dcgm import read_metrics
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.finding import Finding
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.prometheus import reports
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.prometheus_text import NoResultError
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.health.snapshot import (
    SnapshotError,
    check_snapshot,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.scene import (
    UnreadableSceneError,
    from_dict,
    to_dict,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.doubts import variable_doubts
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.registry_login import (
    UnreadableConfigError,
    login_for,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import InvalidReleaseError, check_release
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.faults import faults_by_node
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.access import resolve_access
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.credential_files import decoded
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.discovery import Resource
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import CredentialError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.exec_answer import UnusableAnswerError, read_answer
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.exec_spec import arguments_of, variables_of
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.kubeconfig import bearer
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.manifests import (
    ManifestError,
    parse_definition,
    to_members,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.pools import pool_of
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.tls import tls_context
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Operation
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.finding_spec import FINDING_SPEC
from ansible_collections.fireworks.byoc.plugins.plugin_utils.options import checked_options
from ansible_collections.fireworks.byoc.plugins.plugin_utils.release_files import RELEASES
from byoc_testbed.pki import Authority
from tests.unit.domain.health.scene import POLICY, agreed, recorded
from tests.unit.domain.placement.scenes import model, node, replica, scene

EXAMPLES = Path(__file__).resolve().parents[2] / "inventories" / "example" / "clusters"
VERSION = "client.authentication.k8s.io/v1"
SECRET = "s3cr3t"


@dataclass(frozen=True)
class Reader:
    """:param inputs: what it accepts, made in a folder. :param raises: its own errors. :param lines: of a message."""

    read: Callable[[bytes], object]
    inputs: Callable[[Path], list[bytes]]
    raises: tuple[type[Exception], ...]
    lines: int = 20


def _kubeconfig(content: bytes) -> None:
    """All that happens with a kubeconfig before the first connection, but that its plugin does not run."""
    access = resolve_access({"kubeconfig": decoded(content), "exec_plugins": {"cat": ["A", "B"]}}, {"PATH": "/bin"})
    arguments_of(access.exec_spec, access.source)
    dict(variables_of(access.exec_spec, access.source))
    json.dumps(access.exec_config)
    bearer(access.read_token(), access.source)
    pool_of(access, cert_pem=access.cert_pem, key_pem=access.key_pem, connections=1)


def _kubeconfigs(folder: Path) -> list[bytes]:
    authority = Authority(folder, "fuzz")
    pair = authority.client("someone")
    files = (authority.certificate_file.read_bytes(), pair.certificate, pair.key)
    ca, cert, key = (base64.b64encode(each).decode() for each in files)
    plugin = {
        "apiVersion": VERSION,
        "command": "cat",
        "args": ["-", None],
        "env": [{"name": "A", "value": SECRET}, {"name": "B"}],
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    users: list[Any] = [
        {"token": SECRET},
        {"client-certificate-data": cert, "client-key-data": key},
        {"exec": plugin},
    ]
    cluster = {
        "server": "https://a.example:6443",
        "certificate-authority-data": ca,
        "tls-server-name": "b.example",
        "proxy-url": f"http://user:{SECRET}@p.example:3128",
        "insecure-skip-tls-verify": False,
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"a": [1, 0.5, "b"]}}],
    }
    configs = [
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        }
        for user in users
    ]
    return [
        *(yaml.safe_dump(config).encode() for config in configs),
        *(json.dumps(config, indent="\t").encode() for config in configs),
    ]


def _answers(_folder: Path) -> list[bytes]:
    statuses: list[Any] = [
        {"token": SECRET, "expirationTimestamp": "2026-01-01T00:00:00.5+02:00"},
        {"clientCertificateData": SECRET, "clientKeyData": SECRET},
    ]
    return [
        json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status}).encode() for status in statuses
    ]


_EXPORTER = b"""# HELP DCGM_FI_DEV_XID_ERRORS Value of the last XID error encountered.
# TYPE DCGM_FI_DEV_XID_ERRORS gauge
DCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-1",pci_bus_id="00000000:06:00.0",Hostname="node-1",pod="a",namespace="b"} 41
DCGM_FI_DEV_XID_ERRORS{gpu="0",UUID="GPU-1",err_code="79",err_msg="GPU has fallen off the bus"} 79 1767225600000
DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{gpu="1",UUID="GPU-2",GPU_I_ID="1"} NaN
DCGM_EXP_XID_ERRORS_COUNT{gpu="1",UUID="GPU-2",xid="31",window_size_in_ms="300000"} 2
"""


def _exporter(content: bytes) -> None:
    json.dumps(read_metrics(content.decode(errors="replace")))


class RefusedError(Exception):
    """What a reader says by a list of sentences, which a run shows and ends with."""


class _Serving:
    """An API server's discovery: it serves every kind, in namespaces."""

    def find(self, api_version: str, kind: str) -> Resource:
        group, _slash, version = api_version.rpartition("/")
        return Resource(group, version, kind, kind.lower(), namespaced=True, verbs=("get",), preferred=True)


def _manifests(content: bytes) -> None:
    """All that happens with the manifests of a set before the API server is asked."""
    to_members(parse_definition(content.decode(errors="surrogateescape")), _Serving(), where="")  # type: ignore[arg-type]


_SET = b"""apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: b, labels: &labels {app: a, on: "yes"}, annotations: *labels}
data: {when: 2026-01-01T00:00:00Z, mode: 0o644, text: "a\\nb"}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: b, labels: {app: a}}, spec: {replicas: 2}}
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: {name: r, namespace: b}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
"""
_KUBE = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "b"}, "stringData": {"a": "b"}}


def _data(content: bytes) -> Any:
    """What Ansible makes of a text that is given to it; nothing where that already refuses it."""
    try:
        return yaml.safe_load(content.decode(errors="replace"))
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, TypeError):
        return None


_TAKES_FINDINGS = {"findings": {"type": "list", "elements": "dict", "options": FINDING_SPEC}}


def _findings(content: bytes) -> None:
    """As node_remediation takes them: by its argument spec, and then as what they say of nodes."""
    operation = Operation(argument_spec=_TAKES_FINDINGS, run=lambda _parameters, _context: {}, rules={})
    checked = checked_options(operation, {"findings": _data(content)})
    if checked.error_messages:
        raise RefusedError("\n".join(checked.error_messages))
    faults_by_node([Finding.from_dict(one) for one in checked.validated_parameters["findings"] or ()])


_FOUND: list[dict[str, Any]] = [
    {"fault": "xid", "node": "gpu-7", "action": "drain", "quarantine": True},
    {
        "fault": "row_remap_failure", "node": "gpu-8", "action": "replace", "quarantine": "yes", "severity": "critical",
        "gpu": {"uuid": "GPU-1", "index": "0", "pci": ""}, "at": "2026-01-01T00:00:00Z", "owner": "customer",
        "contact": {"name": "Acme", "email": "gpu@acme.example"}, "evidence": [{"source": "dcgm", "times": "3"}],
        "replicas": [{"namespace": "fireworks-models", "name": "llama-1", "gpus": 1}], "recurrence": {"week": 2},
    },
]  # fmt: skip


def _variables(content: bytes) -> None:
    """As the first task of a run checks what ``-e`` gives."""
    given = _data(content)
    if not isinstance(given, dict) or not all(isinstance(name, str) for name in given):
        return  # Ansible refuses it
    if doubts := variable_doubts(given, "upgrade", {"model_bake"}):
        raise RefusedError("\n".join(doubts))


_GIVEN = {
    "clusters": ["acme-eu-1", "birch-eu-1"],
    "release": "2026.12.0",
    "requested_by": "sre@fireworks.example",
    "reason": "a new router",
    "policy": {"canaries": 1},
    "approvals": [{"by": "ops@acme.example", "digest": "0f3b1c2d4e5f", "given_at": "2026-01-01T00:00:00Z"}],
    "soak_wait": 0,
    "retry": "no",
    "deadline": "2026-12-01T08:00:00+01:00",
    "model_bake": 1,
}


def _rule(content: bytes) -> None:
    """A window's rule, as a contract has it, and its next opening."""
    read = parse_rrule(content.decode(errors="surrogateescape"), first="2026-01-05")
    read.after(datetime(2026, 1, 1))  # noqa: DTZ001


_RULES = [
    *("FREQ=WEEKLY;BYDAY=SA;BYHOUR=22", "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22;BYMINUTE=30", "FREQ=DAILY;BYHOUR=1,2,3"),
    *("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;BYHOUR=2", "FREQ=MONTHLY;BYMONTHDAY=-1,15;BYSETPOS=1;BYHOUR=4;INTERVAL=2"),
]


def _authorities(folder: Path) -> list[bytes]:
    pem = Authority(folder, "fuzz").certificate_file.read_bytes()
    return [pem, b"\xef\xbb\xbf# K\xc3\xb6ln\r\n" + pem.replace(b"\n", b"\r\n"), b"# K\xf6ln\n" + pem + pem]


def _trusted(content: bytes) -> None:
    tls_context(ca_pem=decoded(content), cert_pem=None, key_pem=None, source="fuzz")


def _kept(content: bytes) -> dict[str, Any] | None:
    """What an option of the type dict is given; nothing where Ansible refuses it."""
    data = _data(content)
    return data if isinstance(data, dict) and all(isinstance(key, str) for key in data) else None


def _kept_health(content: bytes) -> None:
    if (kept := _kept(content)) is not None:
        check_snapshot(kept)
        assess(kept, POLICY, agreed({}), float(kept["taken"])).as_dict()


def _kept_capacity(content: bytes) -> None:
    if (kept := _kept(content)) is not None:
        from_dict(kept)


_CASE = {
    "nodes": {"n1": {"boot": "2h"}},
    "metrics": {"n1": {"all": {"DCGM_FI_DEV_XID_ERRORS": 79}}},
    "events": [{"reason": "NodeNotReady", "first": "30m", "ago": "10m", "times": 3, "component": "node-controller"}],
    "engines": [{"samples": [["2m", 1, 0, 7], ["1m", 1, 0, 7]]}],
}


def _release(content: bytes) -> None:
    release = _data(content)
    check_release(release if isinstance(release, dict) else {}, whole=True)
    if problems := description_problems(release, str(release["version"])):
        raise RefusedError("\n".join(problems))


def _login(content: bytes) -> None:
    login_for(content.decode(errors="replace"), "registry.example:5000")


_LOGINS = {"auths": {"https://registry.example:5000/v1/": {"auth": base64.b64encode(b"user:pass").decode()}}}
_LOGINS |= {
    "credHelpers": {"other.example": "ecr-login"},
    "auths": {**_LOGINS["auths"], "b.example": {"username": "u"}},
}


def _prometheus(content: bytes) -> None:
    try:
        answer = json.loads(content.decode(errors="replace"))
    except (ValueError, RecursionError):
        return  # told as no JSON before
    reports(dict.fromkeys(("gpus", "scraped", "ports"), answer), ["gpu-0"], [], {"gpu-0": ["10.0.0.1"]})


_SERIES = [
    {"metric": {"__name__": name, "UUID": "GPU-1", "gpu": "0", label: said}, "value": [1764115200.1, value]}
    for name, value in (("DCGM_FI_DEV_GPU_TEMP", "41"), ("DCGM_EXP_XID_ERRORS_COUNT", "NaN"))
    for label, said in (("Hostname", "gpu-0"), ("instance", "10.0.0.1:9400"), ("exported_node", "gpu-0"))
]


READERS = {
    "kubeconfigs": Reader(_kubeconfig, _kubeconfigs, (CredentialError,)),
    "exec answers": Reader(lambda content: read_answer(content, VERSION), _answers, (UnusableAnswerError,)),
    "contracts": Reader(
        lambda content: parse_contract(content, path="acme.yml"),
        lambda _folder: [path.read_bytes() for path in sorted(EXAMPLES.glob("*.yml"))[:4]],
        (ContractErrors,),
        lines=200,
    ),
    "exporters": Reader(_exporter, lambda _folder: [_EXPORTER], ()),
    "manifests": Reader(_manifests, lambda _folder: [_SET, json.dumps(_FOUND[0] | _KUBE).encode()], (ManifestError,)),
    "findings": Reader(
        _findings,
        lambda _folder: [text(_FOUND).encode() for text in (json.dumps, yaml.safe_dump)],
        (AnsibleActionFail, RefusedError, ValueError),
    ),
    "extra variables": Reader(
        _variables, lambda _folder: [text(_GIVEN).encode() for text in (json.dumps, yaml.safe_dump)], (RefusedError,)
    ),
    "windows": Reader(_rule, lambda _folder: [rule.encode() for rule in _RULES], (ValueError,)),
    "authorities": Reader(_trusted, _authorities, (CredentialError,)),
    "snapshots of health": Reader(
        _kept_health, lambda _folder: [json.dumps(recorded(_CASE)).encode()], (SnapshotError,)
    ),
    "snapshots of capacity": Reader(
        _kept_capacity,
        lambda _folder: [json.dumps(to_dict(scene([node("n1")], [replica("a", "n1")], model()))).encode()],
        (UnreadableSceneError,),
    ),
    "releases": Reader(
        _release,
        lambda _folder: [path.read_bytes() for path in sorted(RELEASES.glob("*/release.yml"))],
        (InvalidReleaseError, RefusedError),
    ),
    "logins of registries": Reader(_login, lambda _folder: [json.dumps(_LOGINS).encode()], (UnreadableConfigError,)),
    "answers of Prometheus": Reader(
        _prometheus,
        lambda _folder: [json.dumps({"status": "success", "data": {"result": _SERIES}}).encode()],
        (NoResultError,),
    ),
}
