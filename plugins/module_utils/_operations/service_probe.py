# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``service_probe``: one request to a service, through the API server's proxy."""

from __future__ import annotations

import time
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._operation import Context, Operation

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "namespace": {"type": "str", "required": True},
    "service": {"type": "str", "required": True},
    "port": {"type": "str", "default": "80"},
    "path": {"type": "str", "default": "/"},
    "method": {"type": "str", "choices": ["GET", "POST"], "default": "GET"},
    "body": {"type": "dict"},
    "timeout": {"type": "int", "default": 10},
}


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Send the request once; an answer that is an error is a result, not a failure of the task."""
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    service = f"{parameters['namespace']}/services/{parameters['service']}:{parameters['port']}"
    path = f"/api/v1/namespaces/{service}/proxy/{parameters['path'].lstrip('/')}"
    started = time.monotonic()
    answer = session.exchange(
        parameters["method"],
        path,
        body=parameters["body"],
        retry=False,  # this asks how the service is now
        read_seconds=float(parameters["timeout"]),
    )
    elapsed = time.monotonic() - started
    ok = 200 <= answer.status < 300
    return {
        "ok": ok,
        "status": answer.status,
        "elapsed_ms": round(elapsed * 1000),
        "error": "" if ok else answer.why(),
    }


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
