# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every object of extensions/awx is one that the modules of awx.awx 24.6.1 and the controller's API take."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.dropped_rules import CONNECTING
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.playbooks import PLAYBOOKS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import EVERY, VARIABLES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.doubts import variable_doubts
from extensions.awx.generator.files import generated
from extensions.awx.generator.surveys import NOT_ASKED, NOT_IN_WORKFLOWS, survey
from extensions.awx.generator.templates import CONTROLLERS, LEFT_OUT, READ_APPROVAL, TEMPLATES, WORKFLOWS, template_name
from tests.unit.awx import controller_rules as rules
from tests.unit.awx.objects import AWX, NODES, calls, objects, refusals, specs

OBJECTS = objects()
TEMPLATES_BY_NAME = {each["name"]: each for each in OBJECTS["controller_templates"]}
ANSWERS = {"text": "2026-12-01T08:00:00+01:00", "textarea": "{}", "integer": 3600, "float": 0.5}


def test_every_object_is_one_that_the_modules_take() -> None:
    judged = list(calls(OBJECTS))
    assert len(judged) >= 50
    assert {module for module, _arguments in judged} == set(specs())
    found = {f"{module} {arguments.get('name', arguments.get('identifier'))}": refusals(module, arguments)
             for module, arguments in judged}  # fmt: skip
    assert {name: refused for name, refused in found.items() if refused} == {}


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("job_template", {"name": "a", "survey": "text"}),
        ("job_template", {"name": "a", "ask_secrets_on_launch": True}),
        ("job_template", {"name": "a", "job_type": "scan"}),
        ("schedule", {"rrule": "x"}),
        ("notification_template", {"name": "a", "notification_type": "pigeon"}),
        ("workflow_job_template_node", {"identifier": "a", "workflow_job_template": "b"}),
        ("credential_type", {"name": "a", "inputs": "none"}),
    ],
)
def test_what_a_module_would_refuse_is_refused_here(module: str, arguments: dict[str, Any]) -> None:
    assert refusals(module, arguments)


def test_every_survey_is_one_that_the_controller_takes() -> None:
    asking = [
        each for each in [*TEMPLATES_BY_NAME.values(), *OBJECTS["controller_workflows"]] if each["survey_enabled"]
    ]
    assert len(asking) >= 20
    assert {each["name"]: problems for each in asking if (problems := rules.survey_problems(each["survey_spec"]))} == {}
    for problem in (
        *({"type": kind} for kind in ("date", "multiplechoice")),
        *({"required": "yes"}, {"default": 3}, {"min": 0.5}, {"variable": 3}),
    ):
        good = {"type": "text", "question_name": "a", "variable": "a", "required": True}
        assert rules.survey_problems({"name": "a", "description": "", "spec": [{**good, **problem}]}), problem


@pytest.mark.parametrize("playbook", TEMPLATES)
def test_whatever_a_survey_lets_answer_the_playbook_takes(playbook: str) -> None:
    """The worst that AWX could do is to start a job that refuses what its own survey let be answered."""
    spec = TEMPLATES_BY_NAME[template_name(playbook)].get("survey_spec", {"spec": []})
    for question in spec["spec"]:
        for answer in question.get("choices") or [ANSWERS[question["type"]]]:
            assert rules.answer_problems({"spec": [question]}, {question["variable"]: answer}) == []
            assert variable_doubts({question["variable"]: answer}, playbook, ()) == []


def test_every_answer_to_a_workflow_is_taken_by_each_of_its_jobs() -> None:
    """AWX gives what a workflow was answered, and what its jobs hand on, to every job of it."""
    approving = {
        each["name"].removeprefix("byoc "): each for each in OBJECTS["controller_workflows"] if "survey_spec" in each
    }
    assert set(approving) == set(WORKFLOWS)
    for name, workflow in approving.items():
        plan, change = WORKFLOWS[name]
        answers = {one["variable"]: (one.get("choices") or [ANSWERS[one["type"]]])[0]
                   for one in workflow["survey_spec"]["spec"]}  # fmt: skip
        handed_on = {"byoc_result": {"playbook": plan}, "approvals": [{"by": "a@b.example"}], "awx_job_id": 7}
        for playbook in (plan, change):
            template = TEMPLATES_BY_NAME[template_name(playbook)]
            required = {one["variable"] for one in template["survey_spec"]["spec"] if one["required"]}
            assert required <= set(answers), f"{workflow['name']} does not ask what {playbook} needs"
            given = {**answers, **handed_on, **template["extra_vars"]}
            assert variable_doubts(given, playbook, ()) == []


def test_every_playbook_has_a_template_or_a_reason_why_not() -> None:
    assert set(LEFT_OUT) <= set(EVERY)
    assert set(TEMPLATES_BY_NAME) == {template_name(name) for name in {*EVERY, *CONTROLLERS} - {*LEFT_OUT}}
    assert all(len(reason.split()) > 3 for reason in LEFT_OUT.values())


def test_every_variable_is_asked_for_or_there_is_a_reason_why_not() -> None:
    taken = {each.name for each in VARIABLES if set(each.playbooks) & set(TEMPLATES)}
    asked = {each.name for name in TEMPLATES for each in survey([name])}
    assert taken - asked == set(NOT_ASKED), "ask for it, or say in NOT_ASKED why not"
    assert not asked & set(NOT_ASKED) and set(NOT_IN_WORKFLOWS) <= asked


def test_nobody_can_type_what_no_survey_asks() -> None:
    """An approval above all: it comes from the workflow's own node."""
    for each in [*TEMPLATES_BY_NAME.values(), *OBJECTS["controller_workflows"]]:
        assert each["ask_variables_on_launch"] is False
        assert "approvals" not in {question["variable"] for question in each.get("survey_spec", {}).get("spec", ())}


def test_no_job_runs_where_its_records_would_be_lost() -> None:
    [group] = OBJECTS["controller_instance_groups"]
    mounted = yaml.safe_load(group["pod_spec_override"])["spec"]["containers"][0]["volumeMounts"][0]["mountPath"]
    for each in TEMPLATES_BY_NAME.values():
        assert (each["instance_groups"], each["prevent_instance_group_fallback"]) == ([group["name"]], True)
        kept = {key: value for key, value in each.get("extra_vars", {}).items() if key.endswith("_dir")}
        assert all(path.startswith(f"{mounted}/") for path in kept.values())
        assert "records_dir" in kept or each["name"].removeprefix("byoc ") in CONTROLLERS


def test_objects_name_each_other_as_they_are_called() -> None:
    names = {variable: {each["name"] for each in found} for variable, found in OBJECTS.items()}
    for each in OBJECTS["controller_templates"]:
        assert {each["project"]} <= names["controller_projects"]
        assert {each["inventory"]} <= names["controller_inventories"]
        assert {each["execution_environment"]} <= names["controller_execution_environments"]
        assert set(each["instance_groups"]) <= names["controller_instance_groups"]
        assert set(each["credentials"]) <= names["controller_credentials"]
        assert set(each["notification_templates_error"]) <= names["controller_notifications"]
        assert (AWX / "project" / each["playbook"]).is_file()
    types = names["controller_credential_types"] | {"Red Hat Ansible Automation Platform"}
    assert {each["credential_type"] for each in OBJECTS["controller_credentials"]} <= types
    for workflow in OBJECTS["controller_workflows"]:
        nodes = {node["identifier"]: node for node in workflow[NODES]}
        jobs = [node["unified_job_template"] for node in nodes.values() if "unified_job_template" in node]
        assert set(jobs) <= set(TEMPLATES_BY_NAME)
        after = [
            *(
                name
                for node in nodes.values()
                for way in ("success_nodes", "always_nodes")
                for name in node.get(way, ())
            )
        ]
        assert len(after) == len(nodes) - 1 and {*after} < set(nodes), "one after the other"
        approves = [node for node in nodes.values() if "approval_node" in node]
        assert len(approves) == jobs.count(template_name(READ_APPROVAL))
        assert set(workflow.get("notification_templates_approvals", ())) <= names["controller_notifications"]
    [source] = OBJECTS["controller_inventory_sources"]
    assert (AWX / "project" / source["source_path"]).is_file() and {source["inventory"]} <= names[
        "controller_inventories"
    ]


def test_each_job_has_the_credential_of_the_identity_that_its_playbook_is_run_by() -> None:
    for playbook in TEMPLATES:
        identity = PLAYBOOKS.get(playbook)
        assert TEMPLATES_BY_NAME[template_name(playbook)]["credentials"] == ([f"byoc {identity}"] if identity else [])


def test_only_credentials_that_are_there_are_replaced_by_renewed_ones() -> None:
    kept = TEMPLATES_BY_NAME["byoc keep_credentials"]["extra_vars"]["kept_identities"]
    assert {f"byoc {name}" for name in kept} == {
        each["name"] for each in OBJECTS["controller_credentials"] if each["credential_type"] == "byoc kubeconfig"
    }
    assert set(kept) <= set(CONNECTING), "rotate_credentials renews no file of it"


def test_every_schedule_runs_what_there_is_with_answers_that_it_takes() -> None:
    launched = {**TEMPLATES_BY_NAME, **{each["name"]: each for each in OBJECTS["controller_workflows"]}}
    for each in OBJECTS["controller_schedules"]:
        template = launched[each["unified_job_template"]]
        assert rules.rrule_problems(each["rrule"]) == []
        assert rules.answer_problems(template.get("survey_spec", {}), each.get("extra_data", {})) == []
    start = "DTSTART:20260101T000000Z"
    for rule in (
        "RRULE:FREQ=DAILY;INTERVAL=1",
        f"{start} RRULE:FREQ=DAILY",
        f"{start} RRULE:FREQ=SECONDLY;INTERVAL=1",
        "DTSTART:20260101T000000 RRULE:FREQ=DAILY;INTERVAL=1",
    ):
        assert rules.rrule_problems(rule)


def test_every_credential_type_injects_what_its_fields_say() -> None:
    types = {each["name"]: each for each in OBJECTS["controller_credential_types"]}
    assert {name: problems for name, each in types.items() if (problems := rules.credential_type_problems(each))} == {}
    secret = [
        field for each in types.values() for field in each["inputs"]["fields"] if field["id"] in ("kubeconfig", "token")
    ]
    assert len(secret) == 4 and all(field["secret"] for field in secret)
    good = types["byoc token"]
    for broken in (
        {"injectors": {"env": {"ANSIBLE_CONFIG": "a"}}}, {"injectors": {"env": {"A": "{{ tokn }}"}}},
        {"injectors": {"argv": {"a": "b"}}}, {"inputs": {"fields": [{"id": "tower", "label": "a"}]}},
        {"injectors": {"extra_vars": {"a": "{{ tower.filename }}"}}},
    ):  # fmt: skip
        assert rules.credential_type_problems({**good, **broken}), broken


def test_what_is_generated_is_as_generated() -> None:
    made = generated()
    stale = [str(path) for path, text in made.items() if not path.is_file() or path.read_text() != text]
    assert stale == [], "run: PYTHONPATH=.collections python -m extensions.awx.generator"
    folder = AWX / "project" / "playbooks"
    assert set(folder.glob("*.yml")) - set(made) == {folder / f"{name}.yml" for name in CONTROLLERS}


def test_the_images_have_the_version_that_this_is() -> None:
    version = yaml.safe_load((AWX.parents[1] / "galaxy.yml").read_text())["version"]
    for name in ("execution-environment.yml", "decision-environment.yml", "project/collections/requirements.yml"):
        said = yaml.safe_load((AWX / name).read_text())
        wanted = said.get("collections") or said["dependencies"]["galaxy"]["collections"]
        assert [each["version"] for each in wanted] == [version], name
