# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about playbooks: one scaffold, operations called as their playbooks, tasks in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.meta.tree import Tree, read_yaml

# Acquires and releases the lock, records, and makes outcomes and the summary of them, for all the others.
SCAFFOLD = {
    "playbooks/operation.yml",
    "playbooks/tasks/operation.yml",
    "playbooks/tasks/acquire_lock.yml",
    "playbooks/tasks/record_outcome.yml",
    "playbooks/tasks/release_lock.yml",
    "playbooks/tasks/set_failure.yml",
}
ITS_OWN = re.compile(
    r"fireworks\.byoc\.(operation_lock|operation_record|success_outcome|failure_outcome|every_outcome|not_begun_outcome|whole_outcome)\b"
)
OPERATIONS = "plugins/module_utils/_vocabulary/operations.py"
RERUNS = "tests/soak/reruns.py"
# Of tasks, plays and rules: where more of them are inside.
NESTED = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers", "rules")
TASK_FILES = re.compile(r"(playbooks|extensions)/.+\.ya?ml|roles/\w+/(tasks|handlers)/.+\.ya?ml")
TELLING = "fireworks.byoc.run_result"
JUDGING = {"fireworks.byoc.requirement", "ansible.builtin.assert", "ansible.builtin.fail"}
REFUSING = {"ansible.builtin.assert", "ansible.builtin.fail"}
WRITING = {f"ansible.builtin.{name}" for name in ("assemble", "blockinfile", "copy", "file", "lineinfile", "template")}
NOT_WHAT_IS_DONE = re.compile(r"(Know|Remember|Say|Let)\b")


def operations_beside_the_scaffold(tree: Tree) -> list[str]:
    """Locks, records and outcomes are made in one place: a playbook that makes its own forgets a case."""
    problems = []
    for path in (each for each in tree.files if each.is_relative_to(tree.root / "playbooks")):
        name = tree.named(path)
        found = sorted(set(ITS_OWN.findall(path.read_text()))) if name not in SCAFFOLD else []
        problems += [f"{name}: uses {each}, which is the scaffold's (docs/playbooks.md)" for each in found]
    return problems


def operations_misnamed(tree: Tree) -> list[str]:
    """Locks, records and outcomes call an operation as the playbook that does it, by a name of the enumeration."""
    text = (tree.root / OPERATIONS).read_text()
    known = set(re.findall(r'^    [A-Z_]+ = "(\w+)"$', text, re.MULTILINE))
    problems = []
    for path, variables in _operations(tree):
        name = variables.get("byoc_operation")
        if name != path.stem:
            problems.append(f"playbook {path.stem}: its operation is called {name}")
        elif not variables.get("byoc_reads") and name not in known:
            problems.append(f"playbook {path.stem}: its operation is not in {OPERATIONS}")
    return problems


def _operations(tree: Tree) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The playbooks that are an operation, and what they give to the scaffold."""
    for path in tree.playbooks:
        for play in read_yaml(path) or []:
            if "operation.yml" in (play.get("ansible.builtin.import_playbook"), play.get("import_playbook")):
                yield path, play.get("vars") or {}


def playbooks_not_run_again(tree: Tree) -> list[str]:
    """Each playbook is in the table of those that are run three times."""
    path = tree.root / RERUNS
    text = path.read_text() if path.exists() else ""
    known = set(re.findall(r'\bRow\(\s*"(\w+)"', text))
    return [f"{RERUNS}: has no row for the playbook {each.stem}" for each in tree.playbooks if each.stem not in known]


def results_before_their_verdict(tree: Tree) -> list[str]:
    """What a run has told is how it ends: nothing fails it after that. A file that is included is looked into."""
    problems = []
    for path in tree.playbooks:
        for play in read_yaml(path) or []:
            told = False
            for task in _in_order(play.get("tasks"), path.parent):
                if told and JUDGING & set(task):
                    problems.append(f"{tree.named(path)}: {task.get('name')!r} comes after the result is told")
                told = told or (TELLING in task and task[TELLING].get("state") != "begun")
    return problems


def results_shown_though_they_failed(tree: Tree) -> list[str]:
    """What a task registered is there where it failed too, without its keys: a report asks for a key."""
    texts = {path: path.read_text() for path in tree.files if TASK_FILES.fullmatch(tree.named(path))}
    registered = set(re.findall(r"^ *register: (\w+)$", "\n".join(texts.values()), re.MULTILINE))
    return [
        f"{tree.named(path)}: {name} may be of a task that failed: ask for a key of it"
        for path, text in texts.items()
        for name in re.findall(r"selectattr\('(\w+)', 'defined'\)", text)
        if name in registered
    ]


def _in_order(listed: Any, folder: Path) -> Iterator[dict[str, Any]]:
    """The tasks as they are run where all goes well; a rescue ends a run, and what is after it is not run then."""
    for task in listed or []:
        included = folder / str(task.get("ansible.builtin.include_tasks", ""))
        yield from _in_order(read_yaml(included), included.parent) if included.is_file() else [task]
        for key in ("block", "always"):
            yield from _in_order(task.get(key), folder)


def refusals_without_an_owner(tree: Tree) -> list[str]:
    """A refusal says what to do next and who has to; a verdict of several lines is one, too."""
    problems = []
    for path in (each for each in tree.files if TASK_FILES.fullmatch(tree.named(each))):
        found = ", ".join(sorted(REFUSING & set(_modules(read_yaml(path)))))
        problems += [f"{tree.named(path)}: refuses by {found}: use fireworks.byoc.requirement"] if found else []
    return problems


def paths_left_relative(tree: Tree) -> list[str]:
    """Ansible runs its own modules in the folder of the playbook: a path that an operator gives is made absolute."""
    problems = []
    for path in (each for each in tree.files if TASK_FILES.fullmatch(tree.named(each))):
        for place in _written_places(read_yaml(path)):
            if "{{" in place and "| realpath" not in place:
                problems.append(f"{tree.named(path)}: {place} is relative to the playbook: add | expanduser | realpath")
    return problems


def _written_places(listed: Any) -> Iterator[str]:
    """Where Ansible's own modules write, in all tasks of a file."""
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            for module in WRITING & set(each):
                yield str(each[module].get("dest") or each[module].get("path") or "")
            for key in NESTED:
                yield from _written_places(each.get(key))


def names_without_deeds(tree: Tree) -> list[str]:
    """The name of a play, task or rule is an imperative: it is what an operator reads while it runs."""
    problems = []
    for path in (each for each in tree.files if TASK_FILES.fullmatch(tree.named(each))):
        for name in _names(read_yaml(path)):
            if not name:
                problems.append(f"{tree.named(path)}: something has no name")
            elif NOT_WHAT_IS_DONE.match(name):
                problems.append(f"{tree.named(path)}: {name!r} does not say what is done")
    return problems


def _names(listed: Any) -> Iterator[str]:
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            yield str(each.get("name") or "").strip()
            for key in NESTED:
                yield from _names(each.get(key))


def _modules(listed: Any) -> Iterator[str]:
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            yield from each
            for key in NESTED:
                yield from _modules(each.get(key))
