# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which page of docs/runbooks/ says what to do about a code. A test keeps it whole: every code is here."""

from __future__ import annotations

FOLDER = "docs/runbooks"

#: By the name of the page: the codes that lead to it.
PAGES: dict[str, tuple[str, ...]] = {
    "access-differs": ("rights_too_many", "rights_too_few", "right_not_granted", "foreign_binding"),
    "access-not-proved": (
        "token_not_refused", "not_as_before", "access_cannot_be_restored", "earlier_drill_failed",
        "prerequisites_differ", "setup_grant_open", "grant_is_open", "left_behind",
    ),
    "approval-missing": (
        "approval", "not_approved", "other_digest", "approvals_unreadable", "approval_without_a_person",
    ),
    "changed-meanwhile": ("changed_meanwhile", "conflict", "expired", "surprise"),
    "cluster-unreachable": (
        "unreachable", "offline", "not_an_answer", "untrusted_certificate", "timeout", "deadline_exceeded",
        "no_cluster_answered", "api_error",
    ),
    "credential-expired": ("unauthorized", "unusable_credential", "no_admin_kubeconfig", "no_credentials_dir"),
    "drain-blocked": ("drain_blocked",),
    "error-budget-spent": ("error_budget",),
    "eviction-not-granted": ("eviction_not_granted", "nothing_to_grant"),
    "fleet-halted": ("earlier_wave",),
    "lock-held": ("locked", "lock_lost"),
    "model-gate-failed": ("rollout_failed",),
    "node-not-recovering": ("step_failed", "repair_failed", "repair_not_possible"),
    "node-unreachable": ("node_unreachable",),
    "object-refused": ("refused", "invalid_object", "invalid_manifest"),
    "offboard-left-over": ("left_over", "unreadable"),
    "other-release": (
        "other_release", "other_models", "wrong_source", "old_kubernetes", "not_onboarded", "release_not_whole",
        "no_target", "nothing_recorded",
    ),
    "outside-a-window": ("frozen", "outside_window", "would_not_finish", "held_by_policy"),
    "outside-the-contract": ("outside_contract", "audit_log_unreadable"),
    "prerequisites-missing": (
        "prerequisites_unmet", "prerequisites_newer", "missing_permissions", "forbidden", "may_not_ask", "no_namespace",
        "hardened", "other_bounds",
    ),
    "problems-found": ("problems_found",),
    "records-broken": ("records_broken", "record_not_written"),
    "run-broke-off": ("task_failed", "no_outcome", "library_missing", "not_found"),
    "stack-not-ready": ("unhealthy", "no_room", "router_behind"),
    "upgrade-rolled-back": ("rolled_back", "failed_before", "not_passed"),
    "upgrade-unfinished": ("unfinished", "unfinished_upgrade"),
    "wrong-cluster": ("wrong_cluster", "credential_of_another"),
}  # fmt: skip

#: What these ask for is said in their own line: to call it otherwise, to wait for nothing, or to see the clusters'.
WITHOUT_PAGE = {
    "already_there": "The cluster has that release already. Nothing to do.",
    "as_approved": "The models are what was approved already. Nothing to do.",
    "bad_query": "`-e query=…` is no JMESPath expression. Nothing was done; correct it.",
    "budget": "As many nodes are out of service as the contract's `remediation` allows. Wait until one has returned.",
    "contract_exists": "`new_contract` does not write over a file. Name another one, or move this one away.",
    "emergency": "An emergency of the contract's lets this change begin now.",
    "go": "It may begin now.",
    "goes_on": "A plan that an earlier run left is carried on.",
    "grant_has_ended": "The grant would end before it begins. Give a later `grant_until`.",
    "incident_not_written": "An entry could not be added to the incident, for the reason that is named. Run it again.",
    "invalid_arguments": (
        "A task was given what its module does not take. In a playbook of your own, correct it; else tell Fireworks."
    ),
    "invalid_input": "A value cannot be used, for the reason that is named. Correct it.",
    "invalid_request": "A variable is unknown, of the wrong type, or missing. Correct it: [variables](variables.md).",
    "never": "The contract's `actions` say `never`. The customer acts, or changes them.",
    "no_approval_needed": "The contract asks for no approval of this. Run the change itself.",
    "no_cluster_matches": "The pattern means no cluster. `ansible-inventory --graph` lists what there is.",
    "no_clusters_named": "Nobody said which clusters are meant. Give `-e clusters=…`.",
    "no_contract": "The cluster's answer makes no contract, for the reason that is named. Correct that.",
    "no_digest": "Give the digest that the plan showed: `-e digest=…`.",
    "no_grant_named": "Give the name of the grant: `-e setup_grant=…`.",
    "no_inventory": "Name the inventory: `-i fleet.byoc.yml`.",
    "no_model_or_release": "Name what is approved: `-e model=…` or `-e release=…`.",
    "no_node_named": "Give `-e cluster=… -e node=…`.",
    "no_operation": "`operation.yml` was run by itself. Run a playbook that [does something](variables.md).",
    "no_place_for_the_credential": "Say where the credential goes: the message names the variable.",
    "no_release_or_requester": "Give `-e release=… -e requested_by=…`.",
    "no_such_cluster": "A name in the pattern is no cluster of the inventory. Correct it.",
    "no_such_incident": "The cluster has no incident of that number. `fireworks.byoc.incident` lists them.",
    "no_such_node": "The cluster has no node of that name. `kubectl get nodes` lists them.",
    "not_agreed": (
        "The contract does not agree to moves. The customer sets `efficiency.mode: execute` and applies the presetup."
    ),
    "not_calibrated": "Too few loads of a model are known to predict the next one. Run it again later.",
    "not_safe": (
        "A node is not safe to take, or not well enough to be taken back. The reason is in its row and on the node."
    ),
    "not_completed": "Of the run: some cluster is not where it was to be. Its own block has the code.",
    "not_confirmed": "What cannot be undone asks for a word. Add the `-e confirm=…` that is shown.",
    "nothing_to_approve": "The change would do nothing that waits for an approval.",
    "nothing_to_move": "No move is worth its price.",
    "result_not_writable": "`result_file` cannot be written. Nothing was done; name another path.",
    "run_refused": "Of the run: it was refused before any cluster had its turn. The message says why.",
    "still_in_contract": "The model is in the contract still. Take it out, or add `-e confirm=retire`.",
    "token_lifetime": "More was asked than the contract allows a token. Leave `credentials_lifetime` out.",
    "volume_unchangeable": (
        "A volume does not shrink or change its class. The customer writes the old values again, or deletes the claim."
    ),
}

_BY_CODE = {code: page for page, codes in PAGES.items() for code in codes}


def runbook(code: str) -> str:
    """The page for a code, from the root of the collection and of its repository; empty where there is none."""
    page = _BY_CODE.get(code)
    return f"{FOLDER}/{page}.md" if page else ""
