# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubeconfig with one context, whose head tells a person what it is."""

from __future__ import annotations

import base64
import json
import textwrap
import traceback
from collections.abc import Mapping
from typing import Any

try:
    import yaml
except ImportError:  # reported by Operation before anything runs
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

_WIDTH = 120


def kubeconfig_for(
    *,
    server: str,
    ca_pem: str | None,
    token: str,
    cluster_name: str,
    context: str,
    user: str,
    namespace: str,
    annotations: Mapping[str, str],
    tls_server_name: str | None = None,
    proxy_url: str | None = None,
) -> str:
    """The kubeconfig's text.

    ``annotations`` are the comments at its head, in their order; an empty one is left out.
    """
    cluster: dict[str, Any] = {"server": server}
    if ca_pem:
        cluster["certificate-authority-data"] = base64.b64encode(ca_pem.encode()).decode()
    if tls_server_name:
        cluster["tls-server-name"] = tls_server_name
    if proxy_url:
        cluster["proxy-url"] = proxy_url
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster_name, "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [
            {"name": context, "context": {"cluster": cluster_name, "user": user, "namespace": namespace}},
        ],
        "current-context": context,
    }
    head = "".join(_comment(f"{key}: {text}") for key, text in annotations.items() if text)
    plain = json.loads(json.dumps(config))  # Ansible's own kinds of text are none that YAML knows
    return head + yaml.safe_dump(plain, sort_keys=False, default_flow_style=False, allow_unicode=True)


def _comment(text: str) -> str:
    # On one line first: no text of somebody else's leaves the comment, by whatever YAML takes for a line break.
    line = " ".join(text.split())
    lines = textwrap.wrap(line, _WIDTH - 2, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)
