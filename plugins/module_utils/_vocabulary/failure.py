# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a module or action that could not do its work: the same keys everywhere."""

from __future__ import annotations

from typing import Any

from .harmless import harmless, one_line
from .owner import Contact, Owner
from .wording import message


def failed_result(
    *,
    error: str,
    code: str,
    what: str,
    where: str = "",
    next_step: str = "",
    owner: str = Owner.OPERATOR,
    contact: Contact | None = None,
    details: str = "",
) -> dict[str, Any]:
    """What Ansible shows and playbooks decide by.

    :param error: the class of the error. :param code: a stable word for what went wrong, for machines.
    :param what: what happened. :param details: the message, where it has several lines of its own.
    """
    what, where, next_step = one_line(what), one_line(where), one_line(next_step)
    return {
        "failed": True,
        "msg": harmless(details) or message(what, where=where, next_step=next_step, owner=owner, contact=contact),
        "error": error,
        "code": code,
        "owner": str(owner),
        "what": what,
        "where": where,
        "next_step": next_step,
    }
