# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of each cluster of a rollout, in the words of its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..._vocabulary.times import upcoming
from ..._vocabulary.wording import assignee, spoken
from ..contract.typed import Contract
from ..outcome import NO_OUTCOME, Outcome, Result, blamed, fine_results
from .bounds import NEXT_STEP, OTHER_BOUNDS
from .gate import Gate
from .permission import GO, REFUSE, SKIP, WAIT

Data = Mapping[str, Any]

_THERE = "already_there"
_STAYED = {SKIP: Result.SKIPPED, WAIT: Result.WAITING, REFUSE: Result.REFUSED}
# What resolves it where a cluster cannot take the release at all: see the decisions in docs/upgrades.md.
_NEXT_STEPS = {
    "offline": "make its API server reachable from here, then run this again",
    "not_onboarded": "run fireworks.byoc.onboard",
    "wrong_source": "upgrade it to a release that this one may follow, then run this again",
    OTHER_BOUNDS: NEXT_STEP,
    "old_kubernetes": "upgrade its Kubernetes, then run this again",
}
# A cluster in which a task failed so has not been touched by this run; what it means is what the plan calls it.
_UNTOUCHED = {
    "locked": (Result.WAITING, "locked"),
    "unreachable": (Result.SKIPPED, "offline"),
    "unhealthy": (Result.WAITING, "unhealthy"),
    "no_room": (Result.WAITING, "no_room"),
    "failed_before": (Result.WAITING, "failed_before"),
}


@dataclass(frozen=True, kw_only=True)
class RolloutOutcome(Outcome):
    """With the cluster's place in the rollout.

    :param source: the release that it had. :param ended_at: ISO 8601, like ``next_at``: when it could go.
    """

    ring: str
    wave: int | None
    source: str | None
    ended_at: str = ""
    next_at: str | None = None

    def to_dict(self) -> dict[str, Any]:
        found = super().to_dict()
        return {**found, "from": found.pop("source")}


def held(row: Data, opening: Gate) -> dict[str, Any]:
    """The outcome of a cluster whose wave may not begin; one that waits for something of its own says that first."""
    later = opening.at.isoformat(timespec="seconds") if opening.at else None
    owner = Owner.NOBODY if later else Owner.FIREWORKS
    said = {"code": "earlier_wave", "what": opening.reason, "owner": owner}
    blocker = {"object": "", **said, "owner": owner.value, "contact": dict(NO_CONTACT)}
    own = [one for one in row["blockers"] if one["code"] != blocker["code"]]
    if row["decision"] == WAIT and own:
        reason = f"{'; also: '.join(str(one['what']) for one in own)}; also: {opening.reason}"
        return stayed({**row, "reason": reason, "blockers": [*own, blocker]})
    return _outcome(row, Result.WAITING, **said, blockers=(blocker,), next_at=later)


def stayed(row: Data) -> dict[str, Any]:
    """The outcome of a cluster that was decided, at its turn, not to go."""
    return _outcome(
        row,
        Result.UNCHANGED if row["code"] == _THERE else _STAYED[row["decision"]],
        code=str(row["code"]),
        what=str(row["reason"]),
        owner=Owner(row["owner"]),
        contact=row["contact"],
        next_step=_NEXT_STEPS.get(str(row["code"]), ""),
        blockers=tuple(row["blockers"]),
        ended_at=str(row["since"] or "") if row["code"] == _THERE else "",
        next_at=row["next_at"],
    )


def went(row: Data, result: Data, now: datetime, *, check_mode: bool = False) -> dict[str, Any]:
    """The outcome of a cluster that has the release now (in check mode: would have).

    :param result: of ``stack_upgrade``. :param now: with a time zone.
    """
    ended = _iso(now)
    if not result.get("changed"):
        return _outcome(row, Result.UNCHANGED, code=_THERE, what=str(result.get("reason", "")), ended_at=ended)
    if check_mode:
        return _outcome(row, Result.WOULD_CHANGE, code=GO, what=str(row["reason"]), ended_at=ended)
    return _outcome(row, Result.DONE, code=GO, what=str(result.get("evidence", "")), ended_at=ended)


def broke(contract: Contract, row: Data, failed: Data, task: str, now: datetime) -> dict[str, Any]:
    """The outcome of a cluster on which a task failed.

    :param failed: its result. :param now: with a time zone.
    """
    found = blamed(contract, failed, task)
    result, found["code"] = _UNTOUCHED.get(found["code"], (Result.FAILED, found["code"]))
    return _outcome(row, result, **found, ended_at=_iso(now))


def result_rows(plan: Data, outcomes: Sequence[Data]) -> list[dict[str, Any]]:
    """Every cluster of the plan with what came of it, in the order of the waves; those in none come last."""
    return [
        {
            "wave": one["wave"] or "-",
            "cluster": one["cluster"],
            "ring": one["ring"],
            "from": one["from"] or "-",
            "result": spoken(one["result"]),
            "code": one["code"],
            "action_required_by": assignee(one["owner"], one["contact"]),
            "next": upcoming(one["next_at"], plan["now"]),
            "reason": " ".join(str(one["what"]).split()),
        }
        for one in _of_all(plan, outcomes)
    ]


def undone(plan: Data, outcomes: Sequence[Data], fail_on: str = "") -> list[str]:
    """The clusters that did not get where the run was to bring them, and do not wait for their time.

    They failed, are offline, are in no state for this release, or have no outcome; and where one failed, those whose
    wave was held back for good.

    :param fail_on: with ``waiting`` those that wait, too.
    """
    found = _of_all(plan, outcomes)
    codes = ("failed_before", NO_OUTCOME)
    failed = [one["cluster"] for one in found if one["result"] == Result.FAILED or one["code"] in codes]
    kept_out = (Result.SKIPPED, Result.REFUSED)
    left_out = [one["cluster"] for one in found if one["result"] in kept_out and one["code"] not in codes]
    stopped = [one["cluster"] for one in found if one["code"] == "earlier_wave" and not one["next_at"]]
    waiting = [one["cluster"] for one in found if one["result"] == Result.WAITING]
    late = waiting if Result.WAITING not in fine_results(fail_on) else []
    return list(dict.fromkeys([*failed, *(stopped if failed else ()), *left_out, *late]))


def in_no_wave(plan: Data) -> list[dict[str, Any]]:
    """The outcomes of the clusters that the plan gives no turn: a run tells them although it does not go there."""
    waves = {name for wave in plan["waves"] for name in wave["clusters"]}
    return [stayed(row) for row in plan["clusters"] if row["cluster"] not in waves]


def planned(plan: Data, read: Sequence[Data]) -> list[dict[str, Any]]:
    """The outcomes of a plan, by those of its clusters' readings: what the upgrade would refuse or skip, it does too.

    :param read: in any order. One that did not pass says more of that than the plan.
    """
    kept_out = {row["cluster"]: row for row in plan["clusters"] if row["decision"] in (REFUSE, SKIP)}
    return [
        {**one, **stayed(kept_out[one["cluster"]]), **{key: one[key] for key in ("started", "ended")}}
        if one["cluster"] in kept_out and one["result"] == Result.PASSED
        else dict(one)
        for one in read
    ]


def _of_all(plan: Data, outcomes: Sequence[Data]) -> list[Data]:
    came = {outcome["cluster"]: outcome for outcome in outcomes}
    order = [name for wave in plan["waves"] for name in wave["clusters"]]
    rows = {row["cluster"]: row for row in plan["clusters"]}
    names = [*order, *(name for name in rows if name not in order)]
    # An outcome that the scaffold has made does not know of waves.
    return [{**_place(rows[name]), **came[name]} if name in came else stayed(rows[name]) for name in names]


def _place(row: Data) -> dict[str, Any]:
    return {**{key: row[key] for key in ("ring", "wave", "from")}, "next_at": None}


def _outcome(row: Data, result: Result, **said: Any) -> dict[str, Any]:
    place = {key: row[key] for key in ("cluster", "customer", "ring", "wave")}
    return RolloutOutcome(**place, source=row["from"], result=result, **said).to_dict()


def _iso(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")
