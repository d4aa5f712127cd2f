# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a kubeconfig's exec plugin, with a deadline and without a terminal.

Protocol: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
The kubernetes client's own provider waits forever, gives the plugin our terminal and puts
certificates into /tmp; see docs/decisions/0002.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .errors import CredentialError

EXEC_SECONDS = 30.0
_TEXTS = ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")


@dataclass(frozen=True, repr=False)  # no repr: it would print secrets
class ExecCredential:
    """What the plugin answered. ``expires`` is POSIX seconds, or ``None`` when it does not say."""

    token: str | None
    cert_pem: str | None
    key_pem: str | None
    expires: float | None


def run_exec_plugin(
    spec: dict[str, Any], *, server: str, ca_pem: str | None, source: str, seconds: float = EXEC_SECONDS
) -> ExecCredential:
    """Run the plugin and read its ``ExecCredential``.

    :param spec: the kubeconfig user's ``exec`` section, as it was allowed (``allowed.py``).
    :param seconds: how long it may take.
    :raises CredentialError: it is missing, fails, takes too long, or answers something else.
    """
    command = spec.get("command") or ""
    version = spec.get("apiVersion") or ""
    info: dict[str, Any] = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if spec.get("provideClusterInfo"):
        info["spec"]["cluster"] = {"server": server, **({"certificate-authority-data": ca_pem} if ca_pem else {})}
    environ = {**os.environ, **{e["name"]: e["value"] for e in spec.get("env") or []}}
    environ["KUBERNETES_EXEC_INFO"] = json.dumps(info)
    try:
        # In Ansible's worker there is no AnsibleModule, so no run_command.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [command, *(spec.get("args") or ())],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _failed(f"the exec plugin {command} gave no answer within {seconds:g} s", source) from None
    except OSError as error:
        raise _failed(f"the exec plugin {command} does not start: {error.strerror}", source) from None
    if done.returncode != 0:
        what = f"the exec plugin {command} ended with exit status {done.returncode}"
        raise _failed(f"{what} (what it said is not shown, since that may hold secrets)", source)
    return _read(done.stdout, command, version, source)


def _read(stdout: str, command: str, version: str, source: str) -> ExecCredential:
    try:
        answer = json.loads(stdout)
        status = answer["status"]
        answered = answer["apiVersion"]
        if not isinstance(status, dict) or not all(isinstance(status.get(key) or "", str) for key in _TEXTS):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise _failed(f"the exec plugin {command} did not answer with an ExecCredential", source) from None
    if answered != version:
        raise _failed(f"the exec plugin {command} answered with another apiVersion than the kubeconfig's", source)
    credential = ExecCredential(
        token=status.get("token"),
        cert_pem=status.get("clientCertificateData"),
        key_pem=status.get("clientKeyData"),
        expires=_posix(status.get("expirationTimestamp")),
    )
    if not credential.token and not (credential.cert_pem and credential.key_pem):
        raise _failed(f"the exec plugin {command} answered with neither a token nor a certificate", source)
    return credential


def _posix(timestamp: str | None) -> float | None:
    if not timestamp:
        return None
    try:
        return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def _failed(what: str, source: str) -> CredentialError:
    return CredentialError(what, where=source, next_step="run the plugin by hand as this user to see why")
