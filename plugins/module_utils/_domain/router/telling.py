# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every router goes by the models' part that was written, from what each says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .lines import CLUSTERS, ROUTES

Data = Mapping[str, Any]
_STATS = {CLUSTERS: "cluster_manager.cds.version_text", ROUTES: "http.models.rds.models.version_text"}
_LINE = re.compile(r'^([\w.]+): "?([^"\n]*)"?$', re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """What one router answered: its text, or why there is none. ``forbidden``: the API server did not let us ask."""

    text: str = ""
    error: str = ""
    forbidden: bool = False


@dataclass(frozen=True)
class Shown:
    """By router: those that go by the part, those that do not (yet) and why, and those that said nothing and why."""

    right: tuple[str, ...] = ()
    late: Mapping[str, str] | None = None
    silent: Mapping[str, str] | None = None
    forbidden: bool = False

    @property
    def proved(self) -> bool:
        """Every router that takes requests shows it, and there is one."""
        return bool(self.right) and not self.late and not self.silent

    def told(self) -> str:
        """In words."""
        late, silent = self.late or {}, self.silent or {}
        if self.forbidden:
            return "this identity may not ask the routers (pods/proxy in fireworks-system)"
        wrong = [f"{name}: {why}" for name, why in sorted({**late, **silent}.items())]
        if not wrong and not self.right:
            return "no router is ready"
        return "; ".join(wrong) if wrong else f"{len(self.right)} routers show it"


def asked(pods: Iterable[Data]) -> list[str]:
    """The routers that take requests."""
    return sorted(
        str(pod["metadata"]["name"])
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
        and any(
            one.get("type") == "Ready" and one.get("status") == "True"
            for one in (pod.get("status") or {}).get("conditions") or ()
        )
    )


def shown(wanted: Mapping[str, str], answers: Mapping[str, Told]) -> Shown:
    """Judge the answers. :param wanted: by file, its version. :param answers: by router."""
    right, late, silent = [], {}, {}
    for name, told in answers.items():
        if told.error or not told.text:
            silent[name] = told.error or "it answers nothing"
        elif why := _behind(wanted, told.text):
            late[name] = why
        else:
            right.append(name)
    return Shown(tuple(right), late, silent, any(told.forbidden for told in answers.values()))


def _behind(wanted: Mapping[str, str], text: str) -> str:
    """Why a router is not there yet; empty where it is."""
    said = dict(_LINE.findall(text))
    other = [f"{key} is {said.get(_STATS[key]) or 'none'}, not {version}" for key, version in wanted.items()
             if said.get(_STATS[key]) != version]  # fmt: skip
    if other:
        rejected = [key for key in said if key.endswith("update_rejected") and said[key] != "0"]
        return ", ".join(other) + (f" ({', '.join(rejected)})" if rejected else "")
    warming = said.get("cluster_manager.warming_clusters", "0")
    return "" if warming == "0" else f"{warming} models' addresses are still looked up"
