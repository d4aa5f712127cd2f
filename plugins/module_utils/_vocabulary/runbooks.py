# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which page of docs/runbooks/ says what to do about a code. A test keeps it whole: every code is here."""

from __future__ import annotations

FOLDER = "docs/runbooks"

#: By the name of the page: the codes that lead to it.
PAGES: dict[str, tuple[str, ...]] = {
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

#: What these ask for is in their own line: to call it otherwise, to wait for nothing, or to see the clusters' codes.
WITHOUT_PAGE = frozenset({
    "already_there", "as_approved", "bad_query", "budget", "contract_exists",
    "emergency", "go", "grant_has_ended", "incident_not_written",
    "invalid_arguments", "invalid_input", "invalid_request", "never", "no_approval_needed", "no_cluster_matches",
    "no_clusters_named", "no_contract",
    "no_digest", "no_grant_named", "no_inventory", "no_model_or_release", "no_node_named",
    "no_operation", "no_operation_or_approver", "no_place_for_the_credential", "no_release_or_requester",
    "no_such_cluster", "no_such_incident",
    "no_such_node", "not_agreed", "not_calibrated", "not_completed", "not_confirmed", "nothing_to_approve",
    "nothing_to_move", "goes_on", "result_not_writable",
    "run_refused", "still_in_contract", "token_lifetime", "volume_unchangeable",
})  # fmt: skip

_BY_CODE = {code: page for page, codes in PAGES.items() for code in codes}


def runbook(code: str) -> str:
    """The page for a code, from the root of the collection and of its repository; empty where there is none."""
    page = _BY_CODE.get(code)
    return f"{FOLDER}/{page}.md" if page else ""
