# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that others wrote, nested without end: it is read as what is no JSON, and ends nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.incident import incident_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import (
    BOUNDS_ANNOTATION,
    HISTORY_ANNOTATION,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.node_history import UNREADABLE, judged
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import remembered_bounds
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.registry_login import (
    UnreadableConfigError,
    login_for,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.kept_approvals import (
    UnreadableApprovalsError,
    kept_approvals,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.others_json import read_json

DEEP = "[" * 100_000
UTILS = Path(__file__).parents[3] / "plugins" / "module_utils"
#: What is read there was written by this collection, in this process or into its own objects.
OF_OURS = {
    *("_domain/calendar_doubts.py", "_domain/model/revision.py", "_domain/model/unit.py", "_domain/router/compiled.py"),
    *("_domain/access/kubeconfig.py", "_domain/access/merged_kubeconfig.py", "_domain/presetup/render.py"),
    *("_domain/rollout/calendar.py", "_domain/upgrade/entry.py", "_operations/node_health_info.py"),
    *("_kube/applied.py", "_kube/compare.py", "_operations/records_info.py"),
    # They read what is nested in ways of their own.
    *("_domain/audit_log/lines.py", "_kube/exec_answer.py", "_kube/plain_yaml.py"),
    "_vocabulary/others_json.py",
}


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 100_000, "", "{", "NaN1"])
def test_what_is_no_json_is_one_error(text: str) -> None:
    with pytest.raises(ValueError):
        read_json(text)


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (lambda: judged({HISTORY_ANNOTATION: DEEP})[0]["state"], UNREADABLE),
        (lambda: remembered_bounds({BOUNDS_ANNOTATION: DEEP}), {}),
        (lambda: incident_of({"metadata": {"name": "incident-1"}, "data": {"1": DEEP}}).entries[0]["did"], "noted"),  # type: ignore[union-attr]
    ],
)
def test_an_annotation_that_is_nested_without_end_is_one_that_cannot_be_read(
    read: Callable[[], Any], found: Any
) -> None:
    assert read() == found


def test_what_is_refused_where_it_is_no_json_is_refused_where_it_has_no_end() -> None:
    with pytest.raises(UnreadableApprovalsError):
        kept_approvals(DEEP)
    with pytest.raises(UnreadableConfigError):
        login_for(DEEP, "registry.example")


def test_json_of_others_is_read_in_one_place() -> None:
    readers = {
        path.relative_to(UTILS).as_posix()
        for path in UTILS.rglob("*.py")
        if re.search(r"\bjson\.loads\(", path.read_text(encoding="utf-8"))
    }
    assert readers == OF_OURS, "read what others wrote by _vocabulary/others_json.py"
