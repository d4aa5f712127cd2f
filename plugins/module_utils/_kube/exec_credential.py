# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a kubeconfig's exec plugin, with a deadline and without a terminal.

Protocol: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
The kubernetes client's own provider waits forever, gives the plugin our terminal and puts
certificates into /tmp; see docs/decisions/0002.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import CredentialError
from .exec_answer import ExecCredential, UnusableAnswerError, read_answer
from .exec_spec import VERSIONS, arguments_of, variables_of
from .plugin_process import NoEndError, TooMuchError, output_of

EXEC_SECONDS = 30.0


@dataclass(frozen=True, repr=False)  # no repr: it would print secrets
class ClusterInfo:
    """What a plugin is told of the cluster beside its address, where it asks for that."""

    tls_server_name: str | None = None
    proxy_url: str | None = None
    config: Any = None


def run_exec_plugin(
    spec: Mapping[str, Any],
    *,
    server: str,
    ca_pem: str | None,
    source: str,
    info: ClusterInfo | None = None,
    seconds: float = EXEC_SECONDS,
) -> ExecCredential:
    """Run the plugin and read its ``ExecCredential``.

    :param spec: the kubeconfig user's ``exec`` section, as it was allowed (``allowed.py``).
    :param info: the rest of what it is told of the cluster.
    :param seconds: how long it may take.
    :raises CredentialError: it is missing, fails, takes too long, or answers something else.
    """
    command, version = spec.get("command") or "", spec.get("apiVersion") or ""
    if version not in VERSIONS:
        raise CredentialError(
            f"the kubeconfig's `exec.apiVersion` is none of {', '.join(VERSIONS)}",
            where=source,
            next_step="write a new kubeconfig, with a plugin of today",
        )
    arguments, environ = arguments_of(spec, source), {**os.environ, **dict(variables_of(spec, source))}
    told: dict[str, Any] = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if spec.get("provideClusterInfo"):
        told["spec"]["cluster"] = _cluster(server, ca_pem, info or ClusterInfo())
    environ["KUBERNETES_EXEC_INFO"] = json.dumps(told)
    said = _output([command, *arguments], environ, f"the exec plugin {command}", source, seconds)
    try:
        return read_answer(said, version)
    except UnusableAnswerError as error:
        raise _failed(f"the exec plugin {command} {error}", source) from None


def _cluster(server: str, ca_pem: str | None, info: ClusterInfo) -> dict[str, Any]:
    authority = base64.b64encode(ca_pem.encode()).decode() if ca_pem else None
    told = {
        "server": server,
        "tls-server-name": info.tls_server_name,
        "certificate-authority-data": authority,
        "proxy-url": info.proxy_url,
        "config": info.config,
    }
    return {key: value for key, value in told.items() if value is not None}


def _output(command: list[str], environ: Mapping[str, str], plugin: str, source: str, seconds: float) -> bytes:
    try:
        status, said = output_of(command, environ, seconds)
    except NoEndError:
        raise _failed(f"{plugin} gave no answer within {seconds:g} s", source) from None
    except TooMuchError as error:
        raise _failed(f"{plugin} printed more than {error} bytes, which is no credential", source) from None
    except OSError as error:
        raise _failed(f"{plugin} does not start: {error.strerror}", source) from None
    if status:
        ended = f"ended with exit status {status}" if status > 0 else f"was ended by signal {-status}"
        raise _failed(f"{plugin} {ended} (what it said is not shown, since that may hold secrets)", source)
    return said


def _failed(what: str, source: str) -> CredentialError:
    return CredentialError(what, where=source, next_step="run the plugin by hand as this user to see why")
