# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfig files: one cluster, one user, one context that has the cluster's name."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from .files import write_private
from .pki import Pair


def write_kubeconfig(
    path: Path, cluster: str, server: str, ca_file: Path, user: str, *, token: str = "", pair: Pair | None = None
) -> Path:
    """Write a kubeconfig that needs no other file. Its JSON is also YAML."""
    credential: dict[str, Any] = {"token": token} if token else {}
    if pair:
        credential["client-certificate-data"] = _base64(pair.certificate)
        credential["client-key-data"] = _base64(pair.key)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [
            {
                "name": cluster,
                "cluster": {"server": server, "certificate-authority-data": _base64(ca_file.read_bytes())},
            }
        ],
        "users": [{"name": user, "user": credential}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
    }
    return write_private(path, json.dumps(content, indent=2) + "\n")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
