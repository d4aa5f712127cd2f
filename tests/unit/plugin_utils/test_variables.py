# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables taken as they are: the same comes of them as of the template that names them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.fireworks.byoc.plugins.plugin_utils.variables import is_plain, looked_up

VARIABLES = {
    "contract": {"identity": {"name": "acme", "labels": ["{{ never }}"]}, "gpus": 8},
    "connection": {"token": trust_as_template("{{ secret }}"), "server": "https://acme"},
    "secret": trust_as_template("{{ kept }}"),
    "kept": "not-for-anybodys-eyes",
}


def evaluated(template: Any) -> Any:
    return Templar(DataLoader(), variables=VARIABLES).template({"one": template})["one"]


@pytest.mark.parametrize("text", ["{{ contract }}", "{{connection}}", "{{ secret }}"])
def test_a_named_variable_is_what_its_template_gives(text: str) -> None:
    template = trust_as_template(text)
    assert looked_up(template, VARIABLES) is VARIABLES[text.strip("{} ")]
    assert evaluated(looked_up(template, VARIABLES)) == evaluated(template)


@pytest.mark.parametrize("text", ["{{ contract.gpus }}", "{{ contract }} ", "{{ now() }}", "{{ contract }}{{ kept }}"])
def test_every_other_template_stays_one(text: str) -> None:
    template = trust_as_template(text)
    assert looked_up(template, VARIABLES) is template


def test_what_is_no_template_and_what_nobody_trusts_stays_as_it_is() -> None:
    assert looked_up("{{ kept }}", VARIABLES) == "{{ kept }}"
    assert looked_up(["annotations"], VARIABLES) == ["annotations"]


def test_a_variable_that_is_not_there_is_said_by_the_template() -> None:
    template = trust_as_template("{{ nothing_of_that_name }}")
    with pytest.raises(AnsibleUndefinedVariable, match="nothing_of_that_name"):
        evaluated(looked_up(template, VARIABLES))


def test_a_variable_of_another_host_is_named_too() -> None:
    template = trust_as_template("{{ hostvars.localhost.kept }}")
    assert looked_up(template, {}, {"localhost": VARIABLES}.__getitem__) == VARIABLES["kept"]
    assert looked_up(template, {}) is template


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": ["{{ never }}", 1, 2.5, True, None]}, True),
        ({"a": [{"b": trust_as_template("{{ kept }}")}]}, False),
        (trust_as_template("no braces"), False),
        (object(), False),
        (("a",), False),
    ],
)
def test_what_no_template_is_in_is_what_evaluating_it_gives(value: Any, plain: bool) -> None:
    assert is_plain(value) is plain
    assert not plain or evaluated(value) == value
