# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the variables that were given to a playbook by ``-e``: those beat everything else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from .declared import EVERY, NOT_TAKEN, SET_BY_PLAYBOOKS, VARIABLES
from .variable import Variable

#: Ansible's, AWX's and Tower's own.
_OTHERS = ("ansible_", "awx_", "tower_")
#: Ansible's own, that say how a task failed: an outcome is made of them.
_FAILURES = ("ansible_failed_result", "ansible_failed_task")
_OURS = "byoc_"
#: AWX gives the jobs of a workflow what the jobs before them handed on (``run_result``). No task reads it.
_HANDED_ON = ("byoc_result",)
#: How Ansible calls what it cuts off a value at its first space.
_CUT_OFF = "_raw_params"
#: A cluster's variables, by which it is recognized and recorded.
_OF_CLUSTERS = ("contract",)


def variable_doubts(
    given: Mapping[str, Any], playbook: str, role_options: Collection[str], more: Iterable[str] = ()
) -> list[str]:
    """What is wrong, in words; nothing where all is well.

    given: the extra variables. playbook: its name, which may be none of ours. role_options: what roles take.
    more: the variables that a playbook outside this collection declares.
    """
    declared = {each.name: each for each in VARIABLES if playbook in each.playbooks or playbook not in EVERY}
    known = {*declared, *more, *(name for name in role_options if not _sets(playbook, name))}
    return [doubt for name, value in given.items() if (doubt := _doubt(name, value, playbook, declared, known))]


def left_out(variables: Mapping[str, Any], playbook: str, required: Iterable[str]) -> list[str]:
    """Which of the variables that a playbook requires are not there or empty, in words, each with its option."""
    missing = [name for name in required if not str(variables.get(name) or "").strip()]
    meant = {each.name: f", which is {each.what}" for each in VARIABLES if playbook in each.playbooks}
    return [f"{name} is not given{meant.get(name, '')}: -e {name}=<...>" for name in missing]


def _doubt(name: str, value: Any, playbook: str, declared: Mapping[str, Variable], known: Collection[str]) -> str:
    if name in _HANDED_ON:
        return ""
    if name.startswith(_OURS) or name in (*_OF_CLUSTERS, *_FAILURES):
        return f"{name} is set by the inventory and the playbooks themselves, and cannot be given"
    if name == _CUT_OFF:
        return "a value was cut at its first space: quote it twice, as in -e \"reason='a new router'\""
    if name in declared:
        return "" if declared[name].accepts(value) else declared[name].doubt(value)
    if name in known or name.startswith(_OTHERS):
        return ""
    if _sets(playbook, name):
        return f"{name} is set by {playbook} itself, and cannot be given"
    return _unknown(name, playbook, known)


def _sets(playbook: str, option: str) -> bool:
    return playbook in SET_BY_PLAYBOOKS.get(option, ())


def _unknown(name: str, playbook: str, known: Collection[str]) -> str:
    if why := NOT_TAKEN.get(name, {}).get(playbook):
        return f"{playbook} does not take {name}: {why}"
    near = get_close_matches(name, sorted(known), n=1)
    advice = f": did you mean {near[0]}?" if near else ""
    others = next((each.playbooks for each in VARIABLES if each.name == name), ())
    if others:
        return f"{playbook} does not take {name}, which is for {', '.join(others)}{advice}"
    return f"there is no variable {name}{advice}"
