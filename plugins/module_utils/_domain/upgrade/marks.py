# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the set's parent says of the release in a cluster: which is there, since when, and what did not come to its end.

Whoever applies the whole set writes these anew: what an apply of another release does not say is gone with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._vocabulary.others_json import read_json
from ..names import PREFIX, RELEASE_LABEL

SINCE_ANNOTATION = PREFIX + "release-since"
UNFINISHED_ANNOTATION = PREFIX + "release-unfinished"
FAILED_ANNOTATION = PREFIX + "release-failed"


@dataclass(frozen=True)
class Marks:
    """The release that is there whole.

    :param since: since when, RFC 3339: an upgrade or a rollback ended then; empty where it was installed.
    :param unfinished: the release that a run was bringing, or rolling back, and has not come to the end of.
    :param failed: of the last release that did not pass here: ``release``, ``digest``, ``at``, ``reason``.
    """

    release: str
    since: str = ""
    unfinished: str = ""
    failed: Mapping[str, Any] = field(default_factory=dict)


def as_annotations(marks: Marks) -> dict[str, str]:
    """The marks as annotations of the set's parent; what is empty is not there."""
    told = {
        RELEASE_LABEL: marks.release,
        SINCE_ANNOTATION: marks.since,
        UNFINISHED_ANNOTATION: marks.unfinished,
        FAILED_ANNOTATION: json.dumps(dict(marks.failed), sort_keys=True) if marks.failed else "",
    }
    return {key: text for key, text in told.items() if text}


def marks_to_keep(version: str, stack: Mapping[str, Any] | None) -> dict[str, str]:
    """The annotations of a set that is applied again as this release: of the same one, what is known of it stays.

    :param stack: what ``cluster_info`` found; None where none is installed.
    """
    if not stack or stack["release"] != version:
        return as_annotations(Marks(version))
    return as_annotations(Marks(version, since=stack["since"], failed=stack["failed"]))


def read_marks(notes: Mapping[str, str]) -> Marks | None:
    """What a parent's annotations say; None where they name no release."""
    release = str(notes.get(RELEASE_LABEL) or "")
    if not release:
        return None
    return Marks(
        release,
        str(notes.get(SINCE_ANNOTATION) or ""),
        str(notes.get(UNFINISHED_ANNOTATION) or ""),
        _mapping(str(notes.get(FAILED_ANNOTATION) or "")),
    )


def _mapping(text: str) -> dict[str, Any]:
    """What somebody else wrote there, and cannot be read, is nothing."""
    try:
        found = read_json(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
