# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the declared variables of playbooks to the surveys of job templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import VARIABLES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.variable import Kind, Variable

_IN_A_POD = "a file in the job's pod is gone with it; the result is the job's artifact"
_OF_THE_TEMPLATE = "the job template says it"
_OF_A_CREDENTIAL = "the job's credential gives it"
_ONLY_BY_HAND = "for a run by hand, or the template's extra variables"
#: What no survey asks, and why: a new variable is asked for, or it is here.
NOT_ASKED: Mapping[str, str] = {
    "requested_by": "AWX says who started the job, and whoever starts it could say anything",
    "approvals": "they come from the workflow's approval node, or are in the cluster: nobody types one",
    "emergency": "it names its approver, whom nothing here confirms: run it by hand, or in a template of its own",
    "admin_kubeconfig": _OF_A_CREDENTIAL,
    "admin_context": _OF_A_CREDENTIAL,
    "records_dir": _OF_THE_TEMPLATE,
    "records_dirs": _OF_THE_TEMPLATE,
    "records_writer": _OF_THE_TEMPLATE,
    "credentials_dir": _OF_THE_TEMPLATE,
    "result_file": _IN_A_POD,
    "query": _IN_A_POD,
    "plan_json": _IN_A_POD,
    "plan_svg": _IN_A_POD,
    "health_file": _IN_A_POD,
    "logs_file": _IN_A_POD,
    "report_file": _IN_A_POD,
    "audit_log": _IN_A_POD,
    "unused_rights": "it is about an audit log, which no survey asks for",
    "releases": _ONLY_BY_HAND,
    "durations": _ONLY_BY_HAND,
    "lock_wait": _ONLY_BY_HAND,
    "lock_duration": _ONLY_BY_HAND,
}
#: What none of a workflow asks, and why.
NOT_IN_WORKFLOWS: Mapping[str, str] = {
    "fail_on": "a plan that waits for the approval would fail, before anybody is asked for it",
}
_TYPES = {Kind.NUMBER: "integer", Kind.FRACTION: "float", Kind.MAPPING: "textarea", Kind.MAPPINGS: "textarea"}
_TRUTHS = ["true", "false"]


def survey(playbooks: Iterable[str]) -> list[Variable]:
    """What is asked for these playbooks: the variables that all of them take, since AWX gives each to every job of a
    workflow. Those that any of them requires come first.
    """
    names = list(playbooks)
    left_out = {*NOT_ASKED, *(NOT_IN_WORKFLOWS if len(names) > 1 else ())}
    asked = [each for each in VARIABLES if each.name not in left_out and set(names) <= set(each.playbooks)]
    return sorted(asked, key=lambda each: not _required(each, names))


def survey_spec(title: str, playbooks: Iterable[str]) -> dict[str, Any]:
    """The survey as AWX takes it; nothing where there is no question."""
    names = list(playbooks)
    questions = [_question(each, required=_required(each, names)) for each in survey(names)]
    return {"name": title, "description": "Made of the declared variables.", "spec": questions} if questions else {}


def _required(variable: Variable, playbooks: Iterable[str]) -> bool:
    return any(name in variable.required for name in playbooks)


def _question(variable: Variable, *, required: bool) -> dict[str, Any]:
    """One question. None has a default of its own: what is not answered is not given, and the playbook's own holds."""
    otherwise = "" if required else f" Unless given: {variable.default or 'none'}."
    asked: dict[str, Any] = {
        "question_name": variable.name,
        "question_description": f"{variable.what[0].upper()}{variable.what[1:]} ({variable.allowed()}).{otherwise}",
        "variable": variable.name,
        "required": required,
    }
    if variable.choices or variable.kind is Kind.TRUTH:
        return {**asked, "type": "multiplechoice", "choices": list(variable.choices) or _TRUTHS}
    bounds = {"min": variable.least} if variable.kind in (Kind.NUMBER, Kind.FRACTION) else {}
    return {**asked, "type": _TYPES.get(variable.kind, "text"), **bounds}
