# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals that a cluster keeps: in an annotation on fireworks-system, which none of our identities may write.

An entry has ``by``, ``digest``, ``given_at`` and perhaps ``expires_at`` (see ``approval``); one that we wrote also says
in words ``what`` it approves, the ``versions`` and ``units`` that it covers, and ``written_by``: the Kubernetes user.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..._vocabulary.others_json import read_json
from .approval import SHORTEST, moment, same_address

Data = Mapping[str, Any]
Entries = list[dict[str, Any]]


class UnreadableApprovalsError(ValueError):
    """Somebody has written there what is no approval."""


def kept_approvals(text: str) -> Entries:
    """What the annotation says. What is no mapping in a list of them approves nothing, and is left out.

    :raises UnreadableApprovalsError: it is neither an approval nor a list of them, as JSON.
    """
    if not text.strip():
        return []
    try:
        found = read_json(text)
    except ValueError:
        raise UnreadableApprovalsError("it is not JSON") from None
    entries = [found] if isinstance(found, Mapping) else found
    if not isinstance(entries, list):
        raise UnreadableApprovalsError("it is neither a mapping nor a list of mappings")
    return [dict(one) for one in entries if isinstance(one, Mapping)]


def with_approval(entries: Sequence[Data], given: Data, now: datetime) -> Entries:
    """The entries with one more, and without those that have expired.

    Where its approver has approved the same already, that one stays: a second run means the same.
    """
    left = [dict(one) for one in entries if not _expired(one, now)]
    if any(_key(one) == _key(given) and one.get("versions", []) == given.get("versions", []) for one in left):
        return left
    return [*left, dict(given)]


def without_approval(entries: Sequence[Data], digest: str, by: str = "") -> Entries:
    """The entries without those for a digest, of which its beginning is enough; with ``by``, only that approver's."""
    return [dict(one) for one in entries if not (_is_for(one, digest) and (not by or _key(one)[0] == same_address(by)))]


def _is_for(entry: Data, digest: str) -> bool:
    """Either may be the beginning of the other, since people approve what a table has shown them."""
    known = str(entry.get("digest", "")).strip()
    if min(len(known), len(digest)) < SHORTEST:
        return known == digest
    return known.startswith(digest) or digest.startswith(known)


def as_annotation(entries: Sequence[Data]) -> str | None:
    """The entries as the annotation's text; None where it has to go."""
    return json.dumps([dict(one) for one in entries], sort_keys=True) if entries else None


def as_versions(entries: Sequence[Data]) -> str | None:
    """What the API server itself reads of the entries: each version that is covered, and until when."""
    found = {
        f"{version}@{one['expires_at']}"
        for one in entries
        if one.get("expires_at")
        for version in one.get("versions") or ()
    }
    return " ".join(sorted(found)) or None


def _key(entry: Data) -> tuple[str, str]:
    return same_address(entry.get("by", "")), str(entry.get("digest", "")).strip()


def _expired(entry: Data, now: datetime) -> bool:
    """Whether its own end has passed. One without an end stays: how long it counts is the contract's word."""
    try:
        return bool(entry.get("expires_at")) and moment(entry["expires_at"]) <= now
    except ValueError:
        return False
