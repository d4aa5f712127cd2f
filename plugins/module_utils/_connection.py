# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``connection`` option: its argument spec, and the session that it describes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ._kube.access import resolve_access
from ._kube.session import Session
from ._operation import Context

# Paths are no `path`, in which Ansible writes the values of environment variables: a contract names these files, and
# a message that one is not there would show the value.
CONNECTION_SPEC: dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "cluster_name": {"type": "str"},
        "cluster_uid": {"type": "str"},
        "run_id": {"type": "str"},
        "kubeconfig": {"type": "str", "no_log": True},
        "kubeconfig_file": {"type": "str"},
        "kubeconfig_env": {"type": "str"},
        "context": {"type": "str"},
        "exec_plugins": {"type": "dict"},
        "credential_directories": {"type": "list", "elements": "str"},
        "server": {"type": "str"},
        "token": {"type": "str", "no_log": True},
        "token_file": {"type": "str"},
        "token_env": {"type": "str", "no_log": False},
        "ca_file": {"type": "str"},
        "ca_cert": {"type": "str"},
        "tls_server_name": {"type": "str"},
        "proxy_url": {"type": "str"},
    },
}


def open_session(connection: Mapping[str, Any], context: Context | None) -> Session:
    """The session for a ``connection``, within the bounds of ``context``. Errors as for ``resolve_access``.

    :param context: of the operation; ``None`` only for the sake of a lock that is held, which nothing bounds.
    """
    bounds: dict[str, Any] = {"has_answered": True}
    if context:
        bounds = {
            "until": context.until,
            "threads": context.threads,
            "before_write": context.before_write,
            "on_write": context.writes.append,
            "waits": context.waits,
            "has_answered": context.has_answered,
        }
    return Session(
        resolve_access(connection, os.environ),
        cluster_name=connection.get("cluster_name") or "",
        expected_uid=connection.get("cluster_uid"),
        run=connection.get("run_id") or "",
        **bounds,
    )


def open_writing_session(connection: Mapping[str, Any], context: Context) -> Session:
    """The same, for what writes: unless it is check mode, only where it is known that this is the cluster meant."""
    session = open_session(connection, context)
    if context.check_mode:
        session.check_expected_cluster()
    else:
        session.require_expected_cluster()
    return session
