# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does next with the stack of a cluster, by what earlier runs have left there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .entry import ENDS, FAILED, FAILING, GOOD, PENDING, SUPERSEDED, UNDER_WAY, WITHDRAWING, WITHDRAWN, Entry
from .marks import Marks

NOTHING, BEGIN, RESUME, SUPERSEDE, ABORT, REFUSE = "nothing", "begin", "resume", "supersede", "abort", "refuse"
ROLLBACK = "rollback"
NONE = Entry(0, "", "", "", ())
"""No entry."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for: a release, brought anew or, with ``back``, restored from its backup.

    :param digest: of the release. :param retry: whether one that failed here is tried again.
    """

    release: str = ""
    digest: str = ""
    retry: bool = False
    back: bool = False


@dataclass(frozen=True)
class Course:
    """What to do.

    :param entry: what it goes on with, aborts, or takes the place of; of a rollback the one with the backup.
    :param reason: why it is so, or why not; for people.
    :param backups: where nothing else is in the way, the releases that can be restored here.
    """

    action: str
    entry: Entry = NONE
    reason: str = ""
    backups: Sequence[str] = ()


def course(wanted: Wanted, marks: Marks, entries: Sequence[Entry]) -> Course:
    """What a run that wants this does.

    :param marks: what the set's parent says. :param entries: after :func:`settled`, oldest first.
    """
    last = entries[-1] if entries else None
    stuck = last if last and last.state in UNDER_WAY else None
    if marks.unfinished and stuck is None:
        return Course(REFUSE, NONE, f"the way to {marks.unfinished} did not come to its end, and its backup is gone")
    if wanted.back:
        return _back(wanted.release, marks, entries, stuck)
    if stuck:
        if stuck.target != wanted.release or stuck.digest != wanted.digest:
            reason = f"takes the place of {stuck.target}, which did not come to its end"
            return Course(SUPERSEDE, stuck, reason)
        if stuck.state == PENDING:
            return Course(RESUME, stuck, "an earlier run did not come to its end")
        return Course(ABORT, stuck, stuck.failure)
    if marks.release == wanted.release:
        return Course(NOTHING, NONE, f"has {wanted.release} already")
    failed = failed_before(wanted.release, wanted.digest, entries)
    if failed and not wanted.retry:
        return Course(REFUSE, failed, f"{failed.target} failed here at {failed.ended}: {failed.failure}")
    return Course(BEGIN)


def failed_before(release: str, digest: str, entries: Sequence[Entry]) -> Entry | None:
    """The last time that exactly this release failed here, unless it was there since."""
    same = [e for e in entries if (e.target, e.digest) == (release, digest) and e.state in (FAILED, GOOD)]
    return same[-1] if same and same[-1].state == FAILED else None


def _back(to: str, marks: Marks, entries: Sequence[Entry], stuck: Entry | None) -> Course:
    """The way back to a release. Which one it is never depends on how often somebody has asked."""
    if stuck:
        return _out_of(stuck, to)
    backups = _backups(marks, entries)
    if not to:
        before = _before(marks, entries)
        named = f"{before} was here before {marks.release}" if before else f"no upgrade to {marks.release} is recorded"
        return Course(REFUSE, NONE, f"no release to go back to is named; {named}", [before] if before else backups)
    if to == marks.release:
        return Course(NOTHING, NONE, f"has {to} already")
    kept = next((entry for entry in reversed(entries) if entry.source == to and entry.objects), None)
    if kept is None:
        return Course(REFUSE, NONE, f"no backup of {to} is recorded here", backups)
    return Course(ROLLBACK, kept)


def _out_of(stuck: Entry, to: str) -> Course:
    """Of what is under way only the two ends can be reached, and the far one of an upgrade by going on with it."""
    if to == stuck.source:
        return Course(ABORT, stuck, stuck.failure or "it was asked to go back")
    if to == stuck.target and stuck.restores:
        return Course(RESUME if stuck.state == PENDING else ABORT, stuck, stuck.failure)
    asked = f"{to} cannot be restored now" if to else "no release to go back to is named"
    ends = [stuck.target, stuck.source] if stuck.restores and stuck.state == PENDING else [stuck.source]
    return Course(REFUSE, NONE, f"{asked}; {stuck.source} to {stuck.target} has not come to its end", ends)


def _before(marks: Marks, entries: Sequence[Entry]) -> str:
    """The release that an upgrade replaced by the one that is there. What a rollback replaced is not wanted back."""
    brought = (e for e in reversed(entries) if e.state == GOOD and not e.restores and e.target == marks.release)
    return next((entry.source for entry in brought), "")


def _backups(marks: Marks, entries: Sequence[Entry]) -> list[str]:
    """The releases that can be restored, the newest backup first."""
    kept = (entry.source for entry in reversed(entries) if entry.objects and entry.source != marks.release)
    return list(dict.fromkeys(kept))


def settled(marks: Marks | None, entries: Sequence[Entry]) -> tuple[list[Entry], dict[int, str]]:
    """The entries with what the parent says of the last one, and the states of those that change by it.

    The parent is written before the entry is: a run that was killed in between, or somebody who has applied the whole
    set since, has left an entry that says too little.
    """
    changed: dict[int, str] = {}
    for entry in entries:
        if entry.state not in UNDER_WAY:
            continue
        if entry is entries[-1] and marks and marks.unfinished:
            continue
        changed[entry.number] = _became(entry, marks) if entry is entries[-1] else SUPERSEDED
    known = [Entry(**{**vars(e), "state": changed.get(e.number, e.state)}) for e in entries]
    return known, changed


def _became(entry: Entry, marks: Marks | None) -> str:
    if marks and entry.state == PENDING and marks.release == entry.target:
        return GOOD
    if marks and entry.state in ENDS and marks.release == entry.source:
        told = marks.failed.get("digest") == entry.digest
        if entry.state == FAILING and told:
            return FAILED
        if entry.state == WITHDRAWING:
            return WITHDRAWN
    return SUPERSEDED
