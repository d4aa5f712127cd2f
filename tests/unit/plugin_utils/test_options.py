# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that YAML lets through and no module can have: one sentence, where Ansible's own check ends in an error."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Operation
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.finding_spec import FINDING_SPEC
from ansible_collections.fireworks.byoc.plugins.plugin_utils.options import checked_options, option_doubts

SPEC = {"findings": {"type": "list", "elements": "dict", "options": FINDING_SPEC}, "more": {"type": "dict"}}
OPERATION = Operation(argument_spec=SPEC, run=lambda _parameters, _context: {}, rules={})
GOOD: dict[str, Any] = {"fault": "xid", "node": "gpu-7", "action": "drain", "quarantine": True}


def test_good_options_are_as_the_spec_has_them() -> None:
    checked = checked_options(OPERATION, {"findings": [{**GOOD, "quarantine": "yes"}]})
    assert checked.error_messages == []
    assert checked.validated_parameters["findings"][0]["quarantine"] is True


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"findings": [{**GOOD, "contact": {float("nan"): "x"}}]}, "findings[0].contact: the key float 'nan'"),
        ({"findings": [GOOD, {**GOOD, True: "x"}]}, "findings[1]: the key bool 'True' is no text: put it in quotes"),
        ({"findings": [{**GOOD, None: "x"}]}, "findings[0]: the key NoneType 'None'"),
        ({"findings": [{**GOOD, datetime.date(2026, 1, 1): "x"}]}, "the key date '2026-01-01'"),
        ({"more": {"a": [{1: 2}]}}, "more.a[0]: the key int '1'"),
        ({"findings": [{**GOOD, "contact": datetime.date(2026, 1, 1)}]}, "has to be a mapping"),
    ],
)
def test_what_no_option_can_be_is_said_in_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(AnsibleActionFail) as refused:
        checked_options(OPERATION, given)
    assert said in str(refused.value)


ROLES = {
    "findings": SPEC["findings"],
    "timeout": {"type": "int"},
    "repair": {"type": "str", "choices": ["none", "custom"]},
    "password": {"type": "str", "choices": ["x"], "no_log": True},
}


@pytest.mark.parametrize(
    "given",
    [{"findings": [GOOD]}, {"timeout": "5"}, {"repair": "{{ x }}"}, {"password": "secret"}, {"other": [5]}, {}],
)
def test_an_option_of_a_role_that_it_takes_raises_no_doubt(given: dict[str, Any]) -> None:
    assert option_doubts(ROLES, given) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"findings": "findings.yml"}, "findings cannot be used: Elements value for option"),
        ({"findings": GOOD}, "findings cannot be used: argument 'findings' is of type"),
        ({"findings": [{"node": "gpu-7"}]}, "missing required arguments: action, fault, quarantine found in findings"),
        ({"findings": [{**GOOD, "nod": "gpu-7"}]}, "findings.nod"),
        ({"findings": [{**GOOD, 7: "x"}]}, "findings cannot be used: findings[0]: the key int '7' is no text"),
        ({"timeout": "soon"}, "timeout cannot be used: argument 'timeout' is of type"),
        ({"repair": "magic"}, "repair cannot be used: value of repair must be one of: none, custom"),
    ],
)
def test_an_option_of_a_role_that_it_does_not_take_is_told(given: dict[str, Any], said: str) -> None:
    [doubt] = option_doubts(ROLES, given)
    assert said in doubt


@pytest.mark.parametrize("given", [{"findings": [5]}, {"findings": [{"fault": "x"}]}, {"findings": [{**GOOD, "x": 1}]}])
def test_what_the_spec_refuses_is_said_by_it(given: dict[str, Any]) -> None:
    assert checked_options(OPERATION, given).error_messages
