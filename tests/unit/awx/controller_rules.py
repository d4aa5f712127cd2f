# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX 24.6.1 itself asks of an object, beyond the arguments of a module: written anew after its API's refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dateutil.rrule import rrulestr
from jinja2 import StrictUndefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

Object = dict[str, Any]

_QUESTIONS = {
    "text": str, "textarea": str, "password": str, "integer": int, "float": float, "multiplechoice": str,
    "multiselect": (str, list),
}  # fmt: skip
_FIELD = {"id", "label", "type", "format", "choices", "help_text", "multiline", "secret", "ask_at_runtime", "default"}
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_KEPT_BY_AWX = {"PATH", "PYTHONPATH", "VIRTUAL_ENV", "JOB_ID", "INVENTORY_ID", "AWX_HOST", "PROJECT_REVISION", "CACHE"}
_START = re.compile(r"DTSTART(;[^:]+)?:[0-9]+T[0-9]+Z?")


def survey_problems(spec: Object) -> list[str]:
    """Why the controller would refuse a survey."""
    if not {"name", "description", "spec"} <= set(spec) or not spec["spec"]:
        return ["a survey has a name, a description and questions"]
    names = [question.get("variable") for question in spec["spec"]]
    twice = [f"{name} is asked twice" for name in set(names) if names.count(name) > 1]
    return [*twice, *(problem for question in spec["spec"] for problem in _question_problems(question))]


def _question_problems(question: Object) -> Iterator[str]:
    name = question.get("variable", "?")
    for field, kind in {"type": str, "question_name": str, "variable": str, "required": bool}.items():
        if not isinstance(question.get(field), kind):
            yield f"{name}: {field} is missing, or no {kind.__name__}"
    if question.get("type") not in _QUESTIONS:
        yield f"{name}: {question.get('type')} is no type of a question"
        return
    if question.get("default", "") != "" and not isinstance(question["default"], _QUESTIONS[question["type"]]):
        yield f"{name}: its default is of another type"
    for bound in ("min", "max"):
        if not isinstance(question.get(bound, 0), int):
            yield f"{name}: {bound} is no whole number"
    choices = question.get("choices")
    if question["type"].startswith("multi"):
        if not isinstance(choices, list) or not choices or not all(isinstance(each, str) for each in choices):
            yield f"{name}: it has to be chosen, and there are no choices"
        elif question.get("default") not in (None, "", *choices):
            yield f"{name}: its default is none of the choices"


def answer_problems(spec: Object, answers: Object) -> list[str]:
    """Why the controller would not start a template with these answers, or would leave some of them out."""
    asked = {question["variable"]: question for question in spec.get("spec", ())}
    missing = [f"{name} is required" for name, one in asked.items() if one["required"] and name not in answers]
    ignored = [f"{name} is not asked, and is left out" for name in answers if name not in asked]
    return [*missing, *ignored, *(f"{name}: {answers[name]!r} is no answer" for name in answers.keys() & asked.keys()
                                  if not _answers(asked[name], answers[name]))]  # fmt: skip


def _answers(question: Object, value: Any) -> bool:
    if question["type"] in ("integer", "float"):
        return isinstance(value, int | float) and value >= question.get("min", value)
    return value in question["choices"] if "choices" in question else isinstance(value, str)


def rrule_problems(rule: str) -> list[str]:
    """Why the controller would refuse when a schedule runs."""
    problems = []
    if len(_START.findall(rule)) != 1 or re.search(r"DTSTART:[0-9]+T[0-9]+ ", rule):
        problems.append("one DTSTART is needed, with a zone")
    for each in re.findall(r"RULE:\S*", rule) or ["no RRULE"]:
        if "INTERVAL" not in each or "SECONDLY" in each:
            problems.append(f"{each}: an interval is needed, of minutes or more")
    try:
        rrulestr(rule.replace(" ", "\n"))
    except ValueError as error:
        problems.append(str(error))
    return problems


def credential_type_problems(kind: Object) -> list[str]:
    """Why the controller would refuse a credential type, or not inject what it says."""
    return list(_type_problems(kind["inputs"], kind["injectors"]))


def _type_problems(inputs: Object, injectors: Object) -> Iterator[str]:
    fields = {field.get("id", "?"): field for field in inputs["fields"]}
    for name, field in fields.items():
        if not _NAME.fullmatch(name) or name == "tower" or not field.get("label") or set(field) - _FIELD:
            yield f"{name} is no field that AWX takes"
    if len(fields) != len(inputs["fields"]) or set(inputs.get("required", ())) - set(fields):
        yield "its fields are not told apart, or what is required is none of them"
    for name in injectors.get("env", {}):
        if not _NAME.fullmatch(name) or name.startswith("ANSIBLE_") or name in _KEPT_BY_AWX:
            yield f"AWX does not set {name}"
    if set(injectors) - {"env", "file", "extra_vars"} or set(injectors.get("file", {})) - {"template"}:
        yield "it injects something in a way that AWX does not know"
    file = {"filename": "/a/file"} if "file" in injectors else {}
    known = {**dict.fromkeys(fields, "value"), "tower": file}
    for template in [text for way in injectors.values() for text in way.values()]:
        try:
            ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(known)
        except UndefinedError as error:
            yield f"{template}: {error}"
