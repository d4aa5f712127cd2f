# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate between two waves: did enough clusters do well, for long enough?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..._vocabulary.listing import amount
from ..._vocabulary.times import local_time
from ..immunity import held_by_signature, tried
from ..outcome import GOOD, Result
from .approval import moment
from .policy import Policy

Data = Mapping[str, Any]

_THERE, _FAILED_BEFORE = "already_there", "failed_before"
_AS = {_THERE: Result.UNCHANGED, _FAILED_BEFORE: Result.FAILED}


@dataclass(frozen=True)
class Gate:
    """Whether the next wave may begin, why, and when to ask again (None: not before somebody acts)."""

    open: bool
    reason: str
    at: datetime | None


def gate(results: Sequence[Data], wave: int, policy: Policy, now: datetime) -> Gate:
    """Judge a wave by what came of its clusters.

    :param results: the outcomes of all waves so far.
    :param wave: the wave that has just ended.
    :param now: with a time zone.
    """
    own = [result for result in results if result["wave"] == wave]
    failed = [str(result["cluster"]) for result in results if _has_failed(result)]
    failed_here = [str(result["cluster"]) for result in own if _has_failed(result)]
    if len(failed_here) > policy.wave_failures:
        return Gate(False, f"wave {wave} {_failures(failed_here, policy.wave_failures)}", None)
    if len(failed) > policy.fleet_failures:
        return Gate(False, f"the fleet {_failures(failed, policy.fleet_failures)}", None)
    done = [moment(result["ended_at"]) for result in own if _is_there(result)]
    if not done:
        return Gate(False, f"no cluster of wave {wave} has been changed, so nothing is proven yet", None)
    soaked = max(done) + timedelta(seconds=policy.soak)
    if soaked > now:
        return Gate(False, f"wave {wave} soaks until {local_time(soaked)}", soaked)
    return Gate(True, f"wave {wave}: {len(done)} of {len(own)} done, and soaked", now)


def opening(plan: Data, results: Sequence[Data], wave: int, policy: Policy, now: datetime) -> Gate:
    """Whether a wave of a plan may begin, by what came of the waves before it and of earlier runs.

    What earlier runs did the clusters say: which have the release and since when, and in which exactly this one failed.

    :param results: of this run so far, as for :func:`gate`. :param now: with a time zone.
    """
    earlier = list(_earlier(plan))
    if wave > 1:
        return gate([*earlier, *results], wave - 1, policy, now)
    failed = [str(result["cluster"]) for result in earlier if _has_failed(result)]
    if len(failed) > policy.fleet_failures:
        return Gate(False, f"the fleet {_failures(failed, policy.fleet_failures)}", None)
    done = [moment(result["ended_at"]) for result in earlier if result["ended_at"]]
    soaked = max(done, default=now) + timedelta(seconds=policy.soak if done else 0)
    if soaked > now:
        return Gate(False, f"what earlier runs brought soaks until {local_time(soaked)}", soaked)
    return Gate(True, "it is the first wave of this run", now)


def held_in_plan(plan: Data, results: Sequence[Data], cluster: str) -> str:
    """Why a cluster of a plan is held back by what it shares with one on which the change failed; empty where none is.

    :param results: of this run so far. What earlier runs did counts, too.
    """
    signatures = {str(row["cluster"]): row["signature"] for row in plan["clusters"]}
    before = [{**one, "result": _AS[str(one["code"])]} for one in _earlier(plan)]
    return held_by_signature(signatures.get(cluster) or {}, tried([*before, *results], signatures))


def _earlier(plan: Data) -> Iterator[dict[str, Any]]:
    for row in plan["clusters"]:
        if row["code"] in (_THERE, _FAILED_BEFORE):
            ended = row["since"] if row["code"] == _THERE else None
            yield {"cluster": row["cluster"], "wave": 0, "result": "", "code": row["code"], "ended_at": ended}


def _is_there(outcome: Data) -> bool:
    """Whether the cluster has what the rollout brings, whether by this run or an earlier one."""
    return outcome["result"] in GOOD or outcome["code"] == _THERE


def _has_failed(outcome: Data) -> bool:
    return bool(outcome["result"] == Result.FAILED or outcome["code"] == _FAILED_BEFORE)


def _failures(failed: Sequence[str], budget: int) -> str:
    return f"has {amount(len(failed), 'failure')} ({budget} allowed): {', '.join(sorted(failed))}"
