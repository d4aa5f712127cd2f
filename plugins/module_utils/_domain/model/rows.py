# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts and revisions as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Data = Mapping[str, Any]
Row = dict[str, Any]


def rollout_rows(cluster: str, models: Iterable[Data]) -> list[Row]:
    """One row for each model of a run of ``model_rollout``."""
    return [
        {
            "cluster": cluster,
            "model": str(model["name"]),
            "revision": model.get("revision") or "-",
            "result": "failed" if model.get("failed") else "changed" if model["changed"] else "as it was",
            "strategy": model.get("strategy") or "-",
            "gate": model.get("gate") or "-",
            "evidence": str(model.get("evidence") or model.get("why") or model["what"]),
        }
        for model in models
    ]


def model_rows(cluster: str, models: Iterable[Data]) -> list[Row]:
    """One row for each model of ``model_info``."""
    return [
        {
            "cluster": cluster,
            "model": str(model["name"]),
            "revision": model["revision"] or "-",
            "state": model["state"],
            "ready": f"{model['ready']}/{model['replicas']}",
            "status": model["status"],
            "revisions": len(model["revisions"]),
            "last_change": _last_change(model["revisions"]),
        }
        for model in models
    ]


def _last_change(revisions: Sequence[Data]) -> str:
    """What became of the newest revision: that which runs, or one that was tried and rolled back."""
    if not revisions:
        return "-"
    newest = revisions[0]
    failure = f": {newest['failure']}" if newest["failure"] else ""
    return f"{newest['number']} {newest['state']}{failure}"


def revision_rows(cluster: str, models: Iterable[Data]) -> list[Row]:
    """One row for each revision of the models of ``model_info``, newest first."""
    return [
        {
            "cluster": cluster,
            "model": str(model["name"]),
            "revision": revision["number"],
            "state": revision["state"],
            "strategy": revision["strategy"],
            "requested_by": revision["requested_by"],
            "when": revision["when"],
            "reason": _restoring(revision) + revision["reason"],
            "failure": revision["failure"],
        }
        for model in models
        for revision in model["revisions"]
    ]


def _restoring(revision: Data) -> str:
    return f"(restores {revision['restores']}) " if revision["restores"] else ""
