# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of decisions: what a contract asks for, what the clock says, and which approval is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from byoc_testbed import ClusterSpec, Testbed
from tests.beds import h100
from tests.integration.ansible_runs import ROOT
from tests.integration.audit_log import calls

SRE, BOSS = "sre@fireworks.example", "boss@acme.example"
GO = "go"
NEEDED = ("not needed", "required")
CLOCK = ("open", "closed", "frozen")
GIVEN = ("none", "stale", "by the requester", "for another digest", "valid")
_NOW = datetime.now(UTC)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW: dict[str, Any] = {"start": "00:00", "duration": "24h", "time_zone": "UTC"}
_CHANGE: dict[str, dict[str, Any]] = {
    # Tomorrow too, for a run over midnight. Every day would be warned of: then hardly any change ever waits.
    "open": {"windows": [{**_WINDOW, "weekly": [_DAYS[(_NOW.weekday() + day) % 7] for day in (0, 1)]}]},
    "closed": {"windows": [{**_WINDOW, "weekly": [_DAYS[(_NOW.weekday() + 3) % 7]]}]},
    "frozen": {"freezes": [{"from": "2020-01-01", "until": "2099-01-01", "time_zone": "UTC", "reason": "stocktaking"}]},
}
_WRITES = ("create", "update", "patch", "delete", "deletecollection")
# What keeps operations apart and records them is written by each that begins.
_OF_THE_RUN = ("/leases", "/configmaps/operation-records", "selfsubject")


@dataclass(frozen=True)
class Cell:
    """One of them. kind: the key of ``change.approvals`` that the operation falls under."""

    kind: str
    needed: str
    clock: str
    given: str

    @property
    def change(self) -> dict[str, Any]:
        """The contract's ``change``."""
        asked = {"required": "required", "not needed": "none"}[self.needed]
        said: dict[str, Any] = {"stack_upgrade": "none", "model_change": "none", self.kind: asked, "approvers": [BOSS]}
        said["sources"] = ["cluster", "file"]
        if self.kind == "node_action" and self.needed == "not needed":
            del said[self.kind]  # unsaid, it follows `actions`
        return {**_CHANGE[self.clock], "approvals": said}

    def approvals(self, digest: str, stale: dict[str, Any]) -> list[dict[str, Any]]:
        """Those that are given. :param stale: what makes one stale."""
        good = {"by": BOSS, "digest": digest[:12], "given_at": _NOW.isoformat()}
        found: dict[str, list[dict[str, Any]]] = {
            "none": [],
            "stale": [{**good, **stale}],
            "by the requester": [{**good, "by": SRE}],
            "for another digest": [{**good, "digest": "f" * 64}],
            "valid": [good],
        }
        return found[self.given]

    def decided(self, *, windows: bool = True) -> str:
        """What has to come of it: ``go``, or the code for which it waits.

        :param windows: whether they delay it although nobody has to approve it.
        """
        if self.clock == "frozen":
            return "frozen"
        if self.needed == "required" and self.given != "valid":
            return "approval"
        held = self.clock == "closed" and (windows or self.needed == "required")
        return "outside_window" if held else GO

    def __str__(self) -> str:
        return f"{self.needed}, {self.clock}, {self.given}"


EXPIRED = {"given_at": (_NOW - timedelta(days=30)).isoformat()}


def cells(kind: str) -> list[Cell]:
    """All of one kind."""
    return [Cell(kind, *words) for words in product(NEEDED, CLOCK, GIVEN)]


@contextmanager
def logged_cluster() -> Iterator[Any]:
    """A cluster whose API server logs who did what."""
    with Testbed.start([ClusterSpec("acme", pools=[h100(2, 8, "aws")], load_seconds=1.0, audit=True)]) as bed:
        yield bed["acme"]


@contextmanager
def writes(cluster: Any) -> Iterator[list[str]]:
    """What is written meanwhile, by the API server's own log, as verb and resource; dry runs write nothing."""
    found: list[str] = []
    begun = cluster.audit_log.stat().st_size
    yield found
    for call in calls(cluster.audit_log, after=begun):
        own = any(part in call.path for part in _OF_THE_RUN)
        if call.verb in _WRITES and call.code < 300 and "dryRun" not in call.path and not own:
            found.append(f"{call.verb} {call.resource}")


class Table:
    """What came of each cell, in a file under ``build/``."""

    def __init__(self, name: str) -> None:
        self._file: Path = ROOT / "build" / f"{name}.txt"
        self._rows: list[str] = []

    def add(self, operation: str, cell: Cell, came: str, made: list[str]) -> None:
        """A row, and the file anew: a run may end at any time."""
        told = ", ".join(f"{count} {what}" for what, count in sorted(Counter(made).items()))
        row = (operation, cell.needed, cell.clock, cell.given, came, told or "0 writes")
        self._rows.append("  ".join(word.ljust(width) for word, width in zip(row, _WIDTHS, strict=True)).rstrip())
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text("\n".join([*self._rows, ""]))


_WIDTHS = (17, 10, 6, 18, 22, 0)
