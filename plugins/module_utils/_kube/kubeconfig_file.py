# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubeconfig made of a token: text that people, kubectl and this collection read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from .kubeconfig import Access

try:
    import yaml
except ImportError:  # reported by Operation before anything runs
    yaml = None  # type: ignore[assignment]


def kubeconfig_text(access: Access, *, name: str, user: str, namespace: str, token: str, notes: Iterable[str]) -> str:
    """A kubeconfig with one context.

    :param access: the server, and how to trust and reach it.
    :param name: what the cluster and the context are called.
    :param notes: lines of comment at its head.
    """
    cluster: dict[str, Any] = {"server": access.server}
    if access.ca_pem:
        cluster["certificate-authority-data"] = base64.b64encode(access.ca_pem.encode()).decode()
    if access.tls_server_name:
        cluster["tls-server-name"] = access.tls_server_name
    if access.proxy_url:
        cluster["proxy-url"] = access.proxy_url
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user, "namespace": namespace}}],
        "current-context": name,
    }
    head = "".join(f"# {' '.join(note.split())}\n" for note in notes)
    plain = json.loads(json.dumps(config))  # inside Ansible a text may be of a class of its own
    return head + str(yaml.safe_dump(plain, sort_keys=False))
