# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection works as a customer gets it: installed from its tarball, with this tree nowhere in reach."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.rails.running import passes, says_no_warning, variables
from tests.tools.environments import ROOT

SHIPPED = {
    *("CHANGELOG.rst", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "requirements.yml"),
    *("CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md", "SUPPORT.md"),
    *("changelogs", "docs", "extensions", "inventories", "meta", "playbooks", "plugins", "roles", "schemas"),
}
# What ansible-doc calls each kind of plugin, and the folder of it.
DOCUMENTED = {
    kind: folder
    for kind, folder in {
        "module": "modules",
        **{kind: kind for kind in ("callback", "filter", "inventory", "lookup")},
    }.items()
    if any((ROOT / "plugins" / folder).glob("*.py"))
}


@pytest.fixture
def customer(installed: Path, development, tmp_path):
    """Run a program of Ansible in an empty folder, where only the installed collections are found."""
    env = variables(development.bin, ANSIBLE_COLLECTIONS_PATH=str(installed))

    def run(program: str, *arguments: str | Path, log: str) -> str:
        return passes([development.bin / program, *arguments], log=log, env=env, cwd=tmp_path)

    return run


def test_the_tarball_holds_what_a_play_needs_and_nothing_else(tarball):
    with tarfile.open(tarball) as archive:
        found = {name.split("/")[0] for name in archive.getnames()}
    assert found <= SHIPPED, f"not for shipping, add to build_ignore in galaxy.yml: {sorted(found - SHIPPED)}"
    assert {"LICENSE", "README.md", "meta", "plugins"} <= found


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("kind", DOCUMENTED)
def test_documentation_is_readable_from_the_installed_tarball(customer, kind):
    listed = customer(
        "ansible-doc", "--type", kind, "--list", "--json", "fireworks.byoc", log=f"ansible-doc-{kind}-list"
    )
    names = sorted(json.loads(listed))
    assert names, f"Ansible finds none of plugins/{DOCUMENTED[kind]}"
    said = customer("ansible-doc", "--type", kind, "--json", *names, log=f"ansible-doc-{kind}")
    says_no_warning(said)
    assert set(json.loads(said)) == set(names)


def test_playbooks_run_by_their_full_name_from_the_installed_tarball(customer):
    names = [f"fireworks.byoc.{path.stem}" for path in sorted((ROOT / "playbooks").glob("*.yml"))]
    if not names:
        pytest.skip("the collection has no playbook yet")
    said = customer("ansible-playbook", "--syntax-check", "-i", "localhost,", *names, log="syntax")
    says_no_warning(said)
    assert said.count("playbook: ") == len(names), said


@pytest.mark.soak
def test_the_galaxy_importer_accepts_the_tarball(tools, tarball, tmp_path):
    # test_ansible_lint runs the same linter by a stricter profile.
    left_out = {"GALAXY_IMPORTER_RUN_ANSIBLE_TEST": "false", "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false"}
    env = variables(tools.bin, **left_out)
    said = passes([tools.bin / "python", "-m", "galaxy_importer.main", tarball], log="importer", env=env, cwd=tmp_path)
    complaints = [line for line in said.splitlines() if line.startswith(("WARNING", "ERROR"))]
    assert not complaints, "\n".join(complaints)
