# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every variable that an operator may give to a playbook of this collection. docs/variables.md is made of it.

A new playbook is added to ``READING`` or ``CHANGING``, and to the variables that it takes. The options of roles are
declared in the roles' own argument specs.
"""

from __future__ import annotations

from ..rollout.approving import KINDS
from .capacity import CAPACITY, CAPACITY_VARIABLES
from .contracts import CONTRACT_VARIABLES, OF_CONTRACTS
from .incidents import INCIDENT_VARIABLES, OF_INCIDENTS
from .reports import REPORT_VARIABLES
from .variable import Kind, Variable

_NODE = "remediate_node"
_PLANS = ("plan_models", "plan_upgrade")
READING = (
    "audit_access",
    *CAPACITY,
    "plan_cluster_upgrade",
    "contract_calendar",
    "explain",
    "fleet_report",
    "health",
    "logs",
    "mirror",
    "models",
    *_PLANS,
    "plan_presetup",
    "status",
    "support_bundle",
    "validate",
    "verify_records",
)
_UPGRADING = ("plan_upgrade", "upgrade")
_MODEL_CHANGES = ("plan_models", "deploy_models", "retire_model")
_DECIDED = (*_MODEL_CHANGES, *_UPGRADING)
_MOVES_PODS = ("remediate", _NODE, "consolidate", "hand_over_nodes")
_IN_WAVES = ("plan_models", "deploy_models", *_UPGRADING)
_ROLLBACKS = ("rollback_model", "rollback_stack")
_GRANTS = ("grant_setup_access", "revoke_setup_access")
_CREDENTIALS = ("rotate_credentials", "revocation_drill")
_FIRST_CREDENTIAL = "issue_operator_credential"
_ISSUING = (*_CREDENTIALS, "revoke_setup_access")
_APPROVALS = ("approve", "revoke_approval")
_EVICTIONS = ("grant_eviction", "revoke_eviction")
CHANGING = (
    *("onboard", "presetup", _FIRST_CREDENTIAL, "deploy_models", "retire_model", "remediate", "upgrade", "offboard"),
    *("consolidate", "hand_over_nodes", *_ROLLBACKS, *_GRANTS, *_CREDENTIALS, *_APPROVALS, *_EVICTIONS),
)
_ADMINISTRATORS = ("presetup", _FIRST_CREDENTIAL, *_GRANTS, "revocation_drill", *_APPROVALS, *_EVICTIONS)
_BY_ADMINISTRATORS = (
    *("audit_access", "plan_presetup", "offboard", "onboard", *_ADMINISTRATORS, "rotate_credentials", "verify_records"),
)
#: Those that are the same for a whole controller are taken by all, so that one file of variables serves all.
EVERY = (*READING, *CHANGING, *OF_INCIDENTS, *OF_CONTRACTS, _NODE, "verify_release")

#: Options of roles that a playbook sets itself: given from outside they would replace what it means.
SET_BY_PLAYBOOKS: dict[str, tuple[str, ...]] = {
    "presetup_state": ("presetup",),
    "presetup_file": ("presetup",),
    "presetup_api_server": ("presetup", "onboard", "grant_setup_access", "revocation_drill", "revoke_setup_access"),
    "presetup_version": ("revocation_drill", "revoke_setup_access"),
    "model_show_diff": ("onboard", "deploy_models", "plan_models", "approve"),
    "model_reason": ("deploy_models",),
    "model_requested_by": ("deploy_models",),
    "remediate_nodes": (_NODE,),
    "remediate_requested_by": ("remediate", _NODE, "approve"),
    "remediate_approved": ("remediate", _NODE),
    "remediate_emergency": ("remediate", _NODE),
    "stack_retry": ("upgrade",),
    "stack_reason": ("upgrade",),
    "stack_requested_by": ("upgrade",),
}

_NEVER_WAITS = "a rollback waits for no approval, window or freeze, so leave it out"
#: Why a playbook does not take what the others of its kind do.
NOT_TAKEN: dict[str, dict[str, str]] = {
    name: dict.fromkeys(_ROLLBACKS, _NEVER_WAITS) for name in ("approvals", "emergency")
}

VARIABLES = (
    # --- which clusters, and who wants what
    Variable(
        "clusters",
        Kind.PATTERN,
        "which clusters are meant",
        (*READING, *CHANGING, *OF_INCIDENTS),
        required=("plan_models", "support_bundle", *CHANGING),
        default="`byoc`, all of them",
    ),
    Variable("cluster", Kind.TEXT, "the name of the node's cluster", (_NODE,), required=(_NODE,)),
    Variable("node", Kind.TEXT, "the name of the node", (_NODE, "support_bundle"), required=(_NODE,)),
    Variable(
        "requested_by",
        Kind.TEXT,
        "who requests a change; kept in revisions and backups. Nobody approves a change of their own",
        EVERY,
        required=(*_UPGRADING, "grant_eviction", "remediate"),
        default="the user that runs the playbook, for whom no approval counts",
    ),
    Variable(
        "reason",
        Kind.TEXT,
        "why; kept in revisions, backups and grants",
        ("deploy_models", "plan_models", *_UPGRADING, *_ROLLBACKS, "grant_setup_access", "grant_eviction"),
        required=("grant_setup_access", "grant_eviction"),
    ),
    Variable(
        "confirm",
        Kind.TEXT,
        "the word that what cannot be undone asks for",
        ("offboard", "retire_model", "revocation_drill", "revoke_setup_access"),
        required=("offboard", "revocation_drill"),
    ),
    # --- what it fails on, and what it shows
    Variable(
        "fail_on",
        Kind.TEXT,
        "a cluster that waits for a window or an approval makes the run fail",
        tuple(name for name in EVERY if name != "health"),
        default="such a run ends well",
        choices=("waiting",),
    ),
    Variable(
        "fail_on",
        Kind.TEXT,
        "the least severity of a finding that makes the run fail",
        ("health",),
        default="`critical`",
        choices=("critical", "error", "warning", "info", "never"),
    ),
    Variable(
        "show",
        Kind.TEXT,
        "the least severity that is shown",
        ("health",),
        default="`warning`",
        choices=("critical", "error", "warning", "info"),
    ),
    *REPORT_VARIABLES,
    Variable("plan_json", Kind.PATH, "where the plan is written as JSON", _UPGRADING),
    Variable("plan_svg", Kind.PATH, "where the plan's timeline is written as a picture", _UPGRADING),
    Variable(
        "moment",
        Kind.MOMENT,
        "another now, for plans only: it opens no window",
        ("contract_calendar", "explain", *_PLANS),
        default="now",
    ),
    *CAPACITY_VARIABLES,
    Variable("result_file", Kind.PATH, "where the result of the run is written as JSON", EVERY),
    Variable("query", Kind.TEXT, "a JMESPath expression: only what it finds in the result is printed", EVERY),
    # --- decisions
    Variable("policy", Kind.MAPPING, "how waves are made: canaries, sizes, failures, soak", _IN_WAVES),
    Variable("approvals", Kind.MAPPINGS, "who approved what: `by`, `digest`, `given_at`", (*_DECIDED, *_MOVES_PODS)),
    Variable(
        "emergency",
        Kind.MAPPING,
        "why no window is waited for: `approver` and `reason`",
        (*_DECIDED, *_MOVES_PODS),
    ),
    Variable(
        "operation",
        Kind.TEXT,
        "the playbook whose change is approved",
        ("approve",),
        required=("approve",),
        choices=tuple(KINDS),
    ),
    Variable(
        "digest", Kind.TEXT, "the plan's digest, or its first 12 characters or more", _APPROVALS, required=_APPROVALS
    ),
    Variable(
        "approved_by",
        Kind.TEXT,
        "who approves; of revoke_approval, whose approval it was",
        _APPROVALS,
        required=("approve",),
    ),
    Variable(
        "approval_until",
        Kind.TEXT,
        "how long an approval counts, or until when",
        ("approve",),
        default="the contract's `valid_for`",
    ),
    Variable("deadline", Kind.MOMENT, "by when it has to be done; the plan says whether it can", _UPGRADING),
    Variable("durations", Kind.MAPPING, "seconds that upgrades took, a list by cluster", _UPGRADING),
    Variable(
        "retry",
        Kind.TRUTH,
        "whether a release is tried again where this very one failed",
        _UPGRADING,
        default="false",
    ),
    Variable(
        "soak_wait",
        Kind.NUMBER,
        "seconds that a run waits between waves at most",
        _UPGRADING,
        default="3600",
    ),
    # --- what is brought, or gone back to
    Variable(
        "release",
        Kind.TEXT,
        "the release of the stack",
        (*_UPGRADING, "verify_release", "approve", "mirror"),
        required=_UPGRADING,
        default="of verify_release, each; of mirror, the contract's",
    ),
    Variable(
        "mirror_tool",
        Kind.TEXT,
        "the tool that the lines which copy images are for",
        ("mirror",),
        default="`skopeo`",
        choices=("skopeo", "crane"),
    ),
    Variable(
        "releases",
        Kind.PATH,
        "the folder of the releases, wherever one is looked up",
        EVERY,
        default="the collection's own",
    ),
    Variable(
        "to",
        Kind.TEXT,
        'the release to go back to: never "the one before", so that a second run means the same',
        ("rollback_stack",),
        required=("rollback_stack",),
    ),
    Variable(
        "model",
        Kind.TEXT,
        "the name of a model",
        ("models", "retire_model", "rollback_model", "approve", "support_bundle", *OF_INCIDENTS),
        required=("retire_model", "rollback_model"),
        default="of models, each",
    ),
    Variable(
        "revision",
        Kind.NUMBER,
        "the revision to go back to",
        ("rollback_model",),
        required=("rollback_model",),
        least=1,
    ),
    Variable("compare", Kind.LIST, "two revisions, of which the differences are shown", ("models",)),
    Variable(
        "retire_drain_timeout",
        Kind.NUMBER,
        "seconds for the requests that are under way",
        ("retire_model",),
        default="60",
    ),
    # --- credentials and access
    Variable(
        "admin_kubeconfig",
        Kind.PATH,
        "the administrator's credential, where the contract's is not enough",
        _BY_ADMINISTRATORS,
        required=_ADMINISTRATORS,
        default="the contract's credential",
    ),
    Variable(
        "admin_context",
        Kind.TEXT,
        "its context",
        _BY_ADMINISTRATORS,
        default="the kubeconfig's current one",
    ),
    Variable("revoke_setup", Kind.TRUTH, "give up the setup grant at the end", ("onboard",), default="false"),
    Variable("render_to", Kind.PATH, "render the prerequisites to this folder, and apply nothing", ("presetup",)),
    Variable(
        "operator_kubeconfig",
        Kind.PATH,
        "where the operator's first credential is written",
        (_FIRST_CREDENTIAL,),
        required=(_FIRST_CREDENTIAL,),
    ),
    Variable(
        "grantee",
        Kind.TEXT,
        "who gets setup access",
        ("grant_setup_access",),
        required=("grant_setup_access",),
    ),
    Variable("grant_until", Kind.TEXT, "how long, or until when", ("grant_setup_access",), default="8h"),
    Variable("grant_until", Kind.TEXT, "how long, or until when; an hour at most", ("grant_eviction",), default="1h"),
    Variable("nodes", Kind.LIST, "on which nodes pods may be evicted", ("grant_eviction",), default="all of them"),
    Variable("setup_kubeconfig", Kind.PATH, "the file of the grant's credential", _GRANTS),
    Variable(
        "setup_access_tasks",
        Kind.PATH,
        "tasks that hand the credential to a vault, instead of a file",
        ("grant_setup_access",),
    ),
    Variable(
        "setup_grant",
        Kind.TEXT,
        "the name of the grant",
        ("revoke_setup_access",),
        required=("revoke_setup_access",),
    ),
    Variable(
        "end_all_tokens",
        Kind.TRUTH,
        "end every token of our accounts, too, and write new credentials to `credentials_dir`",
        ("revoke_setup_access",),
        default="false",
    ),
    Variable(
        "customers_own",
        Kind.LIST,
        "objects in our namespaces that are the customer's, as a report shows them, with `*` for any part",
        ("audit_access", "revoke_setup_access"),
    ),
    Variable(
        "credentials_dir",
        Kind.PATH,
        "the folder of credentials, `<cluster>-<identity>.kubeconfig`",
        (*_ISSUING, "fleet_report"),
        required=_CREDENTIALS,
    ),
    Variable(
        "credentials_lifetime",
        Kind.NUMBER,
        "seconds that a new credential is valid, at most what the contract allows",
        (*_ISSUING, _FIRST_CREDENTIAL),
        default="the contract's `access.token_lifetime`",
        least=600,
    ),
    Variable(
        "credentials_renew_below",
        Kind.FRACTION,
        "a credential is renewed when it has less than this part of its life left",
        ("rotate_credentials",),
        default="0.5",
    ),
    Variable(
        "drill_refusal_timeout",
        Kind.NUMBER,
        "seconds until a withdrawn token has to be refused",
        ("revocation_drill",),
        default="60",
    ),
    # --- the lock and the records
    Variable("lock_wait", Kind.NUMBER, "seconds to wait for a cluster's lock", EVERY, default="150"),
    Variable(
        "lock_duration",
        Kind.NUMBER,
        "seconds that the lock outlives a dead run",
        EVERY,
        default="120",
        least=1,
    ),
    Variable("break_lock", Kind.TEXT, "the holder of a lock whose run is known to be dead", (*CHANGING, _NODE)),
    Variable("break_reason", Kind.TEXT, "why it is taken from that run", (*CHANGING, _NODE)),
    Variable("records_dir", Kind.PATH, "where records are", EVERY, default="`$BYOC_RECORDS_DIR`, else ~/.byoc/records"),
    Variable("records_dirs", Kind.LIST, "the same, where several controllers wrote", EVERY),
    Variable(
        "audit_log",
        Kind.LIST,
        "the files of the API server's audit log, to compare the records with instead of the cluster",
        ("verify_records",),
    ),
    Variable(
        "unused_rights", Kind.TRUTH, "list the rights never used in that log", ("verify_records",), default="false"
    ),
    Variable("records_writer", Kind.TEXT, "the name of who writes records", EVERY, default="the controller's name"),
    *CONTRACT_VARIABLES,
    *INCIDENT_VARIABLES,
)
