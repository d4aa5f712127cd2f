# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ended: one line for each cluster, and in full what somebody has to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._vocabulary.owner import Owner
from .._vocabulary.wording import assignee
from .people import contact
from .table import table

Data = Mapping[str, Any]
Outcome = dict[str, Any]

_COLUMNS = {
    "cluster": "CLUSTER",
    "customer": "CUSTOMER",
    "result": "RESULT",
    "changes": "CHANGES",
    "whose_move": "WHOSE MOVE",
    "reason": "REASON",
}
_GOOD = ("done", "would change", "nothing changed", "passed")


def success(contract: Data, results: Sequence[Data] = (), *, check_mode: bool = False, passed: bool = False) -> Outcome:
    """The outcome of a cluster on which every step went well.

    ``results`` are those of the tasks that may have changed something; ``passed`` is of a run that only looked.
    """
    if passed:
        return _outcome(contract, "passed")
    changes = len({each for result in results for each in _changed(result)})
    if not changes:
        return _outcome(contract, "nothing changed")
    return _outcome(contract, "would change" if check_mode else "done", changes=changes)


def failure(contract: Data, failed: Data, task: str, items: Sequence[Data] = ()) -> Outcome:
    """The outcome of a cluster on which a step failed, or which preflight refused for one of its ``items``."""
    unmet = [item for item in items if item["blocking"] and not item["ok"]]
    if unmet:
        first = unmet[0]
        more = f" (and {len(unmet) - 1} more)" if len(unmet) > 1 else ""
        reason = f"{first['check']}: {first['found']}, needed {first['needed']}{more}"
        outcome = _outcome(contract, "refused", reason=reason, owner=first["owner"], ask=first["contact"])
        return {**outcome, "detail": str(failed.get("msg", ""))}
    cause = _cause(failed)
    message = str(cause.get("msg") or "it failed and did not say why")
    owner = str(cause.get("owner") or _owner_in(message))
    asked = contact(contract, "account") if owner == Owner.CUSTOMER else None
    outcome = _outcome(contract, "failed", reason=f"{task}: {message.splitlines()[0]}", owner=owner, ask=asked)
    return {**outcome, "detail": message, "error": str(cause.get("error") or "")}


def not_begun(contract: Data, reason: str) -> Outcome:
    """The outcome of a cluster that was left alone for what came of others."""
    return _outcome(contract, "not begun", reason=reason, owner=Owner.FIREWORKS)


def summary(outcomes: Sequence[Data]) -> str:
    """The outcomes as a table, and below it in full what did not go well."""
    text = table(outcomes, _COLUMNS)
    details = [str(o["detail"]) for o in outcomes if o["detail"]]
    return "\n\n".join([text, *details])


def unfinished(outcomes: Sequence[Data]) -> list[str]:
    """The clusters that did not get where the run was to bring them."""
    return [str(outcome["cluster"]) for outcome in outcomes if outcome["result"] not in _GOOD]


def _outcome(
    contract: Data, result: str, *, changes: int = 0, reason: str = "", owner: str = "", ask: Data | None = None
) -> Outcome:
    return {
        "cluster": str(contract["identity"]["name"]),
        "customer": str(contract["identity"]["customer"]),
        "result": result,
        "changes": changes,
        "reason": _short(reason),
        "whose_move": assignee(owner, ask),
        "detail": "",
        "error": "",
    }


def _changed(result: Data) -> list[tuple[str, str, str]]:
    """The objects that a task changed; of a task in a loop, by all its turns. A credential is known by its user."""
    if "results" in result:
        return [each for turn in result["results"] for each in _changed(turn)]
    if "user" in result and result.get("changed"):
        return [("credential", "", str(result["user"]))]
    objects = result.get("objects") or ()
    return [(str(o["kind"]), str(o["namespace"]), str(o["name"])) for o in objects if o["action"] != "unchanged"]


def _cause(failed: Data) -> Data:
    """The failed turn of a loop, or the result itself."""
    for each in failed.get("results") or ():
        if each.get("failed"):
            return dict(each)
    return failed


def _owner_in(message: str) -> str:
    """Whose move it is by the words of a playbook's own refusal, which carries nothing else."""
    return Owner.CUSTOMER if message.rstrip().endswith("Whose move: the customer.") else Owner.FIREWORKS


def _short(text: str, most: int = 100) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
