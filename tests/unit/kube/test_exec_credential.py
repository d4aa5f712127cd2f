# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exec plugins: real processes, their answers and their failures."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.allowed import Allowed
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import CredentialError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.exec_answer import UnusableAnswerError, read_answer
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.exec_credential import run_exec_plugin
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.kubeconfig import read_kubeconfig

VERSION = "client.authentication.k8s.io/v1"


def plugin(folder: Path, body: str) -> dict[str, Any]:
    script = folder / "plugin"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {"command": str(script), "apiVersion": VERSION}


def answer(**status: str) -> str:
    return f"echo '{json.dumps({'apiVersion': VERSION, 'kind': 'ExecCredential', 'status': status})}'"


def run(spec: dict[str, Any], seconds: float = 10) -> Any:
    return run_exec_plugin(spec, server="https://a", ca_pem=None, source="acme", seconds=seconds)


def test_a_token_and_its_expiry_are_read(tmp_path: Path) -> None:
    got = run(plugin(tmp_path, answer(token="t", expirationTimestamp="1970-01-01T00:01:00Z")))
    assert (got.token, got.expires) == ("t", 60.0)


def test_the_plugin_is_told_what_it_asks_for(tmp_path: Path) -> None:
    spec = plugin(
        tmp_path,
        f'test "$1" = arg && test "$X" = y && echo "$KUBERNETES_EXEC_INFO" | grep -q https://a && {answer(token="t")}',
    )
    got = run({**spec, "args": ["arg"], "env": [{"name": "X", "value": "y"}], "provideClusterInfo": True})
    assert got.token == "t"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo no login >&2; exit 3", "ended with exit status 3 \\(what it said is not shown"),
        (f"echo '{json.dumps({'apiVersion': VERSION, 'status': [1]})}'", "did not answer with an ExecCredential"),
        ("echo nonsense", "did not answer with an ExecCredential"),
        ('echo \'{"apiVersion": "v0", "status": {}}\'', "answered with another apiVersion than the kubeconfig's"),
        (answer(), "neither a token nor a certificate"),
        (
            f"echo '{json.dumps({'apiVersion': VERSION, 'status': {'token': 5}})}'",
            "did not answer with an ExecCredential",
        ),
        (
            f"echo '{json.dumps({'apiVersion': VERSION, 'status': {'token': 't', 'expirationTimestamp': 5}})}'",
            "did not answer",
        ),
        ("printf '\\377'", "did not answer with an ExecCredential"),
        ("exec sleep 5", "gave no answer within 0.4 s"),
    ],
)
def test_a_plugin_that_fails_is_one_message(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(CredentialError, match=message):
        run(plugin(tmp_path, body), seconds=0.4)


def said(status: Any, **top: Any) -> bytes:
    return json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status, **top}).encode()


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        (b"", "printed nothing"),
        (b" \n", "printed nothing"),
        (b"null", "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
        (b"\xff\xfe{}", "no JSON object"),
        (b"token: t", "no JSON object"),
        (b"1" * 5000, "no JSON object"),
        (said({"token": "t"}) * 2, "no JSON object"),
        (said({"token": "t"}, kind="Secret"), "kind of its answer"),
        (said({"token": "t"}, kind=None), "kind of its answer"),
        (said({"token": "t"}, apiVersion=[]), "another apiVersion"),
        (said({"token": "t"}, apiVersion="client.authentication.k8s.io/v1beta1"), "another apiVersion"),
        (said(None), "has no status"),
        (said("t"), "has no status"),
        (said([{"token": "t"}]), "has no status"),
        (said({}), "neither a token nor a certificate"),
        (said({"token": ""}), "neither a token nor a certificate"),
        (said({"token": None}), "neither a token nor a certificate"),
        (said({"token": 5}), "its status.token is no text"),
        (said({"clientKeyData": {}}), "its status.clientKeyData is no text"),
        (said({"token": "t", "clientKeyData": "k"}), "not with both"),
        (said({"clientCertificateData": "c"}), "not with both"),
        *(
            (said({"token": "t", "expirationTimestamp": moment}), "no time of RFC 3339")
            for moment in (
                "soon",
                "2026-01-01",
                "2026-01-01T00:00:00",
                "2026-13-01T00:00:00Z",
                "1767225600",
                "2026-01-01 00:00:00Z",
            )
        ),
    ],
)
def test_an_answer_that_is_no_credential_is_told_without_repeating_it(printed: bytes, message: str) -> None:
    with pytest.raises(UnusableAnswerError, match=message):
        read_answer(printed, VERSION)


@pytest.mark.parametrize(
    ("moment", "expires"),
    [
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T00:01:00+00:00", 60),
        ("1970-01-01T02:01:00+02:00", 60),
        ("1969-12-31T19:01:00-05:00", 60),
        ("1970-01-01T00:01:00.5Z", 60.5),
        ("1970-01-01T00:01:00.500000000Z", 60.5),
        ("", None),
        (None, None),
    ],
)
def test_an_end_is_read_in_all_forms_that_go_reads(moment: str | None, expires: float | None) -> None:
    assert read_answer(said({"token": "t", "expirationTimestamp": moment}), VERSION).expires == expires


def test_a_plugin_is_told_all_that_it_asks_for_of_the_cluster(tmp_path: Path) -> None:
    told = tmp_path / "told"
    spec = plugin(tmp_path, f'echo "$KUBERNETES_EXEC_INFO" > {told}; {answer(token="t")}')
    text = yaml.safe_dump(
        {
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "users": [{"name": "a", "user": {"exec": {**spec, "provideClusterInfo": True}}}],
            "clusters": [{"name": "a", "cluster": CLUSTER}],
        }
    )
    access = read_kubeconfig(
        text, context=None, base_dir="/", source="acme", allowed=Allowed(exec_plugins={spec["command"]: []})
    )
    run_exec_plugin(access.exec_spec, server=access.server, ca_pem=access.ca_pem, source="acme", info=access.told())
    assert json.loads(told.read_text()) == {
        "apiVersion": VERSION,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {**{k: v for k, v in CLUSTER.items() if k != "extensions"}, "config": CONFIG},
        },
    }


CONFIG = {"audience": "fleet", "port": 6443, "ratio": 0.5, "quoted": "5", "on": True, "none": None, "list": [{"a": -1}]}
CLUSTER = {
    "server": "https://a.example",
    "tls-server-name": "b.example",
    "certificate-authority-data": "UEVN",
    "proxy-url": "http://u:p@proxy:1",
    "extensions": [
        {"name": "other", "extension": {"a": "b"}},
        {"name": "client.authentication.k8s.io/exec", "extension": CONFIG},
    ],
}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"env": [{"name": "A", "value": 5}]}, "is no list of names and values"),
        ({"env": [{"name": "A=B", "value": "c"}]}, "is no list of names and values"),
        ({"env": [{"name": "", "value": "c"}]}, "is no list of names and values"),
        ({"env": {"A": "b"}}, "is no list of names and values"),
        ({"args": ["-c", 5]}, "no list of texts"),
        ({"args": "-c"}, "no list of texts"),
        ({"args": {"a": "b"}}, "no list of texts"),
        ({"apiVersion": "v1"}, "`exec.apiVersion` is none of"),
        ({"apiVersion": ""}, "`exec.apiVersion` is none of"),
        ({"apiVersion": "client.authentication.k8s.io/v2"}, "`exec.apiVersion` is none of"),
        ({"args": ["x" * 3_000_000]}, "does not start: Argument list too long"),
    ],
)
def test_a_section_that_cannot_be_run_is_one_message(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(CredentialError, match=message):
        run({"command": "/bin/true", "apiVersion": VERSION, **spec})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("exec yes", "printed more than 1000000 bytes"),
        ("echo x; exec sleep 60", "gave no answer within 1 s"),
        ("exec >&-; exec sleep 60", "gave no answer within 1 s"),
        ("sleep 60 & wait", "gave no answer within 1 s"),
        ("kill -9 $$", "was ended by signal 9"),
        ("read answer < /dev/tty || exit 7", "ended with exit status"),
    ],
)
def test_a_plugin_neither_holds_us_up_nor_fills_the_memory_nor_asks_at_our_terminal(
    tmp_path: Path, body: str, message: str
) -> None:
    began = time.monotonic()
    with pytest.raises(CredentialError, match=message):
        run(plugin(tmp_path, body), seconds=1 if "sleep" in body else 20)
    assert time.monotonic() - began < 20


def test_a_plugin_that_cannot_be_executed_is_one_message(tmp_path: Path) -> None:
    for name, content, message in (("text", "x", "Permission denied"), ("binary", "x", "Exec format error")):
        path = tmp_path / name
        path.write_text(content)
        path.chmod(0o600 if name == "text" else 0o700)
        with pytest.raises(CredentialError, match=f"does not start: {message}"):
            run({"command": str(path), "apiVersion": VERSION})


def test_nothing_that_a_plugin_says_is_repeated(tmp_path: Path) -> None:
    for body in ("echo s3cr3t >&2; exit 1", "echo s3cr3t", 'echo \'{"apiVersion": "s3cr3t", "status": {}}\''):
        with pytest.raises(CredentialError) as caught:
            run({**plugin(tmp_path, body), "args": ["s3cr3t"], "env": [{"name": "X", "value": "s3cr3t"}]})
        assert "s3cr3t" not in str(caught.value)


def test_a_plugin_that_is_missing_is_one_message() -> None:
    with pytest.raises(CredentialError, match="does not start: No such file"):
        run({"command": "/nowhere/plugin", "apiVersion": VERSION})
