# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a set can be removed whole, asked before any of it is."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import AnswerError, ConflictError, NotFoundError
from .plan import Change
from .refusals import RefusedError, reason_of
from .session import Session


def require_removable(session: Session, changes: Iterable[Change]) -> None:
    """Dry-run the deletion of each of these objects.

    :raises RefusedError: one may not be deleted, by this identity or at all; nothing was.
    """
    session.in_parallel(lambda change: _dry_run(session, change), changes)


def _dry_run(session: Session, change: Change) -> None:
    path = change.resource.path(change.ref.namespace, change.ref.name)
    try:
        session.request("DELETE", path, query={"dryRun": "All"})
    except (NotFoundError, ConflictError):
        pass  # it is gone, or going
    except AnswerError as error:
        raise RefusedError(
            f"{change.ref}: {reason_of(error)}; none of the set was deleted",
            where=session.where,
            next_step="run this as an identity that may delete it",
        ) from None
