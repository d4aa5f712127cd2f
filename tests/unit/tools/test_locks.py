# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed is what was locked: the environments of `make setup`, on a folder of wheels as their index."""

from __future__ import annotations

import hashlib
import re
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tools import environments
from tests.tools.environments import Environment, SetupError, core_pins, pins
from tests.tools.lock import ALONE, CLIENT, PLUGINS, SHIPPED, USES, settings_of

LOCKS = {
    environments.REQUIREMENTS / f"{prefix}-{environments.series(version)}.txt": (core_pins(version), requirements)
    for version in ((3, 11), (3, 12))
    for prefix, requirements in USES.items()
} | {environments.REQUIREMENTS / name: (requirements,) for name, requirements in CLIENT.items()}
WITH_HASHES = (*LOCKS, *ALONE, SHIPPED)


def blocks(path: Path) -> list[str]:
    """Each package of a lock with all that belongs to it."""
    text = "".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("#"))
    return [block for block in re.split(r"(?<!\\)\n", text) if block]


@pytest.mark.parametrize("path", WITH_HASHES, ids=lambda path: path.name)
def test_each_package_of_a_lock_has_hashes_and_no_file_names_an_index(path: Path) -> None:
    hashed = r"[a-z0-9-]+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+"
    assert blocks(path)
    assert [block for block in blocks(path) if not re.fullmatch(hashed, block)] == []
    assert "://" not in path.read_text()


def test_every_lock_is_one_that_is_written_and_checked() -> None:
    assert set(environments.REQUIREMENTS.glob("lock-*.txt")) == set(LOCKS)


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_holds_the_versions_that_its_sources_pin(path: Path) -> None:
    made = Environment("it", Path(sys.executable), (3, 12), LOCKS[path], path.name)
    made.require_that_the_lock_holds_the_pins()


def test_what_the_plugins_import_is_shipped_as_the_tests_run_with_it() -> None:
    names = {re.split(r"[<>=]", line)[0].lower() for line in PLUGINS.read_text().splitlines() if line[0] != "#"}
    shipped = pins(SHIPPED)
    assert names <= set(shipped)
    assert set(shipped.items()) <= set(pins(environments.REQUIREMENTS / "lock-py312.txt").items())


# -- an index of our own -----------------------------------------------------------------------------------------------


class Index:
    """A folder of wheels that pip takes for its index, and the environment that is made from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        self.environment = Environment(
            "it", Path(sys.executable), (3, 12), ("wanted.txt",), "lock-it.txt", fixed_folder=folder / "venv"
        )

    def wheel(self, name: str, code: str, *needs: str) -> str:
        """Put a wheel into the index; its line in a lock."""
        path, about = self.wheels / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
        metadata = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            "Version: 1.0",
            *(f"Requires-Dist: {each}" for each in needs),
        ]
        with zipfile.ZipFile(path, "w") as made:
            made.writestr(f"{name}.py", code)
            made.writestr(f"{about}/METADATA", "\n".join([*metadata, ""]))
            made.writestr(
                f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: it\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            made.writestr(f"{about}/RECORD", "")
        return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"

    def ask(self, wanted: str, *locked: str) -> None:
        (self.folder / "wanted.txt").write_text(f"{wanted}==1.0\n")
        (self.folder / "lock-it.txt").write_text("".join(locked))

    @property
    def installed(self) -> set[str]:
        return {path.stem for path in self.environment.folder.glob("lib/*/site-packages/byoc_*.py")}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return Index(tmp_path_factory.mktemp("index"))


@pytest.fixture(autouse=True)
def offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings that a machine with a mirror has."""
    if "index" in request.fixturenames:
        made = request.getfixturevalue("index")
        monkeypatch.setattr(environments, "REQUIREMENTS", made.folder)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(made.wheels))


def test_what_was_locked_is_installed_from_the_index_that_the_machine_has(index: Index) -> None:
    needed = index.wheel("byoc_needed", "whole = True\n")
    index.ask("byoc_whole", index.wheel("byoc_whole", "import byoc_needed\n", "byoc_needed"), needed)
    index.environment.ensure()
    assert index.environment.is_ready()
    assert index.installed == {"byoc_whole", "byoc_needed"}


def test_a_wheel_that_was_altered_since_is_refused(index: Index) -> None:
    locked = index.wheel("byoc_altered", "answer = 42\n")
    index.wheel("byoc_altered", "answer = 43\n")
    index.ask("byoc_altered", locked)
    with pytest.raises(SetupError, match=r"(?s)DO NOT MATCH THE HASHES.*byoc_altered==1.0"):
        index.environment.ensure()
    assert not index.environment.is_ready()
    assert "byoc_altered" not in index.installed


def test_a_need_that_was_not_locked_is_refused(index: Index) -> None:
    index.wheel("byoc_unlocked", "")
    index.ask("byoc_needing", index.wheel("byoc_needing", "", "byoc_unlocked"))
    with pytest.raises(SetupError, match=r"(?s)--require-hashes.*byoc_unlocked"):
        index.environment.ensure()
    assert not {"byoc_needing", "byoc_unlocked"} & index.installed


def test_a_pin_that_was_changed_without_locking_it_says_what_to_do(index: Index) -> None:
    index.ask("byoc_new", index.wheel("byoc_old", ""))
    with pytest.raises(SetupError, match=r"lock-it.txt does not hold byoc-new==1.0. Write it anew with make lock"):
        index.environment.ensure()


def test_the_index_that_pip_asks_is_the_one_whose_hashes_are_locked() -> None:
    listed = "\n".join([
        ":env:.find-links='/wheels'", ":env:.index-url='mirror-of-the-run'", "global.cert='/ca.pem'",
        "global.extra-index-url='\\none\\ntwo'", "global.index-url='mirror-of-all'", "download.cert='/other.pem'",
        "install.cert='/install.pem'", "install.timeout='5'",
    ])  # fmt: skip
    assert settings_of(listed) == {
        "UV_DEFAULT_INDEX": "mirror-of-the-run",
        "UV_INDEX": "one two",
        "UV_FIND_LINKS": "/wheels",
        "SSL_CERT_FILE": "/install.pem",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    assert settings_of("") == {"UV_INDEX_STRATEGY": "unsafe-best-match"}
