# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``report_info``: all that a report of the fleet shows of one cluster, in one session.

What cannot be read is named, and the rest is shown: a report with a gap is worth more than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.contract.typed import Contract
from .._domain.immunity import node_traits
from .._domain.names import UPGRADE_LABEL
from .._domain.objectives.budget import budgets
from .._domain.report.cluster import Reading, cluster_report, sick_nodes
from .._domain.upgrade.entry import in_order
from .._domain.views import node_view
from .._kube.server_clock import now_at
from .._kube.session import Session
from .._operation import Context, Operation
from .budget_reading import read_budgets
from .cluster_info import read_facts
from .credential_ends import OF_THIS_RUN, lifetime_of, lifetimes_in
from .gaps import Gaps
from .incident_reading import CONFIGMAPS
from .incident_reading import Reader as IncidentReader
from .model_info import read_models
from .node_health_info import ARGUMENT_SPEC as OF_HEALTH
from .node_health_info import judged

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "contract": {"type": "dict", "required": True},
    "policy": {"type": "dict", "required": True},
    "credential_files": {"type": "list", "elements": "str", "default": []},
}
_JUDGING = {name: option.get("default") for name, option in OF_HEALTH.items() if "default" in option}

Data = Mapping[str, Any]


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read the cluster's facts, without which there is no report of it, and whatever else can be read."""
    contract: Contract = parameters["contract"]
    session = open_session(parameters["connection"], context)
    session.check_expected_cluster()
    facts, gaps = read_facts(session), Gaps()
    files, doubts = lifetimes_in(parameters["credential_files"])
    health = {**_JUDGING, "earlier": None, "snapshot": None, "contract": contract, "policy": parameters["policy"]}
    nothing: list[dict[str, Any]] = []
    findings = gaps.tried("findings", lambda: [one.to_dict() for one in judged(session, health)[1].findings], nothing)
    sick = sick_nodes(findings)
    reading = Reading(
        facts=facts,
        findings=findings,
        traits=gaps.tried("what sick nodes share", lambda: _traits(session, sick), {}) if sick else {},
        models=gaps.tried("revisions of models", lambda: read_models(session), []),
        upgrades=gaps.tried("upgrades of the stack", lambda: _upgrades(session), []),
        incidents=gaps.tried("incidents", lambda: IncidentReader(session, contract).incidents(), []),
        budgets=gaps.tried("error budgets", lambda: read_budgets(session, contract), budgets(contract, None)),
        lifetimes=[*lifetime_of(session.access, OF_THIS_RUN), *files],
        unread=[*doubts, *gaps.told()],
    )
    return {"report": cluster_report(contract, reading, now_at(session).timestamp())}


def _traits(session: Session, names: set[str]) -> dict[str, dict[str, str]]:
    views = map(node_view, session.list_items("/api/v1/nodes"))
    return {view["name"]: node_traits(view) for view in views if view["name"] in names}


def _upgrades(session: Session) -> list[Any]:
    return in_order(session.list_metadata(CONFIGMAPS, {"labelSelector": UPGRADE_LABEL}))


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
