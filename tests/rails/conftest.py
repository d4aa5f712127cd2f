# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environments that the tools run in, and the tarball that is shipped: each made once a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rails.running import passes, variables
from tests.tools import collection_path, environments
from tests.tools.environments import ROOT, Environment


@pytest.fixture(scope="session")
def development() -> Environment:
    """The environment that plays run in here: what `make setup` made."""
    return environments.development()


@pytest.fixture(scope="session")
def tools() -> Environment:
    """The environment of the tools; built on first use, found again afterwards."""
    chosen = environments.tools()
    chosen.ensure()
    return chosen


@pytest.fixture(scope="session")
def tool(tools: Environment, development: Environment) -> Callable[..., str]:
    """Run a tool of the tools' environment on this tree: tool("ruff", "check", ".")."""

    def run(name: str, *arguments: str | Path, **how: object) -> str:
        env = variables(tools.bin, development.bin)
        return passes([tools.bin / name, *arguments], log=how.pop("log", name), env=env, **how)

    return run


@pytest.fixture(scope="session")
def tarball(development: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as it is shipped."""
    place = tmp_path_factory.mktemp("tarball")
    command = [development.bin / "ansible-galaxy", "collection", "build", "--output-path", place, ROOT]
    passes(command, log="galaxy-build", env=variables(development.bin))
    (built,) = place.glob("*.tar.gz")
    return built


@pytest.fixture(scope="session")
def installed(tarball: Path, development: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path far from this tree, with the tarball installed and what it depends on."""
    place = tmp_path_factory.mktemp("installed")
    core = collection_path.WANTED
    shutil.copytree(ROOT / ".collections" / core, place / core)
    command = [development.bin / "ansible-galaxy", "collection", "install", "--offline", "-p", place, tarball]
    passes(
        command, log="galaxy-install", env=variables(development.bin, ANSIBLE_COLLECTIONS_PATH=str(place)), cwd=place
    )
    return place
