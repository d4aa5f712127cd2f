# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to be supported is run: both ends of ansible-core and the kubernetes client, on the Pythons of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rails.running import UNTIMED, passes, says_no_warning, variables
from tests.tools import environments, sanity
from tests.tools.environments import ROOT, Environment

_NEWEST = {"ansible-core": "2.21.", "kubernetes": "37.", "openshift": "0.13."}
# By Python, each with the start of the versions that must really be there.
ENDS = {
    "3.11": {"ansible-core": "2.19.", "kubernetes": "35.", "openshift": "0.13."},
    "3.12": _NEWEST,
    "3.14": _NEWEST,
}
OLDEST = "3.11"
# Of the same packages as the development environment, which runs everything; only Python is another.
OF_THE_NEWEST = ["3.12", "3.14"]
SHOW_VERSIONS = """
import importlib.metadata, kubernetes, openshift.dynamic, sys
print(*(f"{name}={importlib.metadata.version(name)}" for name in sys.argv[1:]))
"""
SOAKED = [pytest.param(minor, marks=pytest.mark.soak) for minor in OF_THE_NEWEST]


@pytest.fixture(scope="session", params=[OLDEST, *SOAKED])
def end(request: pytest.FixtureRequest, development: Environment) -> Environment:
    """The environment of one end, where this machine has its Python."""
    return environment_of(request.param, development)


@pytest.fixture(scope="session")
def oldest(development: Environment) -> Environment:
    """The environment of the oldest end; the newest runs all tests anyway, in the development environment."""
    return environment_of(OLDEST, development)


def environment_of(minor: str, development: Environment) -> Environment:
    if minor == ".".join(map(str, development.version)):
        pytest.skip(f"Python {minor} is what the development environment runs already")
    found = environments.supported(minor)
    if found is None:
        pytest.skip(f"no Python {minor} on this machine, so this end of what is supported is not tested here")
    found.ensure()
    return found


@pytest.fixture
def python(end: Environment):
    """Run the Python of this end in this tree."""

    def run(*arguments: str | Path, log: str, timeout: float = 600) -> str:
        name = f"{end.name}-{log}"
        return passes([end.bin / "python", *arguments], log=name, env=variables(end.bin), timeout=timeout)

    return run


def test_an_end_holds_the_versions_that_it_stands_for(end, python):
    wanted = ENDS[".".join(map(str, end.version))]
    said = dict(word.split("=") for word in python("-c", SHOW_VERSIONS, *wanted, log="versions").split())
    wrong = {name: found for name, found in said.items() if not found.startswith(wanted[name])}
    assert not wrong, f"{wrong}, wanted {wanted}"


@pytest.mark.soak
def test_unit_tests_pass_at_this_end(python):
    python("-m", "pytest", "tests/unit", "-q", *UNTIMED, log="unit")


def test_playbooks_parse_without_warning_at_this_end(python, end):
    playbooks = sorted((ROOT / "playbooks").glob("*.yml"))
    if not playbooks:
        pytest.skip("the collection has no playbook yet")
    ansible_playbook = end.bin / "ansible-playbook"
    says_no_warning(python(ansible_playbook, "--syntax-check", "-i", "localhost,", *playbooks, log="syntax"))


@pytest.mark.soak
@pytest.mark.slow
def test_the_smoke_tests_pass_on_a_cluster_at_the_oldest_end(oldest):
    """The integration tests that are marked `floor`, with the oldest ansible-core and client."""
    command = [
        oldest.bin / "python",
        "-m",
        "pytest",
        "tests/integration",
        "-m",
        "floor",
        "-v",
        "--durations=5",
        *UNTIMED,
    ]
    passes(command, log=f"{oldest.name}-integration", env=variables(oldest.bin), timeout=1200)


@pytest.mark.soak
@pytest.mark.slow
def test_plugins_import_and_match_their_documentation_at_the_oldest_end(oldest, tarball):
    chosen = [word for name in ("import", "compile", "validate-modules") for word in ("--test", name)]
    command = [*sanity.command(oldest), *chosen]
    folder = sanity.prepare(tarball, oldest.name)
    passes(command, log=f"{oldest.name}-sanity", env=sanity.variables(oldest), cwd=folder, timeout=900)
