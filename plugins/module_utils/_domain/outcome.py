# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of a cluster in a run: data, whatever the playbook. It is worded where it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from .._vocabulary.owner import NO_CONTACT, Contact, Owner
from .contract.typed import Contract
from .dropped_rights import dropped_by
from .identities.meant import meant_instead
from .people import contact
from .told import told_by
from .written import Written

Data = Mapping[str, Any]

#: Somebody else holds the lock that a run was given.
LOCK_LOST = "lock_lost"
#: The run has not told how it ended for a cluster that was chosen.
NO_OUTCOME = "no_outcome"


class Result(StrEnum):
    """How a run ended for a cluster."""

    DONE = "done"
    UNCHANGED = "unchanged"
    WOULD_CHANGE = "would_change"
    PASSED = "passed"
    """Of a run that only looks."""
    UNPROVEN = "unproven"
    """Of a run that only looks: nothing was found wrong, but not all of it could be tested."""
    REFUSED = "refused"
    FAILED = "failed"
    WAITING = "waiting"
    SKIPPED = "skipped"
    NOT_BEGUN = "not_begun"


GOOD = frozenset((Result.DONE, Result.UNCHANGED, Result.WOULD_CHANGE, Result.PASSED, Result.UNPROVEN))
RESULTS = [result.value for result in Result]


def fine_results(fail_on: str = "") -> frozenset[Result]:
    """With which results a run ends well.

    A cluster that waits, for a window or an approval, is where it has to be; with ``fail_on`` that is ``waiting`` it is
    not.
    """
    return GOOD if fail_on == Result.WAITING else GOOD | {Result.WAITING}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one cluster.

    :param code: a stable word for what happened, for machines.
    :param object: what it happened to, where that is not the whole cluster.
    :param written: the objects that were written, or, in check mode, would be: ``kind``, ``namespace``, ``name``,
        ``action``.
    :param steps: how far each step came, as ``run_result.steps_taken`` gives it.
    :param started: when the cluster's turn began, and ended: when it was over; UTC, ISO 8601.
    :param blockers: all that is in the way, as ``blockers.blocker_data`` gives it; ``code`` is of the first.
    :param details: where several things are unmet, each of them in full, for people.
    """

    cluster: str
    customer: str
    result: Result
    code: str
    owner: Owner = Owner.NOBODY
    contact: Contact = field(default_factory=lambda: NO_CONTACT)
    object: str = ""
    what: str = ""
    next_step: str = ""
    written: tuple[Written, ...] = ()
    details: str = ""
    blockers: tuple[Data, ...] = ()
    steps: tuple[Data, ...] = ()
    started: str = ""
    ended: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As facts and records hold it."""
        # Not by dataclasses.asdict: it copies mappings by their own type, and Ansible's lazy ones refuse that.
        whole = {each.name: getattr(self, each.name) for each in fields(self)}
        plain = {"result": self.result.value, "owner": self.owner.value, "contact": dict(self.contact)}
        return {**whole, **plain, **{key: list(whole[key]) for key in ("written", "steps", "blockers")}}


def lock_left(outcome: Data, lock: Data, released: Data) -> dict[str, Any]:
    """The outcome, with what is left of the lock under which it came.

    :param lock: as it was acquired. :param released: what came of releasing it.
    """
    if "held" not in released:
        why = str(released.get("what") or released.get("msg") or "it is not said why").rstrip(".")
        note = f"its lock could not be released: {why}"
        next_step = (
            f"wait {lock['duration']} s, when the lock is free by itself, or take it from this run: "
            f"-e break_lock={lock['holder']} -e \"break_reason='<why>'\""
        )
    elif released.get("held_by") and outcome["code"] != LOCK_LOST:
        note = f"at its end its lock was in other hands: {released['held_by']['holder']}"
        next_step = "look at what that run has done meanwhile; then run this again"
    else:
        return dict(outcome)
    return _with_note(outcome, note, next_step, Owner.OPERATOR.value)


def also_failed(outcome: Data, contract: Contract, failed: Data, task: str) -> dict[str, Any]:
    """The outcome of a run where a task after its steps failed: it is not a good one, whatever was done.

    :param failed: the task's result; of one in a loop that of all its turns.
    :param task: its name.
    """
    said = blamed(contract, failed, task)
    why = f"{task}: {said['what'].removeprefix(f'{task}: ').rstrip('.')}"
    noted = _with_note(outcome, why, said["next_step"], said["owner"].value)
    if not outcome["owner"]:
        noted["contact"] = dict(said["contact"])
    # One that waits would end well, too.
    if outcome["result"] not in fine_results():
        return noted
    return {**noted, "result": Result.FAILED.value, "code": said["code"]}


def _with_note(outcome: Data, note: str, next_step: str, owner: str) -> dict[str, Any]:
    return {
        **outcome,
        "what": "; ".join(filter(None, (outcome["what"], note))),
        "next_step": "; ".join(filter(None, (outcome["next_step"], next_step))),
        "owner": outcome["owner"] or owner,
    }


def blamed(contract: Contract, failed: Data, task: str) -> dict[str, Any]:
    """What an outcome says of a failed task.

    :param failed: its result; of a task in a loop that of all its turns.
    """
    said = _refused(contract, told_by(failed, task))
    owner, where = Owner(said["owner"]), said.pop("where")
    return {
        **said,
        "owner": owner,
        "contact": contact(contract, "account") if owner == Owner.CUSTOMER else NO_CONTACT,
        "object": "" if where == contract["identity"]["name"] else where,
    }


def _refused(contract: Contract, said: dict[str, str]) -> dict[str, str]:
    """The same, where the contract itself takes the right away that is missing, or gives it to other identities."""
    if clause := dropped_by(contract, said["what"]):
        step = f"do without this playbook, or take {clause} out of the contract and apply the prerequisites again"
        return {
            **said,
            "what": f"{said['what']}; {clause} drops this right",
            "next_step": step,
            "owner": Owner.CUSTOMER,
        }
    if other := meant_instead(contract, said["what"]):
        step = "run this with the credential of the identity that docs/variables.md names for this playbook"
        return {**said, "what": f"{said['what']}; {other}", "next_step": step, "owner": Owner.OPERATOR}
    return said
