# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An extra variable is one that the playbook takes, with a value that it may have, or it is refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import EVERY, VARIABLES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.doubts import (
    left_out,
    variable_doubts,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.variable import Kind, Variable

OPTIONS = {"model_bake", "remediate_nodes", "stack_requested_by", "validate_http_request"}


def doubts(playbook: str, more: tuple[str, ...] = (), **given: Any) -> list[str]:
    return variable_doubts(given, playbook, OPTIONS, more)


@pytest.mark.parametrize(
    ("playbook", "given"),
    [
        ("onboard", {"clusters": "byoc", "model_bake": "0", "validate_http_request": "false"}),
        ("status", {"awx_job_id": 7, "tower_user_name": "a", "ansible_python_interpreter": "python"}),
        ("status", {"clusters": ["acme-eu-1"], "records_dir": "records", "lock_wait": 10}),
        ("remediate_node", {"cluster": "acme-eu-1", "node": "gpu-7", "ansible_eda": {}}),
        ("plan_upgrade", {"policy": {"soak": 0}, "approvals": [{"by": "a"}], "emergency": "{approver: a, reason: b}"}),
        ("upgrade", {"approvals": {"by": "a"}, "policy": "", "deadline": "2026-12-20T00:00:00+00:00"}),
        ("grant_setup_access", {"setup_kubeconfig": "{{ inventory_hostname }}.kubeconfig"}),
        ("revocation_drill", {"credentials_lifetime": "{{ hours * 3600 }}"}),
        ("rotate_credentials", {"credentials_renew_below": "1.0"}),
        ("health", {"fail_on": "never", "show": "info"}),
        ("onboard", {"fail_on": "waiting", "revoke_setup": "yes"}),
        ("upgrade", {"byoc_result": {"playbook": "plan_upgrade"}}),  # as AWX hands it on in a workflow
    ],
)
def test_what_a_playbook_takes_is_let_pass(playbook: str, given: dict[str, Any]) -> None:
    assert doubts(playbook, **given) == []


@pytest.mark.parametrize(
    ("playbook", "given", "said"),
    [
        ("onboard", {"clutsers": "byoc"}, "there is no variable clutsers: did you mean clusters?"),
        ("onboard", {"zzz": 1}, "there is no variable zzz"),
        (
            "grant_setup_access",
            {"reason": "a", "_raw_params": "new router"},
            "a value was cut at its first space: quote",
        ),
        ("onboard", {"model_bak": 0}, "there is no variable model_bak: did you mean model_bake?"),
        (
            "health",
            {"cluster": "acme-eu-1"},
            "health does not take cluster, which is for remediate_node: did you mean clusters?",
        ),
        (
            "onboard",
            {"release": "1"},
            "onboard does not take release, which is for plan_upgrade, upgrade, verify_rel",
        ),
        ("status", {"byoc_is_recorded": False}, "byoc_is_recorded is set by the inventory and the playbooks"),
        ("status", {"byoc_": 1}, "byoc_ is set by"),
        ("status", {"contract": {}}, "contract is set by the inventory"),
        ("onboard", {"ansible_failed_result": {}}, "ansible_failed_result is set by"),
        ("onboard", {"model__release": {}}, "there is no variable model__release"),
        ("remediate_node", {"clusters": "all"}, "remediate_node does not take clusters"),
        ("remediate_node", {"remediate_nodes": []}, "remediate_nodes is set by remediate_node itself"),
        (
            "rollback_stack",
            {"approvals": []},
            "rollback_stack does not take approvals: a rollback waits for no approval",
        ),
        ("rollback_model", {"emergency": {}}, "rollback_model does not take emergency: a rollback waits for no"),
        ("upgrade", {"stack_requested_by": "eve"}, "stack_requested_by is set by upgrade itself"),
        ("onboard", {"lock_wait": "soon"}, "lock_wait is 'soon', and has to be a whole number, at least 0"),
        ("onboard", {"lock_wait": "-1"}, "lock_wait is '-1'"),
        ("onboard", {"lock_wait": True}, "lock_wait is True"),
        ("onboard", {"fail_on": "critical"}, "fail_on is 'critical', and has to be waiting"),
        ("health", {"fail_on": "waiting"}, "fail_on is 'waiting', and has to be one of critical, error"),
        ("onboard", {"revoke_setup": "perhaps"}, "revoke_setup is 'perhaps', and has to be true or false"),
        ("explain", {"moment": "tomorrow"}, "moment is 'tomorrow', and has to be a time"),
        ("upgrade", {"policy": "soak"}, "policy is 'soak', and has to be a mapping"),
        ("upgrade", {"policy": "{"}, "policy is '{'"),
        ("upgrade", {"approvals": ["boss"]}, "approvals is ['boss']"),
        ("presetup", {"render_to": ["a"]}, "render_to is ['a'], and has to be a path"),
        ("models", {"compare": {}}, "compare is {}, and has to be a list"),
        ("incident", {"nodes": ["gpu-1", True]}, "nodes is ['gpu-1', True], and has to be a list"),
        ("capacity", {"wanted": "2026-13-45"}, "wanted is '2026-13-45', and has to be a mapping"),
        ("plan_upgrade", {"durations": [900]}, """: -e '{"durations": {"acme-eu-1": [900, 1200]}}'"""),
        ("rotate_credentials", {"credentials_renew_below": "inf"}, "has to be a number, at least 0"),
    ],
)
def test_what_is_mistyped_is_refused_in_words(playbook: str, given: dict[str, Any], said: str) -> None:
    [doubt] = doubts(playbook, **given)
    assert said in doubt


def test_everything_is_told_at_once() -> None:
    assert len(doubts("onboard", clutsers="a", lock_wait="soon", byoc_lock={})) == 3


def test_a_playbook_outside_the_collection_names_its_own() -> None:
    assert doubts("announce", ("text",), text="today", clusters="byoc") == []
    assert doubts("announce", ("text",), txt="today") == ["there is no variable txt: did you mean text?"]
    [doubt] = doubts("announce", ("byoc_is_recorded",), byoc_is_recorded=False)
    assert "cannot be given" in doubt


def test_of_each_playbook_a_name_means_one_thing() -> None:
    for playbook in EVERY:
        names = [each.name for each in VARIABLES if playbook in each.playbooks]
        assert len(names) == len(set(names)), playbook


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda each: each.name)
def test_a_declaration_agrees_with_itself(variable: Variable) -> None:
    assert set(variable.required) <= set(variable.playbooks) <= set(EVERY)
    assert variable.what and not variable.what.endswith(".")
    assert not variable.choices or variable.kind is Kind.TEXT


@pytest.mark.parametrize("given", [{}, {"model": ""}, {"model": "  "}, {"model": None}])
def test_a_required_variable_that_is_missing_or_empty_is_told_with_its_option(given: dict[str, Any]) -> None:
    assert left_out(given, "retire_model", ["model"]) == [
        "model is not given, which is the name of a model: -e model=<...>"
    ]
    assert left_out(given, "somebodys_own", ["model"]) == ["model is not given: -e model=<...>"]


def test_a_required_variable_that_is_given_is_not_told() -> None:
    assert left_out({"model": "llama"}, "retire_model", ["model"]) == []
