# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs of many clusters as one, with a context for each: what a controller keeps for one identity."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from typing import Any

try:
    import yaml
except ImportError:  # on a controller it is there: Ansible needs it
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None


def merged_kubeconfig(texts: Mapping[str, str]) -> str:
    """One kubeconfig of those that ``rotate_credentials`` keeps. None of its contexts is the current one.

    :param texts: by the name of the cluster.
    :raises ValueError: one is not of that form, or two of them have a context of the same name.
    """
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    contexts: dict[str, str] = {}
    for cluster in sorted(texts):
        name, entry, user, namespace = _parts(cluster, texts[cluster])
        if name in contexts:
            raise ValueError(f"{contexts[name]} and {cluster} have a context of the same name, {name}")
        contexts[name] = cluster
        context = {"cluster": cluster, "user": cluster, "namespace": namespace}
        merged["clusters"].append({"name": cluster, "cluster": entry})
        merged["users"].append({"name": cluster, "user": user})
        merged["contexts"].append({"name": name, "context": context})
    # Ansible's own kinds of text are none that YAML knows.
    return str(yaml.safe_dump(json.loads(json.dumps(merged)), sort_keys=False, allow_unicode=True))


def _parts(cluster: str, text: str) -> tuple[str, Any, Any, str]:
    """Its one context's name, its cluster, its user and the context's namespace. No message holds any of its text."""
    try:
        read = yaml.safe_load(text)
        [entry], [user], [context] = read["clusters"], read["users"], read["contexts"]
        return context["name"], entry["cluster"], user["user"], str(context["context"].get("namespace") or "default")
    except (yaml.YAMLError, TypeError, KeyError, ValueError, AttributeError):
        raise ValueError(f"the credential of {cluster} is no kubeconfig with one context") from None
