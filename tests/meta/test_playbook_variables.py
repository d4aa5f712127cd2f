# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks read of an operator is what is declared, and what is declared is on the reference page."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import (
    EVERY,
    SET_BY_PLAYBOOKS,
    VARIABLES,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.doubts import variable_doubts
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.variable import DATA
from tests.meta.test_the_tree import TREE
from tests.meta.tree import read_yaml

PLAYBOOKS = sorted(path.stem for path in TREE.playbooks if path.stem != "operation")
OPTIONS = {name for role in TREE.roles for name in role.options}
TASK_FILES = [*TREE.root.glob("playbooks/**/*.yml"), *TREE.root.glob("roles/*/tasks/**/*.yml")]
#: A plan takes all that what is planned takes, so that both are called alike.
PLANNED = {"plan_models": "deploy_models", "plan_upgrade": "upgrade"}
FILES = re.compile(r"(?<![\w.])(?:tasks/)?(\w+\.yml)\b")
#: What may be given has a default where it is read.
READ = re.compile(r"(?<![\w.'\"])(?<!\| )([a-z][a-z0-9_]*) (?:\| default\(|is defined)")
#: Registered by tasks and roles, or given by Ansible and AWX.
NOT_GIVEN = re.compile(rf"byoc_|awx_|ansible_|hostvars$|(?:{'|'.join(role.name for role in TREE.roles)})_")


def files_of(playbook: str) -> set[Path]:
    """The files that a playbook is made of: those that it names, and those that they name."""
    folder = TREE.root / "playbooks"
    found: set[Path] = set()
    new = {folder / f"{playbook}.yml"}
    while new:
        found |= new
        named = {name for path in new for name in FILES.findall(without_comments(path))}
        near = {place for name in named for place in (folder / name, folder / "tasks" / name) if place.exists()}
        new = near - found
    return found


def without_comments(path: Path) -> str:
    return re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.MULTILINE)


def text_of(playbook: str) -> str:
    return "\n".join(without_comments(path) for path in sorted(files_of(playbook)))


def taken(playbook: str) -> set[str]:
    return {each.name for each in VARIABLES if playbook in each.playbooks}


def test_every_playbook_has_its_variables_declared() -> None:
    assert sorted(EVERY) == PLAYBOOKS, "add it to READING or CHANGING of _domain/playbook_variables/declared.py"


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_what_a_playbook_reads_is_declared(playbook: str) -> None:
    read = {name for name in READ.findall(text_of(playbook)) if not NOT_GIVEN.match(name)}
    known = {each.name for each in VARIABLES}
    assert read <= known, f"declare {sorted(read - known)} in _domain/playbook_variables/declared.py"


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_what_is_declared_is_read(playbook: str) -> None:
    words = set(re.findall(r"\w+", text_of(playbook) + text_of(PLANNED.get(playbook, playbook))))
    common = {each.name for each in VARIABLES if each.playbooks == EVERY or each.name == "fail_on"}
    assert taken(playbook) - common <= words


DATA_NAMES = sorted({each.name for each in VARIABLES if each.kind in DATA})
#: These filters and roles read them themselves, by the same function.
READERS = ("policy", "approvals", "emergency")


def test_data_that_may_be_given_as_text_is_read_in_one_place() -> None:
    """As surveys give it: by ``given_data``, or by a filter that takes it as it is and reads it so."""
    names = "|".join(DATA_NAMES)
    used = re.compile(rf"(?<![\w.'\"])({names}) \| default\(.*?(?:given_data\('(\w+)'\)|$)", re.MULTILINE)
    found = [(path.name, *one) for path in TASK_FILES for one in used.findall(without_comments(path))]
    assert len(found) >= 15
    wrong = [each for each in found if each[2] != each[1] and (each[2] or each[1] not in READERS)]
    assert wrong == [], "read it by fireworks.byoc.given_data('<its name>')"


def test_no_playbook_reads_text_as_data_itself() -> None:
    own = re.compile(r"\b(?:from_yaml|from_json|is string|is mapping)\b")
    texts = {path: without_comments(path) for path in (*TASK_FILES, *TREE.root.glob("roles/*/vars/*.yml"))}
    assert own.search("x if x is mapping else x | from_yaml")
    assert {path.name: found[0] for path, text in texts.items() if (found := own.search(text))} == {}


def test_no_playbook_writes_the_path_of_a_credential_itself() -> None:
    """Where they are is said by the filters ``credential_file`` and ``credential_files``."""
    own = re.compile(r"['}\]]\.kubeconfig\b|~ *'\.kubeconfig'")
    assert own.search("{{ files }}{{ item }}.kubeconfig") and own.search("byoc_files ~ item ~ '.kubeconfig'")
    assert {path.name: found[0] for path in TASK_FILES if (found := own.search(without_comments(path)))} == {}


@pytest.mark.parametrize("playbook", next(each.playbooks for each in VARIABLES if each.name == "admin_kubeconfig"))
def test_an_administrators_credential_is_the_one_that_is_worked_with(playbook: str) -> None:
    """To take it and to work with another would be the worst of all."""
    text = without_comments(TREE.root / "playbooks" / f"{playbook}.yml")
    [used] = re.findall(r"byoc_operation_connection: (.+)", text)
    assert re.search(r"admin_connection\(admin_kubeconfig( \| default\(''\))?, admin_context \| default\(''\)\)", used)


def test_options_that_playbooks_set_themselves_cannot_be_given() -> None:
    found: dict[str, set[str]] = {}
    for playbook in PLAYBOOKS:
        for path in files_of(playbook):
            for variables in _variables_of_roles(read_yaml(path)):
                for name in OPTIONS & set(variables):
                    found.setdefault(name, set()).add(playbook)
    assert found == {name: set(playbooks) for name, playbooks in SET_BY_PLAYBOOKS.items()}


def _variables_of_roles(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for each in node:
            yield from _variables_of_roles(each)
    elif isinstance(node, dict):
        if {"ansible.builtin.include_role", "ansible.builtin.import_playbook"} & set(node):
            yield node.get("vars") or {}
        for value in node.values():
            yield from _variables_of_roles(value)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_what_tasks_find_out_cannot_be_given(playbook: str) -> None:
    """An extra variable would replace it: what a task registers or sets is what a record and an outcome are made of."""
    assert len(found_out()) > 100
    assert [name for name in found_out() if not variable_doubts({name: "x"}, playbook, OPTIONS)] == []


@cache
def found_out() -> list[str]:
    """The names that all tasks register or set."""
    return sorted({name for path in TASK_FILES for name in _found_out(read_yaml(path))})


def _found_out(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _found_out(each)
    elif isinstance(node, dict):
        if isinstance(node.get("register"), str):
            yield node["register"]
        yield from node.get("ansible.builtin.set_fact") or ()
        for value in node.values():
            yield from _found_out(value)


@cache
def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", TREE.root / "docs" / "generate.py")
    assert spec and spec.loader
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    return generate


def test_the_generated_pages_are_as_generated() -> None:
    other = [file.name for file, text in _generate().written().items() if file.read_text(encoding="utf-8") != text()]
    assert other == [], "run: python docs/generate.py"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ansible-playbook fireworks.byoc.stat", {"fireworks.byoc.status"}),
        ("ansible-playbook f", {f"fireworks.byoc.{name}" for name in EVERY}),
        ("ansible-playbook fireworks.byoc.health -i fleet.byoc.yml -e fail", {"fail_on="}),
        (
            "ansible-playbook fireworks.byoc.health -i fleet.byoc.yml -e fail_on=",
            {"critical", "error", "warning", "info", "never"},
        ),
        ("ansible-playbook fireworks.byoc.upgrade -e clusters=byoc -e retry=f", {"false"}),
        ("ansible-playbook fireworks.byoc.upgrade -i fl", set()),
        ("ansible-playbook mine.yml -e rel", set()),
    ],
)
def test_bash_completes_playbooks_variables_and_values(line: str, found: set[str]) -> None:
    script = 'source "$1"; COMP_LINE=$2; COMP_POINT=${#2}; _fireworks_byoc 2> /dev/null; echo "${COMPREPLY[*]}"'
    told = subprocess.run(
        ["bash", "-c", script, "bash", str(TREE.root / "extensions" / "completion" / "ansible-playbook.bash"), line],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(told.stdout.split()) == found and not told.stderr
