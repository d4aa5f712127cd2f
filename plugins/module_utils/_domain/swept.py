# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sweep keeps of a cluster, made where it was read, as little as is shown.

Of each: ``result`` is that of the operation, or its failure; it ``began`` to be read, and ``now`` that is over. What is
large is a text: Ansible looks at each part of a mapping or list, and there are a thousand clusters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .access.eviction_grant import grant_line
from .contract.typed import Contract
from .drift import drift
from .guardrails.clock import clock_ends
from .health.report import health_blocks, health_failure, health_rows
from .presetup_version import older_presetup
from .report.cluster import unreachable
from .rollout.live import live_state
from .status import status_row
from .summary import read_outcome

Data = Mapping[str, Any]


def swept_status(
    contract: Contract, result: Data, began: str, now: str, there: Data, releases: Sequence[Data]
) -> dict[str, Any]:
    """For the status of a fleet: the ``outcome``, the ``row``, with what differs from the contract before the reason,
    and the lines on ``older_presetup``, ``evictions`` and ``clock_ends``, empty where there is nothing to say.

    :param there: what is ``installed``, and ``releases`` those of it that are known.
    """
    facts = result.get("facts") or {}
    name = str(contract["identity"]["name"])
    row = status_row(contract, facts, str(result.get("msg") or ""))
    reason = row.pop("reason")
    differs = "; ".join(each["what"] for each in drift(contract, there, releases))
    return {
        "outcome": read_outcome(contract, result, began, now),
        "row": {**row, "drift": differs or "-", "reason": reason},
        "older_presetup": older_presetup(name, facts.get("presetup_version")),
        "evictions": grant_line(facts.get("annotations") or {}, name, now),
        "clock_ends": clock_ends(contract, datetime.fromisoformat(now)),
    }


def swept_upgrade(
    contract: Contract, result: Data, began: str, now: str, durations: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """For the plan of an upgrade: the ``outcome``, and the ``cluster`` as the text of a mapping.

    :param durations: seconds that past upgrades took, by cluster.
    """
    live = live_state(contract, result.get("facts"), result, durations.get(contract["identity"]["name"], ()))
    return {
        "outcome": read_outcome(contract, result, began, now),
        "cluster": json.dumps({"contract": contract, "live": live}),
    }


def swept_health(
    contract: Contract, result: Data, began: str, now: str, fail_on: str, show: str, whole: bool
) -> dict[str, Any]:
    """For the health of a fleet: the ``outcome``, the ``rows`` and ``blocks`` of the findings, and the ``health``.

    :param fail_on: the severity that fails, and ``show`` the least one that is shown. :param whole: keep all of it.
    """
    short = {"findings": result.get("findings") or [], "summary": result.get("summary") or {}}
    return {
        "outcome": read_outcome(contract, result, began, now, health_failure([result], fail_on)),
        "rows": health_rows(contract, result, str(result.get("msg") or ""), show),
        "blocks": health_blocks(contract, result, show),
        "health": result if whole else short,
    }


def swept_logs(contract: Contract, result: Data, began: str, now: str) -> dict[str, Any]:
    """For the logs of a fleet: the ``outcome``, the ``lines`` as one text, the pods ``left_out``, each with why,
    and how many lines were ``redacted``."""
    name = contract["identity"]["name"]
    return {
        "outcome": read_outcome(contract, result, began, now, unproven=result.get("unread") or ()),
        "lines": "\n".join(result.get("lines") or ()),
        "left_out": [f"{name}: {each}" for each in result.get("left_out") or ()],
        "redacted": result.get("redacted") or 0,
    }


def swept_report(contract: Contract, result: Data, began: str, now: str) -> dict[str, Any]:
    """For the report of a fleet: the ``outcome``, and the cluster's ``part`` and ``contract`` as texts."""
    part = result.get("report") or {}
    return {
        "outcome": read_outcome(contract, result, began, now, unproven=part.get("unread") or ()),
        "part": json.dumps(part or unreachable(contract, str(result.get("msg") or "no answer"))),
        "contract": json.dumps(contract),
    }
