# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of many clusters, as people read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.logs.lines import merged_clusters
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.logs.request import log_doubts


def _merged_logs(lines: Mapping[str, str], most: int = 0) -> str:
    """The lines of clusters, by their names, in the order of time; the newest so many, or all."""
    plain = {str(name): str(text).split("\n") if text else [] for name, text in lines.items()}
    found, older = merged_clusters(plain, int(most) or sum(map(len, plain.values())))
    cut = [f"… {older} older lines are not shown (-e lines=…, or all of them with -e logs_file=…)"] if older else []
    return "\n".join([*cut, *found])


class FilterModule:
    """Filters over what log_info found."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"log_doubts": log_doubts, "merged_logs": _merged_logs}
