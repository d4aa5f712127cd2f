# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``access_info``: what each identity may do, against what it should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._kube.forbidden_calls import try_calls
from .._kube.rbac import Rbac, foreign_bindings, read_rbac, rights_given
from .._kube.reviews import Subject, ask_all
from .._kube.rights import (
    CLUSTER,
    EVERY,
    Answer,
    Right,
    everything_in,
    is_basic,
    is_key,
    matrix,
    rights_of,
    rights_to_ask,
    rows,
    too_few,
    too_many,
    with_other_names,
)
from .._kube.served import served_resources
from .._kube.session import Session
from .._operation import Context, Operation

_RULE = {
    "scope": {"type": "str", "default": ""},
    "group": {"type": "str", "default": ""},
    "resource": {"type": "str", "required": True},
    "verbs": {"type": "list", "elements": "str", "required": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "optional": {"type": "bool", "default": False},
}
_BINDING = {
    "kind": {"type": "str", "required": True, "choices": ["RoleBinding", "ClusterRoleBinding"]},
    "namespace": {"type": "str", "default": ""},
    "name": {"type": "str", "required": True},
}
_EXPECTATION = {
    "identity": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "groups": {"type": "list", "elements": "str", "default": []},
    "rules": {"type": "list", "elements": "dict", "options": _RULE, "default": []},
    "bindings": {"type": "list", "elements": "dict", "options": _BINDING, "default": []},
}
_CALL = {
    "identity": {"type": "str", "required": True},
    "method": {"type": "str", "required": True, "choices": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
    "path": {"type": "str", "required": True},
    "body": {"type": "dict"},
    "sentence": {"type": "str", "required": True},
}
ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "expectations": {"type": "list", "elements": "dict", "options": _EXPECTATION, "required": True},
    "namespaces": {"type": "list", "elements": "str", "default": ["default", "kube-system"]},
    "exhaustive": {"type": "bool", "default": False},
    "probe": {"type": "bool", "default": False},
    "probes": {"type": "list", "elements": "dict", "options": _CALL},
}
EVERYBODY = "everybody"
_EVERYBODY = Subject("", ("system:authenticated",))
Answers = dict[Subject, dict[Right, Answer]]


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Ask everything, compare, and (if wanted) try what is forbidden."""
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    expectations = parameters["expectations"]
    subjects = {each["identity"]: Subject(each["user"], tuple(each["groups"])) for each in expectations}
    served = served_resources(session)
    expected = {each["identity"]: rights_of(each["rules"], served) for each in expectations}
    may = {
        each["identity"]: rights_of([rule for rule in each["rules"] if rule["optional"]], served)
        for each in expectations
    }
    scopes = {right.namespace for rights in expected.values() for right in rights}
    namespaces = sorted({*parameters["namespaces"], *scopes} - {CLUSTER, EVERY})
    powers = _ask_for_everything(session, [_EVERYBODY, *subjects.values()], namespaces)
    wanted = {subjects[identity]: rights for identity, rights in expected.items()}
    rbac = read_rbac(session)
    todo = {
        subject: rights_to_ask(served, namespaces, wanted.get(subject, ()), _powerful_in(power))
        for subject, power in powers.items()
    }
    exhaustive = parameters["exhaustive"] or bool(rbac.unlisted)
    asked = todo if exhaustive else _guided(rbac, todo, wanted)
    answers = _ask(session, asked)
    for subject in [] if exhaustive else _others_decide(answers):
        answers[subject] = _ask(session, {subject: todo[subject]})[subject]
    answers = {subject: {**power, **answers.get(subject, {})} for subject, power in powers.items()}
    return {
        **_judged(expected, may, subjects, answers),
        "questions": sum(len(each) for each in answers.values()),
        "exhaustive": exhaustive,
        "namespaces": namespaces,
        "foreign_bindings": foreign_bindings(
            rbac.bindings,
            [subject.user for subject in subjects.values()],
            [group for subject in subjects.values() for group in subject.groups],
            [binding for each in expectations for binding in each["bindings"]],
        ),
        "unlisted": rbac.unlisted,
        "probes": try_calls(session, parameters["probes"], {name: each.user for name, each in subjects.items()})
        if parameters["probe"]
        else [],
    }


def _ask_for_everything(session: Session, subjects: Iterable[Subject], namespaces: Iterable[str]) -> Answers:
    """Who may do everything, and where: whatever else they may do there need not be asked."""
    rights = [everything_in(namespace) for namespace in (EVERY, *namespaces)]
    return _ask(session, dict.fromkeys(subjects, rights))


def _guided(
    rbac: Rbac, todo: Mapping[Subject, list[Right]], wanted: Mapping[Subject, set[Right]]
) -> dict[Subject, list[Right]]:
    """Of all questions those that RBAC's objects let expect a yes, those that should have one, and the keys to more."""
    guided = {}
    for subject, rights in todo.items():
        likely = rights_given(rbac, subject.user, subject.groups, rights)
        expected = set(with_other_names(wanted.get(subject, ())))
        chosen = {right for right in rights if right in expected or is_key(right)}
        guided[subject] = sorted(chosen | set(with_other_names(likely)))
    return guided


def _others_decide(answers: Answers) -> list[Subject]:
    """The subjects that an authorizer beside RBAC has allowed something."""
    return [
        subject
        for subject, given in answers.items()
        if any(answer.allowed and not answer.reason.startswith("RBAC:") for answer in given.values())
    ]


def _ask(session: Session, questions: Mapping[Subject, Iterable[Right]]) -> Answers:
    answered = ask_all(session, [(subject, right) for subject, rights in questions.items() for right in rights])
    found: Answers = {subject: {} for subject in questions}
    for (subject, right), answer in answered.items():
        found[subject][right] = answer
    return found


def _powerful_in(power: Mapping[Right, Answer]) -> set[str]:
    return {right.namespace for right, answer in power.items() if answer.allowed and right.verb == EVERY}


def _judged(
    expected: Mapping[str, set[Right]],
    may: Mapping[str, set[Right]],
    subjects: Mapping[str, Subject],
    answers: Answers,
) -> dict[str, Any]:
    everybody = answers[_EVERYBODY]
    basic = {right for right in everybody if is_basic(right) and everybody[right].allowed}
    beyond = too_many(everybody, basic, {})
    found: dict[str, Any] = {"summary": [], "too_many": rows(beyond, EVERYBODY), "too_few": [], "matrix": []}
    for identity, subject in subjects.items():
        extra = too_many(answers[subject], expected[identity], everybody)
        lacking = too_few(answers[subject], expected[identity] - may[identity], _powerful_in(answers[subject]))
        found["too_many"] += rows(extra, identity)
        found["too_few"] += rows(lacking, identity)
        found["matrix"] += matrix(answers[subject], expected[identity], extra, identity)
        counts = {"expected": len(expected[identity]), "too_many": len(extra), "too_few": len(lacking)}
        found["summary"].append({"identity": identity, **counts, "asked": len(answers[subject])})
    return {**found, "everybody": {"expected": len(basic), "too_many": len(beyond)}}


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={"required_if": [("probe", True, ("probes",))]})
