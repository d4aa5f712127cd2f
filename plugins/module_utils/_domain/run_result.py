# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a whole run, as machines read it: the same form for every playbook (schemas/result.schema.json)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from .._vocabulary.owner import NO_CONTACT, Owner
from .._vocabulary.runbooks import runbook
from .outcome import GOOD, Result
from .told import TASK_FAILED, told_by
from .written import counted_by_kind

Data = Mapping[str, Any]

#: It changes when what reads a result of before would misread one of now.
VERSION = 1
#: Of several clusters the run has the result that comes first here.
_WORST_FIRST = (
    Result.FAILED, Result.REFUSED, Result.NOT_BEGUN, Result.WAITING, Result.SKIPPED, Result.UNPROVEN,
    Result.WOULD_CHANGE, Result.DONE, Result.UNCHANGED, Result.PASSED,
)  # fmt: skip
_SAID = ("code", "owner", "what", "next_step")
_OUTCOME_TEXTS = ("cluster", "customer", "result", "code", "owner", "object", "what", "next_step", "details")


def run_result(
    outcomes: Sequence[Data],
    reports: Iterable[Data],
    *,
    playbook: str,
    run: str,
    check_mode: bool,
    now: str,
    failed: Data | None = None,
    task: str = "",
) -> dict[str, Any]:
    """The result of a run over these clusters.

    :param reports: what it shows besides: ``title``, and ``rows`` or ``text``. :param now: UTC, ISO 8601.
    :param failed: what ended it before any cluster's turn, and its task.
    """
    clusters = [_cluster(one) for one in outcomes]
    shown = [_report(one) for one in reports if one.get("rows") or one.get("text")]
    started = min((str(one["started"]) for one in clusters if one["started"]), default=now)
    results = {one["result"] for one in clusters}
    return {
        "version": VERSION,
        "playbook": playbook,
        "run": run,
        "check_mode": check_mode,
        "result": next((each.value for each in _WORST_FIRST if each in results), Result.PASSED.value),
        **(_ending(failed, task, found_out=bool(shown)) if failed else dict.fromkeys((*_SAID, "runbook"), "")),
        "started": started,
        "ended": now,
        "seconds": seconds_between(started, now),
        "clusters": clusters,
        "reports": shown,
    }


def _ending(failed: Data, task: str, *, found_out: bool) -> dict[str, str]:
    """A refusal, unless it is a verdict on what was found out, or nobody foresaw it."""
    told = told_by(failed, task)
    said = {**{key: told[key] for key in _SAID}, "runbook": runbook(told["code"])}
    if said["code"] == TASK_FAILED:  # all that a run has until then is what it was given
        to_do = {"owner": Owner.OPERATOR.value, "next_step": "correct what this names, and run this again"}
        return {"result": Result.FAILED.value, **said, **to_do}
    return {"result": (Result.FAILED if found_out else Result.REFUSED).value, **said}


def _cluster(outcome: Data) -> dict[str, Any]:
    written = [dict(one) for one in outcome.get("written") or ()]
    started, ended = str(outcome.get("started") or ""), str(outcome.get("ended") or "")
    return {
        **{key: str(outcome.get(key) or "") for key in _OUTCOME_TEXTS},
        "runbook": "" if outcome["result"] in GOOD else runbook(str(outcome["code"])),
        "contact": {key: str((outcome.get("contact") or NO_CONTACT).get(key) or "") for key in NO_CONTACT},
        "next_at": str(outcome.get("next_at") or ""),
        "started": started,
        "ended": ended,
        "seconds": seconds_between(started, ended),
        "steps": [dict(one) for one in outcome.get("steps") or ()],
        "blockers": [dict(one) for one in outcome.get("blockers") or ()],
        "counts": counted_by_kind(written),
        "written": written,
    }


def _report(one: Data) -> dict[str, Any]:
    return {
        "title": str(one.get("title") or ""),
        "text": str(one.get("text") or ""),
        "rows": [dict(row) for row in one.get("rows") or ()],
    }


def seconds_between(started: str, ended: str) -> int:
    """Whole seconds from one moment to another; 0 where one of them is not known."""
    if not (started and ended):
        return 0
    return max(0, round((datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()))


def steps_taken(stages: Iterable[Data]) -> list[dict[str, str]]:
    """How far each step came: ``done``, ``failed`` or ``not_begun``. One that others were taken without is left out.

    :param stages: each with its ``name``, the ``result`` of its task (empty where it was not begun), and a ``note``.
    """
    steps = [
        {"name": str(one["name"]), "state": _state(one["result"]), "note": str(one.get("note") or "")} for one in stages
    ]
    last = max((number for number, step in enumerate(steps) if step["state"] != "not_begun"), default=-1)
    return [step for number, step in enumerate(steps) if number > last or step["state"] != "not_begun"]


def _state(result: Any) -> str:
    if not result or result.get("skipped"):
        return "not_begun"
    return "failed" if result.get("failed") else "done"
