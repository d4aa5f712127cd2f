# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's objects that follow from the tables of playbooks: job templates, their credentials, workflows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.playbooks import PLAYBOOKS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import (
    EVERY,
    VARIABLES,
)

from .surveys import survey_spec

Object = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]

_ADMINISTRATORS = "the customer's administrator runs it, with a credential that no controller of ours holds"
#: What has no job template, and why: a new playbook has one, or it is here.
LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("presetup", "plan_presetup", "issue_operator_credential", "grant_setup_access", "revoke_setup_access"),
            *("approve", "revoke_approval", "grant_eviction", "revoke_eviction", "revocation_drill", "offboard"),
        ),
        _ADMINISTRATORS,
    ),
    "audit_access": "the customer's security team runs it",
    "support_bundle": "its bundle is a file, which would be gone with the job's pod",
    "mirror": "it prints commands to copy, for whoever fills the customer's registry",
    "new_contract": "it writes a file beside the others of a fleet, for somebody to edit",
    "verify_release": "for whoever publishes a release",
}
TEMPLATES = tuple(name for name in EVERY if name not in LEFT_OUT)
#: A job for each sick node, side by side: the lock of a cluster keeps its nodes apart.
SIMULTANEOUS = ("remediate_node",)
#: How each workflow goes: what is planned, and what is done once that is approved.
WORKFLOWS: Mapping[str, tuple[str, str]] = {
    "upgrade with approval": ("plan_upgrade", "upgrade"),
    "deploy models with approval": ("plan_models", "deploy_models"),
}
_MAY_BE_ADMINISTRATORS = next(each.playbooks for each in VARIABLES if each.name == "admin_kubeconfig")
#: Playbooks of the project itself, which ask the controller's own API, and the credential that they do it by.
READ_APPROVAL, KEEP_CREDENTIALS = "read_approval", "keep_credentials"
CONTROLLERS = {READ_APPROVAL: "byoc controller", KEEP_CREDENTIALS: "byoc controller keeper"}
_NOTIFIED = ["byoc failures"]
_APPROVAL_SECONDS = 86400
_COMMON = {
    "organization": "{{ site.organization }}",
    "project": "byoc",
    "inventory": "byoc fleet",
    "execution_environment": "byoc",
    "instance_groups": ["byoc"],
    # Elsewhere the claim is not mounted, and records would be gone with the pod.
    "prevent_instance_group_fallback": True,
    "forks": 20,
    # Waves, plans and tables count over the fleet, and a slice would lack clusters that a pattern names.
    "job_slice_count": 1,
    # Nobody types what the survey does not ask, such as an approval.
    "ask_variables_on_launch": False,
    "notification_templates_error": _NOTIFIED,
}
_RECORDS = {"records_dir": "{{ site.claim }}/records", "records_writer": "{{ site.records_writer }}"}
_ROTATION = {"credentials_dir": "{{ site.claim }}/credentials"}


def template_name(playbook: str) -> str:
    """What the controller calls the job template of a playbook."""
    return f"byoc {playbook}"


def credential_name(identity: str) -> str:
    """What the controller calls the credential of an identity."""
    return f"byoc {identity}"


def job_templates() -> list[Object]:
    """One for each playbook that has one, and those that ask the controller itself."""
    return [
        *map(_job_template, TEMPLATES),
        _of_the_controller(
            READ_APPROVAL, "Read who answered the approval node of a workflow, for the job that follows"
        ),
        _of_the_controller(KEEP_CREDENTIALS, "Keep what was renewed on the claim in the credentials of jobs")
        | {"extra_vars": {**_ROTATION, "kept_identities": identities()}},
    ]


def _job_template(playbook: str) -> Object:
    identity = PLAYBOOKS.get(playbook)
    spec = survey_spec(template_name(playbook), [playbook])
    return {
        "name": template_name(playbook),
        "description": purpose(playbook),
        **_COMMON,
        "playbook": f"playbooks/{playbook}.yml",
        "credentials": [credential_name(identity)] if identity else [],
        "extra_vars": {**_RECORDS, **(_ROTATION if playbook == "rotate_credentials" else {})},
        # --check and --diff are asked at the launch; everything else is the survey's.
        "ask_job_type_on_launch": True,
        "ask_diff_mode_on_launch": True,
        "ask_credential_on_launch": playbook in _MAY_BE_ADMINISTRATORS,
        "allow_simultaneous": playbook in SIMULTANEOUS,
        **({"survey_enabled": True, "survey_spec": spec} if spec else {"survey_enabled": False}),
    }


def _of_the_controller(playbook: str, description: str) -> Object:
    return {
        "name": template_name(playbook),
        "description": description,
        **_COMMON,
        "playbook": f"playbooks/{playbook}.yml",
        "credentials": [CONTROLLERS[playbook]],
        "allow_simultaneous": playbook == READ_APPROVAL,
        "survey_enabled": False,
    }


def purpose(playbook: str) -> str:
    """The first sentence of what a playbook says of itself."""
    said = (ROOT / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8").splitlines()
    words = " ".join(line.removeprefix("#").strip() for line in said if line.startswith("#"))
    return words.partition(". ")[0].removesuffix(".")


def credentials() -> list[Object]:
    """One for each identity that runs a job template, and two for the controller's API. What they hold is the site's.

    Those of identities are not overwritten later, since they are renewed.
    """
    return [*map(_identity, identities()), *map(_controller, CONTROLLERS)]


def identities() -> list[str]:
    """Who runs any of the job templates."""
    return list(dict.fromkeys(PLAYBOOKS[name] for name in TEMPLATES if name in PLAYBOOKS))


def _identity(identity: str) -> Object:
    return {
        "name": credential_name(identity),
        "description": f"The kubeconfigs of the identity {identity}, one context for each cluster",
        "organization": "{{ site.organization }}",
        "credential_type": "byoc kubeconfig",
        "inputs": {"kubeconfig": f"{{{{ site_credentials['{identity}'] }}}}"},
        "update_secrets": False,
    }


def _controller(playbook: str) -> Object:
    return {
        "name": CONTROLLERS[playbook],
        "description": f"The token by which {template_name(playbook)} asks this controller",
        "organization": "{{ site.organization }}",
        "credential_type": "Red Hat Ansible Automation Platform",
        "inputs": {
            "host": "{{ site.controller_url }}",
            "oauth_token": f"{{{{ site_credentials['{playbook}'] }}}}",
            "verify_ssl": True,
        },
    }


def workflows() -> list[Object]:
    """Those that plan, ask, read the answer and do it, and the one that renews credentials."""
    return [*(_workflow(name, *both) for name, both in WORKFLOWS.items()), _rotation()]


def _rotation() -> Object:
    """A cluster that was not reached is no reason to keep the others' from the jobs."""
    return {
        "name": "byoc rotate credentials",
        "description": purpose("rotate_credentials") + ", and give them to the jobs",
        "organization": "{{ site.organization }}",
        "allow_simultaneous": False,
        "ask_variables_on_launch": False,
        "survey_enabled": False,
        "extra_vars": {"clusters": "byoc"},
        "notification_templates_error": _NOTIFIED,
        "simplified_workflow_nodes": [
            {
                "identifier": "rotate",
                "unified_job_template": template_name("rotate_credentials"),
                "always_nodes": ["keep"],
            },
            {"identifier": "keep", "unified_job_template": template_name(KEEP_CREDENTIALS)},
        ],
    }


def _workflow(name: str, plan: str, change: str) -> Object:
    title = f"byoc {name}"
    return {
        "name": title,
        "description": f"{purpose(change)}, once somebody else has approved the plan",
        "organization": "{{ site.organization }}",
        "allow_simultaneous": False,
        "ask_variables_on_launch": False,
        "survey_enabled": True,
        "survey_spec": survey_spec(title, [plan, change]),
        "notification_templates_error": _NOTIFIED,
        "notification_templates_approvals": ["byoc approvals"],
        "simplified_workflow_nodes": [
            {"identifier": "plan", "unified_job_template": template_name(plan), "success_nodes": ["approval"]},
            {
                "identifier": "approval",
                "approval_node": {
                    "name": f"Approve the plan: {title}",
                    "description": "Read the output of the job before this one: you approve the digests that it shows.",
                    "timeout": _APPROVAL_SECONDS,
                },
                "success_nodes": ["answer"],
            },
            {
                "identifier": "answer",
                "unified_job_template": template_name(READ_APPROVAL),
                "success_nodes": ["change"],
            },
            {"identifier": "change", "unified_job_template": template_name(change)},
        ],
    }
