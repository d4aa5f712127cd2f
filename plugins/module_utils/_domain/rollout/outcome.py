# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of each cluster of a rollout, in the words of its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..._vocabulary.owner import Owner
from ..._vocabulary.wording import assignee
from ..people import contact
from .decision import GO, SKIP, WAIT
from .gate import DONE, FAILED, SKIPPED, Gate

Data = Mapping[str, Any]
Outcome = dict[str, Any]

WOULD_CHANGE = "would change"
# A cluster in which a task failed so has not been touched by this run; what it means is what the plan calls it.
_UNTOUCHED = {
    "HeldError": (WAIT, "locked", SKIPPED),
    "UnreachableError": (SKIP, "offline", SKIPPED),
    "NotReadyError": (WAIT, "unhealthy", SKIPPED),
    "NoRoomError": (WAIT, "no_room", SKIPPED),
    "FailedBeforeError": (WAIT, "failed_before", FAILED),
}
_CODES = {"UpgradeError": "given_back", "UnfinishedError": "unfinished"}


def held(row: Data, opening: Gate) -> Outcome:
    """The outcome of a cluster whose wave may not begin; one that waits for something of its own says that."""
    if row["decision"] == WAIT and row["code"] != "earlier_wave":
        return stayed(row)
    later = opening.at.isoformat(timespec="seconds") if opening.at else None
    return _outcome(row, WAIT, "earlier_wave", opening.reason, "" if later else "Fireworks", next_at=later)


def stayed(row: Data) -> Outcome:
    """The outcome of a cluster that was decided, at its turn, not to go."""
    there = row["code"] == "already_there"
    gate = DONE if there else FAILED if row["code"] == "failed_before" else SKIPPED
    return _outcome(
        row,
        str(row["decision"]),
        str(row["code"]),
        str(row["reason"]),
        str(row["whose_move"]),
        gate,
        str(row["since"] or "") if there else "",
        next_at=row["next_at"],
    )


def went(row: Data, result: Data, now: datetime, *, check_mode: bool = False) -> Outcome:
    """The outcome of a cluster that has the release now (in check mode: would have).

    :param result: of ``stack_upgrade``. :param now: with a time zone.
    """
    ended = _iso(now)
    if not result.get("changed"):
        return _outcome(row, SKIP, "already_there", str(result.get("reason", "")), "", DONE, ended)
    if check_mode:
        return _outcome(row, WOULD_CHANGE, GO, str(row["reason"]), "", DONE, ended)
    return _outcome(row, DONE, GO, str(result.get("evidence", "")), "", DONE, ended)


def broke(contract: Data, row: Data, failed: Data, task: str, now: datetime) -> Outcome:
    """The outcome of a cluster on which a task failed.

    :param failed: its result. :param now: with a time zone.
    """
    message = str(failed.get("msg") or "it failed and did not say why")
    error = str(failed.get("error") or "")
    owner = str(failed.get("owner") or Owner.FIREWORKS)
    who = contact(contract, "account")
    owner = assignee(owner, who if owner == Owner.CUSTOMER else None)
    result, code, gate = _UNTOUCHED.get(error, (FAILED, _CODES.get(error, "failed"), FAILED))
    said = message.partition(" Next:")[0]
    reason = said if error else f"{task}: {said.splitlines()[0]}"
    return {**_outcome(row, result, code, reason, owner, gate, _iso(now)), "detail": message, "error": error}


def result_rows(plan: Data, outcomes: Sequence[Data]) -> list[Outcome]:
    """Every cluster of the plan with what came of it, in the order of the waves; those in none come last."""
    came = {outcome["cluster"]: outcome for outcome in outcomes}
    order = [name for wave in plan["waves"] for name in wave["clusters"]]
    rows = {row["cluster"]: row for row in plan["clusters"]}
    names = [*order, *(name for name in rows if name not in order)]
    found = [came[name] if name in came else stayed(rows[name]) for name in names]
    keys = ("wave", "cluster", "ring", "from", "result", "code", "whose_move", "next", "reason")
    return [
        {
            **{key: one.get(key) for key in keys},
            "wave": one["wave"] or "-",
            "from": one["from"] or "-",
            "next": str(one["next_at"] or "-")[:16].replace("T", " "),
            "reason": " ".join(str(one["reason"]).split()),
        }
        for one in found
    ]


def undone(plan: Data, outcomes: Sequence[Data]) -> list[str]:
    """The clusters that failed, and those whose wave was held back for good because others did."""
    rows = result_rows(plan, outcomes)
    failed = [row["cluster"] for row in rows if row["result"] == FAILED or row["code"] == "failed_before"]
    stopped = [row["cluster"] for row in rows if row["code"] == "earlier_wave" and row["next"] == "-"]
    return [*failed, *stopped] if failed else []


def _outcome(
    row: Data,
    result: str,
    code: str,
    reason: str,
    owner: str = "",
    gate: str = SKIPPED,
    ended: str = "",
    next_at: object = None,
) -> Outcome:
    kept = {key: row[key] for key in ("cluster", "customer", "ring", "wave", "from")}
    return {
        **kept,
        "result": result,
        "code": code,
        "reason": reason,
        "whose_move": owner,
        "outcome": gate,
        "ended_at": ended,
        "next_at": next_at,
        "detail": "",
        "error": "",
    }


def _iso(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")
