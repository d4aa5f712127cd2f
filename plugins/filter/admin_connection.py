# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection of a customer's administrator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def admin_connection(connection: Mapping[str, Any], path: str, context: str = "") -> dict[str, Any]:
    """The same cluster, reached with a kubeconfig and nothing else."""
    kept = {key: connection[key] for key in ("cluster_name", "cluster_uid") if connection.get(key)}
    return {**kept, "kubeconfig_file": path, **({"context": context} if context else {})}


class FilterModule:
    """The filter of this name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"admin_connection": admin_connection}
