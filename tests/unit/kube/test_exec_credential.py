# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exec plugins: real processes, their answers and their failures."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import CredentialError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.exec_credential import run_exec_plugin

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


def test_nothing_that_a_plugin_says_is_repeated(tmp_path: Path) -> None:
    for body in ("echo s3cr3t >&2; exit 1", "echo s3cr3t", 'echo \'{"apiVersion": "s3cr3t", "status": {}}\''):
        with pytest.raises(CredentialError) as caught:
            run({**plugin(tmp_path, body), "args": ["s3cr3t"], "env": [{"name": "X", "value": "s3cr3t"}]})
        assert "s3cr3t" not in str(caught.value)


def test_a_plugin_that_is_missing_is_one_message() -> None:
    with pytest.raises(CredentialError, match="does not start: No such file"):
        run({"command": "/nowhere/plugin", "apiVersion": VERSION})
