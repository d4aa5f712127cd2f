# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an object exactly once, whatever became of the answer to the first request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compare import differences
from .errors import ConflictError, NotFoundError
from .session import FIELD_MANAGER, Session


def create_once(session: Session, collection: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Make the object, and return it as the server has it.

    A request that is sent again because its answer was lost meets its own effect. So what is there already is read, and
    is ours when it holds all that was sent: the manifest must say something that nobody else's would (who, when).

    :param collection: where the objects of its kind are.
    :raises ConflictError: there is another object of this name.
    """
    try:
        return session.request("POST", collection, body=manifest)
    except ConflictError:
        try:
            there = session.get(f"{collection}/{manifest['metadata']['name']}")
        except NotFoundError:
            there = None
        if there is None or differences(manifest, there, manager=FIELD_MANAGER):
            raise
        return there
