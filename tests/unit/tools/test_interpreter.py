# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python `make setup` takes, and how the fetched one is unpacked. Whether it runs, `make setup` itself tries."""

from __future__ import annotations

import gzip
import json
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.tools import interpreter
from tests.tools.environments import SetupError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """One whose Python was compiled by a version manager, and a cache with nothing in it."""
    monkeypatch.setattr(interpreter, "CACHE", tmp_path)
    compiled(monkeypatch, "'--prefix=/home/me/versions/3.12'", "/home/me/versions/3.12")
    return monkeypatch


def compiled(monkeypatch: pytest.MonkeyPatch, arguments: str, prefix: str) -> None:
    monkeypatch.setattr(sysconfig, "get_config_var", {"CONFIG_ARGS": arguments}.get)
    monkeypatch.setattr(sys, "base_prefix", prefix)


def fetching(monkeypatch: pytest.MonkeyPatch, how: object) -> None:
    monkeypatch.setattr(interpreter, "_fetch_with_pip", how)


def never() -> None:
    raise AssertionError("fetched")


@pytest.mark.parametrize(
    ("arguments", "prefix", "optimized"),
    [
        ("'--prefix=/home/me/versions/3.12'", "/home/me/versions/3.12", False),
        ("'--enable-optimizations' '--with-lto'", "/usr/local", True),
        ("'--enable-shared'", "/usr", True),
        (None, "/opt/python", False),
    ],
    ids=["of a version manager", "of a container image", "of a distribution", "that does not say"],
)
def test_which_python_was_compiled_with_optimization(
    machine: pytest.MonkeyPatch, arguments: str, prefix: str, optimized: bool
) -> None:
    compiled(machine, arguments, prefix)
    assert interpreter.is_optimized() is optimized


def test_a_machines_good_python_is_used_and_nothing_fetched(machine: pytest.MonkeyPatch) -> None:
    compiled(machine, "", "/usr")
    fetching(machine, never)
    assert interpreter.chosen() == Path(sys.executable)


def test_a_better_one_is_fetched_once(machine: pytest.MonkeyPatch) -> None:
    python = interpreter.fetched() / "bin" / "python3"

    def fetch() -> None:
        python.parent.mkdir(parents=True)
        python.touch()

    fetching(machine, fetch)
    assert interpreter.chosen() == python
    fetching(machine, never)
    assert interpreter.chosen() == python


def test_where_none_can_be_fetched_the_machines_own_is_used_and_a_line_says_what_that_costs(
    machine: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise SetupError("no way to the proxy")

    fetching(machine, fail)
    assert interpreter.chosen() == Path(sys.executable)
    said = capsys.readouterr().err
    assert "no way to the proxy" in said
    assert f"tests run on {sys.executable}" in said
    assert "BYOC_PYTHON" in said


def test_what_is_pinned_decides_where_it_lies(machine: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = interpreter.fetched()
    (tmp_path / "go.mod").write_text("another version")
    machine.setattr(interpreter, "PINNED", tmp_path)
    assert interpreter.fetched() != before


def test_the_modules_files_are_unpacked_as_they_are_listed(tmp_path: Path) -> None:
    packed, target = tmp_path / "packed", tmp_path / "python"
    (packed / "bin").mkdir(parents=True)
    (packed / "lib").mkdir()
    (packed / "bin" / "python3.14.gz").write_bytes(gzip.compress(b"the interpreter"))
    (packed / "lib" / "os.py").write_text("name = 'posix'\n")
    listed = [
        {"name": "bin", "size": 0},
        {"name": "bin/python3", "symlink": "python3.14"},
        {"name": "bin/python3.14", "compressed": True},
        {"name": "lib", "size": 0},
        {"name": "lib/os.py"},
    ]
    (packed / "files.json").write_text(json.dumps({"files": listed}))
    interpreter._unpack(packed, target)
    assert (target / "bin" / "python3").read_bytes() == b"the interpreter"
    assert (target / "bin" / "python3.14").stat().st_mode & 0o777 == 0o755
    assert (target / "lib" / "os.py").read_text() == "name = 'posix'\n"
    assert (target / "lib" / "os.py").stat().st_mode & 0o777 == 0o644
