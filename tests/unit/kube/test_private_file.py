# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold a secret."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import CredentialError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.private_file import (
    path_doubts,
    require_writable,
    write_private,
)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_private_file_is_its_owners_only(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_private(str(tmp_path / "a"), "secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert (tmp_path / "a").read_text() == "secret"


def test_what_others_could_read_is_theirs_no_more(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o644)
    write_private(str(path), "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CredentialError, match=r"cannot write .*: No space left on device") as caught:
        write_private(str(path), "s3cret")
    assert "s3cret" not in str(caught.value)
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert path.read_text() == "old"


def test_folders_that_are_missing_are_made_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "b" / "c" / "a"
    before = os.umask(0o022)
    try:
        write_private(str(path), "secret")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path.parent.parent)] == [0o700, 0o700]


def test_whether_a_file_could_be_written_is_found_out_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    require_writable(str(tmp_path / "a"))
    require_writable(str(tmp_path / "b"))
    require_writable(str(tmp_path / "none" / "nor this" / "a"))
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "old")]


def test_what_cannot_be_written_is_said_before_and_by_writing_alike(tmp_path: Path) -> None:
    """Root may write to every folder, so the ways that hold for it too: a file in the way, and /proc."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "a", tmp_path / "file" / "b" / "a", tmp_path / "folder", Path("/proc/none/a")):
        [doubt] = path_doubts([str(path)])
        with pytest.raises(CredentialError, match=f"cannot write {path}: ") as caught:
            write_private(str(path), "x")
        assert caught.value.what == doubt
    assert path_doubts([str(tmp_path / "none" / "a")]) == []


def test_a_home_is_understood_in_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("no folder")
    assert path_doubts(["~/a"]) == [f"cannot write {tmp_path}/file/a: Not a directory"]


def test_what_a_killed_writer_left_is_removed_and_what_another_is_writing_is_not(tmp_path: Path) -> None:
    path, mine = tmp_path / "a", tmp_path / ".a.original"
    left, other = tmp_path / ".byoc-draft.a.x1y2", tmp_path / ".byoc-draft.a.z3"
    mine.write_text("somebody's own")
    left.write_text("half a sec")
    with other.open("w") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        write_private(str(path), "secret")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(each.name for each in (path, mine, other))
    write_private(str(path), "secret")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(each.name for each in (path, mine))


def test_a_draft_that_is_removed_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, removed = fcntl.flock, []

    def too_late(descriptor: int, how: int) -> None:
        if not removed:
            [draft] = tmp_path.iterdir()
            draft.unlink()
            removed.append(draft)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", too_late)
    write_private(str(tmp_path / "a"), "secret")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "secret")]
