# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether objects of a set can be removed, asked before any is; and whether they are gone, seen afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterable

from .._vocabulary.owner import Owner
from .applyset import parent_path
from .errors import AnswerError, DeadlineError
from .objects import Manifest, Ref
from .over import delete_over
from .plan import DELETE, Change, Plan
from .refusals import RefusedError, reason_of
from .session import Session
from .staying import told
from .wait import Awaited, wait_gone

Doomed = tuple[Ref, str, Manifest]


def require_removable(session: Session, plan: Plan, also: Iterable[Doomed] = ()) -> None:
    """Dry-run the deletion of each object of a set, and of its parent, just as it will be deleted.

    :param also: further objects that go with it, each with its path, as it was read.
    :raises RefusedError: one may not be deleted, by this identity or at all; nothing was.
    """
    doomed = [(c.ref, c.resource.path(c.ref.namespace, c.ref.name), c.before) for c in plan.of(DELETE)]
    if plan.parent_before is not None:
        doomed.append((plan.parent, parent_path(plan.parent), plan.parent_before))
    session.in_parallel(lambda one: _dry_run(session, *one), [*doomed, *also])


def awaited(changes: Iterable[Change]) -> list[Awaited]:
    """What to wait for, of what changes."""
    return [Awaited(change.ref, change.resource) for change in changes]


def require_gone(session: Session, changes: Iterable[Change], until: float) -> None:
    """See objects gone that were deleted.

    :param until: a moment of ``time.monotonic``. :raises DeadlineError: naming what is still there by then.
    """
    still_there = wait_gone(session, awaited(changes), seconds=max(0.0, until - time.monotonic()))
    if still_there:
        which, step = told(still_there)
        raise DeadlineError(f"not gone in time: {which}", where=session.where, next_step=step, owner=Owner.CUSTOMER)


def _dry_run(session: Session, ref: Ref, path: str, seen: Manifest) -> None:
    try:
        delete_over(session, path, seen, dry_run=True)
    except AnswerError as error:
        raise RefusedError(
            f"{ref}: {reason_of(error)}; nothing was deleted",
            where=session.where,
            next_step="run this as an identity that may delete it",
        ) from None
