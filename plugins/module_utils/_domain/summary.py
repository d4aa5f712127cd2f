# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of each cluster of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._vocabulary.owner import NO_CONTACT, Owner
from .contract.typed import Contract
from .health.actions import badness
from .outcome import GOOD, NO_OUTCOME, Outcome, Result, blamed, fine_results
from .rollout.permission import REFUSE, SKIP, WAIT
from .run_result import steps_taken
from .written import changes, written_once

Data = Mapping[str, Any]

_HELD = {WAIT: Result.WAITING, SKIP: Result.SKIPPED, REFUSE: Result.REFUSED}


def success(
    contract: Contract,
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


def whole_outcome(
    outcome: Data,
    results: Sequence[Data] = (),
    *,
    written: Sequence[Data] = (),
    check_mode: bool = False,
    stages: Sequence[Data] = (),
    unproven: Sequence[str] = (),
    started: str = "",
    ended: str = "",
) -> dict[str, Any]:
    """The outcome, however it came, with what was written in the cluster by then; nothing where there is none.

    :param stages: as for ``steps_taken``. :param unproven: what could not be tested: what passed otherwise did not.
    """
    if not outcome:
        return {}
    objects = written_once(changes(results) if check_mode else written)
    told = {"written": objects, "steps": steps_taken(stages), "started": started, "ended": ended}
    return {**_with_doubts(outcome, unproven), **told}


def _with_doubts(outcome: Data, unproven: Sequence[str]) -> Data:
    if not unproven or outcome["result"] not in GOOD:
        return outcome
    note = f"not proved: {'; '.join(dict.fromkeys(each.rstrip('.') for each in unproven))}"
    passed = outcome["result"] == Result.PASSED
    return {
        **outcome,
        **({"result": Result.UNPROVEN.value, "code": Result.UNPROVEN.value} if passed else {}),
        "what": "; ".join(filter(None, (outcome["what"], note))),
    }


def read_outcome(
    contract: Contract,
    result: Data,
    began: str = "",
    now: str = "",
    problem: str = "",
    unproven: Sequence[str] = (),
) -> dict[str, Any]:
    """The outcome of a cluster that was only read.

    :param began: when its reading began; ``now`` it is over. :param problem: what was found wrong with it.
    :param unproven: what could not be read of it.
    """
    if result.get("failed"):
        outcome = _outcome(contract, Result.FAILED, **blamed(contract, result, "Read the cluster"))
    elif problem:
        to_do = _asked(result.get("findings") or ())
        outcome = _outcome(contract, Result.FAILED, code="problems_found", what=problem, **to_do)
    else:
        outcome = success(contract, passed=True)
    return {**_with_doubts(outcome, unproven), "started": began, "ended": now}


def _asked(findings: Sequence[Data]) -> dict[str, Any]:
    """Who acts on what was found: the owner of the worst, and where these have several the operator, who asks each."""
    worst = max((badness(str(one["severity"])) for one in findings), default=0)
    asked = [one for one in findings if badness(str(one["severity"])) == worst]
    people = {(one["owner"], tuple(sorted(one["contact"].items()))) for one in asked if one["owner"]}
    if len(people) > 1:
        return {"owner": Owner.OPERATOR, "next_step": "ask each owner above for what is said of it"}
    owner, contact = next(iter(people), (Owner.OPERATOR.value, tuple(NO_CONTACT.items())))
    return {"owner": Owner(owner), "contact": dict(contact), "next_step": "do what is said of each above"}


def failure(contract: Contract, failed: Data, task: str, items: Sequence[Data] = ()) -> dict[str, Any]:
    """The outcome of a cluster on which a step failed, or which preflight refused for one of its ``items``."""
    unmet = [item for item in items if item["blocking"] and not item["ok"]]
    if unmet:
        return _refused(contract, unmet, str(failed.get("msg", "")))
    return _outcome(contract, Result.FAILED, **blamed(contract, failed, task))


def not_begun(contract: Contract, reason: str) -> dict[str, Any]:
    """The outcome of a cluster that was left alone for what came of others."""
    return _outcome(contract, Result.NOT_BEGUN, code="earlier_wave", owner=Owner.FIREWORKS, what=reason)


def held(contract: Contract, turn: Data) -> dict[str, Any]:
    """The outcome of a cluster that was decided, at its turn, not to go.

    :param turn: a decision, as ``model_turn`` and ``onboarding_turn`` give it.
    """
    said = {"what": str(turn["reason"]), "owner": Owner(turn["owner"]), "contact": turn["contact"]}
    next_step = str(turn.get("next_step", ""))
    blockers = tuple(turn["blockers"])
    result = _HELD[turn["decision"]]
    return _outcome(contract, result, code=str(turn["code"]), next_step=next_step, blockers=blockers, **said)


def planned(contract: Contract, turn: Data, dry_run: Data) -> dict[str, Any]:
    """The outcome of a cluster for which changes of models were only planned: what would be refused, is.

    :param turn: of ``model_turn``. :param dry_run: the result of the task that looked at what would change.
    """
    if turn["decision"] == REFUSE:
        return held(contract, turn)
    if any(model["what"] for model in turn["models"]):
        return _outcome(contract, Result.REFUSED, **blamed(contract, dry_run, "Dry-run the models"))
    if dry_run.get("what"):  # no model is refused, and still not all of it could be looked at
        return _outcome(contract, Result.FAILED, **blamed(contract, dry_run, "Dry-run the models"))
    return success(contract, passed=True)


def every_outcome(contracts: Sequence[Contract], outcomes: Sequence[Any]) -> list[dict[str, Any]]:
    """An outcome for each cluster that was chosen, whether the run came to one there or not.

    :param contracts: of the clusters. :param outcomes: theirs, in the same order; an empty dictionary where the run
        began and told nothing, anything else that is empty where it did not begin.
    """
    return [
        dict(outcome) if outcome else _none(contract, began=isinstance(outcome, Mapping))
        for contract, outcome in zip(contracts, outcomes, strict=True)
    ]


def _none(contract: Contract, *, began: bool) -> dict[str, Any]:
    what = "the run ended here without an outcome" if began else "the run did not begin here"
    return _outcome(
        contract,
        Result.FAILED if began else Result.NOT_BEGUN,
        code=NO_OUTCOME,
        owner=Owner.OPERATOR,
        what=what,
        next_step="look at what the run says of this cluster, then run this again",
    )


def unfinished(outcomes: Sequence[Data], fail_on: str = "") -> list[str]:
    """The clusters that did not get where the run was to bring them."""
    fine = fine_results(fail_on)
    return [str(outcome["cluster"]) for outcome in outcomes if outcome["result"] not in fine]


def _outcome(contract: Contract, result: Result, *, code: str, **said: Any) -> dict[str, Any]:
    identity = contract["identity"]
    cluster, customer = str(identity["name"]), str(identity["customer"])
    return Outcome(cluster=cluster, customer=customer, result=result, code=code, **said).to_dict()


def _refused(contract: Contract, unmet: Sequence[Data], details: str) -> dict[str, Any]:
    first = unmet[0]
    code = "prerequisites_unmet"
    blockers = [
        {
            "object": str(item["check"]),
            "code": str(item.get("code") or code),
            "what": f"{item['found']}, needed {item['needed']}",
            "owner": str(item["owner"]),
            "contact": item["contact"],
        }
        for item in unmet
    ]
    more = f" (and {len(unmet) - 1} more)" if len(unmet) > 1 else ""
    return _outcome(
        contract,
        Result.REFUSED,
        code=str(blockers[0]["code"]),
        owner=Owner(first["owner"]),
        contact=first["contact"],
        object=str(first["check"]),
        what=f"{first['check']}: {blockers[0]['what']}{more}",
        blockers=tuple(blockers),
        details=details,
    )
