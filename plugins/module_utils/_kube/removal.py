# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a set can be removed whole, asked before any of it is."""

from __future__ import annotations

from collections.abc import Iterable

from .applyset import parent_path
from .errors import AnswerError
from .objects import Manifest, Ref
from .over import delete_over
from .plan import DELETE, Plan
from .refusals import RefusedError, reason_of
from .session import Session

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


def _dry_run(session: Session, ref: Ref, path: str, seen: Manifest) -> None:
    try:
        delete_over(session, path, seen, dry_run=True)
    except AnswerError as error:
        raise RefusedError(
            f"{ref}: {reason_of(error)}; nothing was deleted",
            where=session.where,
            next_step="run this as an identity that may delete it",
        ) from None
