# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ended: one line for each cluster, and in full what somebody has to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._vocabulary.owner import Owner
from .._vocabulary.wording import assignee, spoken
from .outcome import NO_OUTCOME, Outcome, Result, blamed, failures_told, fine_results
from .table import table
from .written import changes, written_once

Data = Mapping[str, Any]

_HELD = {"wait": Result.WAITING, "skip": Result.SKIPPED, "refuse": Result.REFUSED}
_COLUMNS = ("cluster", "customer", "result", "changes", "action_required_by", "reason")


def success(
    contract: Data,
    results: Sequence[Data] = (),
    *,
    written: Sequence[Data] = (),
    check_mode: bool = False,
    passed: bool = False,
) -> dict[str, Any]:
    """The outcome of a cluster on which every step went well.

    :param results: of the tasks that may have changed something: in check mode they say what would be written.
    :param written: what was. :param passed: of a run that only looked.
    """
    objects = written_once(changes(results) if check_mode else written)
    changed = Result.WOULD_CHANGE if check_mode else Result.DONE
    result = Result.PASSED if passed else changed if objects else Result.UNCHANGED
    return _outcome(contract, result, code=result.value, written=tuple(objects))


def with_written(outcome: Data, results: Sequence[Data], written: Sequence[Data], *, check_mode: bool) -> Data:
    """The outcome, however it came, with what was written in the cluster by then; nothing where there is none."""
    objects = written_once(changes(results) if check_mode else written)
    return {**outcome, "written": objects} if outcome else {}


def failure(contract: Data, failed: Data, task: str, items: Sequence[Data] = ()) -> dict[str, Any]:
    """The outcome of a cluster on which a step failed, or which preflight refused for one of its ``items``."""
    unmet = [item for item in items if item["blocking"] and not item["ok"]]
    if unmet:
        return _refused(contract, unmet, str(failed.get("msg", "")))
    return _outcome(contract, Result.FAILED, **blamed(contract, failed, task))


def not_begun(contract: Data, reason: str) -> dict[str, Any]:
    """The outcome of a cluster that was left alone for what came of others."""
    return _outcome(contract, Result.NOT_BEGUN, code="earlier_wave", owner=Owner.FIREWORKS, what=reason)


def held(contract: Data, turn: Data) -> dict[str, Any]:
    """The outcome of a cluster that was decided, at its turn, not to go.

    :param turn: a decision, as ``model_turn`` and ``onboarding_turn`` give it.
    """
    said = {"what": str(turn["reason"]), "owner": Owner(turn["owner"]), "contact": turn["contact"]}
    next_step = str(turn.get("next_step", ""))
    return _outcome(contract, _HELD[turn["decision"]], code=str(turn["code"]), next_step=next_step, **said)


def every_outcome(contracts: Sequence[Data], outcomes: Sequence[Any]) -> list[dict[str, Any]]:
    """An outcome for each cluster that was chosen, whether the run came to one there or not.

    :param contracts: of the clusters. :param outcomes: theirs, in the same order; an empty dictionary where the run
        began and told nothing, anything else that is empty where it did not begin.
    """
    return [
        dict(outcome) if outcome else _none(contract, began=isinstance(outcome, Mapping))
        for contract, outcome in zip(contracts, outcomes, strict=True)
    ]


def _none(contract: Data, *, began: bool) -> dict[str, Any]:
    what = "the run ended here without an outcome" if began else "the run did not begin here"
    return _outcome(
        contract,
        Result.FAILED if began else Result.NOT_BEGUN,
        code=NO_OUTCOME,
        owner=Owner.OPERATOR,
        what=what,
        next_step="look at what the run says of this cluster, then run this again",
    )


def summary(outcomes: Sequence[Data]) -> str:
    """The outcomes as a table, and below it in full what did not go well."""
    rows = [
        {
            **outcome,
            "result": spoken(outcome["result"]),
            "changes": len(outcome["written"]),
            "action_required_by": assignee(outcome["owner"], outcome["contact"]),
            "reason": _short(outcome["what"]),
        }
        for outcome in outcomes
    ]
    return "\n\n".join([table(rows, _COLUMNS), *failures_told(outcomes)])


def unfinished(outcomes: Sequence[Data], fail_on: str = "") -> list[str]:
    """The clusters that did not get where the run was to bring them."""
    fine = fine_results(fail_on)
    return [str(outcome["cluster"]) for outcome in outcomes if outcome["result"] not in fine]


def _outcome(contract: Data, result: Result, *, code: str, **said: Any) -> dict[str, Any]:
    identity = contract["identity"]
    cluster, customer = str(identity["name"]), str(identity["customer"])
    return Outcome(cluster=cluster, customer=customer, result=result, code=code, **said).to_dict()


def _refused(contract: Data, unmet: Sequence[Data], details: str) -> dict[str, Any]:
    first = unmet[0]
    more = f" (and {len(unmet) - 1} more)" if len(unmet) > 1 else ""
    return _outcome(
        contract,
        Result.REFUSED,
        code="prerequisites_unmet",
        owner=Owner(first["owner"]),
        contact=first["contact"],
        object=str(first["check"]),
        what=f"{first['check']}: {first['found']}, needed {first['needed']}{more}",
        details=details,
    )


def _short(text: str, most: int = 100) -> str:
    line = " ".join(text.strip().partition("\n")[0].split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
