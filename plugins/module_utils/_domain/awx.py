# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX says of one of its jobs: who started it, and who answered the approval of a plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .rollout.approval import SHORTEST, same_address

Data = Mapping[str, Any]

#: AWX gives every variable under both; Tower only under the second.
_PREFIXES = ("awx_", "tower_")
#: Of a job, and of the workflow that it is a part of.
_SCHEDULES = ("schedule_name", "parent_job_schedule_name")
_PLANS = ("plan_models", "plan_upgrade")
_DIGEST = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}")


def said_of(variables: Data, name: str) -> str:
    """One of the variables of a job, such as ``user_name``; empty where AWX does not say it."""
    return next((str(variables[key]) for key in (f"{prefix}{name}" for prefix in _PREFIXES) if variables.get(key)), "")


def starter(variables: Data) -> str:
    """Who started the job, as locks and records name them: a user, else a schedule; empty where neither is told."""
    return said_of(variables, "user_name") or _schedule(variables)


def requester(variables: Data) -> str:
    """Who asks for what the job does: the address of who started it, by which an approval of their own is told."""
    return said_of(variables, "user_email") or starter(variables)


def _schedule(variables: Data) -> str:
    name = next((said for key in _SCHEDULES if (said := said_of(variables, key))), "")
    return f"schedule:{'-'.join(name.split())}" if name else ""


def approval_answer(result: Any, answer: Data, user: Data, variables: Data) -> dict[str, list[Any]]:
    """The answer of an approval node as ``approvals``, one for each digest that the plan showed; else ``doubts``.

    :param result: of the plan, as its job handed it on. :param answer: the approval, as AWX's API tells it.
    :param user: who gave it, likewise. :param variables: of the job that reads it.
    """
    doubts = list(_doubts(result, answer, user, variables))
    digests = () if doubts else dict.fromkeys(_digests(result))
    by, at = same_address(user.get("email", "")), str(answer.get("finished") or "")
    return {"approvals": [{"by": by, "digest": one, "given_at": at} for one in digests], "doubts": doubts}


def _doubts(result: Any, answer: Data, user: Data, variables: Data) -> Iterator[str]:
    if not isinstance(result, Mapping) or result.get("playbook") not in _PLANS:
        yield "there is no plan before it in the workflow"
    if answer.get("status") != "successful" or not answer.get("finished"):
        yield f"the approval is {answer.get('status') or 'not there'}, and not given"
        return
    who = (answer.get("summary_fields") or {}).get("approved_or_denied_by") or {}
    if not who.get("id") or who["id"] != user.get("id"):
        yield "AWX does not say who gave it"
        return
    name = str(who.get("username") or who["id"])
    if not user.get("email"):
        yield f"{name} has no e-mail address in AWX, and contracts name approvers by theirs"
    own = said_of(variables, "user_id") == str(who["id"])
    if own or same_address(user.get("email", "-")) == same_address(requester(variables)):
        yield f"{name} started the workflow, and nobody approves a change of their own"


def _digests(result: Any) -> Iterator[str]:
    for report in result.get("reports") or ():
        for row in report.get("rows") or ():
            if _DIGEST.fullmatch(str(row.get("digest") or "")):
                yield str(row["digest"])
