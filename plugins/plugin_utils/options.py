# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options, checked by an argument spec, of a module or a role. What YAML lets through and no option can be is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Operation
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.listing import few


def checked_options(operation: Operation, arguments: Mapping[str, Any]) -> ValidationResult:
    """The options as the spec has them, or what is wrong with them.

    :raises AnsibleActionFail: there is a key that is no text, or a value where Ansible's own check ends in an error.
    """
    return _checked(ArgumentSpecValidator(dict(operation.argument_spec), **dict(operation.rules)), arguments)


def controller_options(spec: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an action that is no operation.

    :raises AnsibleActionFail: saying what is wrong with them.
    """
    checked = _checked(ArgumentSpecValidator(dict(spec)), arguments)
    if checked.error_messages:
        raise AnsibleActionFail(few(checked.error_messages))
    return dict(checked.validated_parameters)


def option_doubts(options: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> list[str]:
    """What is wrong with values for the options of roles. A template is judged where it is evaluated.

    :param options: the argument spec of each. :param given: values for these, and others.
    """
    doubts = []
    for name in sorted(options.keys() & given.keys()):
        if options[name].get("no_log") or any(mark in str(given[name]) for mark in ("{{", "{%")):
            continue
        try:
            said = _checked(ArgumentSpecValidator({name: dict(options[name])}), {name: given[name]}).error_messages
        except AnsibleActionFail as error:
            said = [str(error)]
        told = [one for one in said if not any(one in other for other in said if other != one)]
        doubts += [f"{name} cannot be used: {few(told, 3)}"] if told else []
    return doubts


def _checked(validator: ArgumentSpecValidator, arguments: Mapping[str, Any]) -> ValidationResult:
    for place, key in _unnamed("", arguments):
        raise AnsibleActionFail(f"{place}: the key {type(key).__name__} {str(key)[:40]!r} is no text: put it in quotes")
    try:
        return validator.validate(dict(arguments))
    except (AttributeError, TypeError):
        # Its options are looked into before it is known that it has any.
        raise AnsibleActionFail(
            "what has to be a mapping, in one of the options, is a date or another single value: write it with its keys"
        ) from None


def _unnamed(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each key that is no text, with where it is. Ansible's own check joins them to a text, and fails."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if isinstance(key, str):
                yield from _unnamed(f"{place}.{key}".lstrip("."), each)
            else:
                yield place, key
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _unnamed(f"{place}[{number}]", each)
