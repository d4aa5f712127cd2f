# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether quotas leave room for an upgrade."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.upgrade.room import shortages


def deployment(
    replicas: int = 2, cpu: str = "500m", *, surge: Any = 1, image: str = "a", **spec: Any
) -> dict[str, Any]:
    container = {"image": image, "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}, "limits": {"memory": "2Gi"}}}
    rolling = {"type": "RollingUpdate", "rollingUpdate": {} if surge is None else {"maxSurge": surge}}
    made = {"replicas": replicas, "strategy": rolling, "template": {"spec": {"containers": [container]}}, **spec}
    return {"spec": made}


def quota(used: dict[str, str] | None = None, *, spec: dict[str, Any] | None = None, **hard: str) -> dict[str, Any]:
    named = {name.replace("_", "."): value for name, value in hard.items()}
    taken = {name.replace("_", "."): value for name, value in (used or {}).items()}
    return {"metadata": {"name": "theirs"}, "spec": {"hard": named, **(spec or {})}, "status": {"used": taken}}


OLD, NEW = deployment(), deployment(image="b")
UPDATED = [(OLD, NEW)]


@pytest.mark.parametrize(
    ("steps", "hard", "used", "more"),
    [
        # A surge of one, beside what is there.
        (UPDATED, {"pods": "5"}, {"pods": "4"}, None),
        (UPDATED, {"pods": "4"}, {"pods": "4"}, "0 of pods left, and while it is updated the stack takes 1 more"),
        (UPDATED, {"requests_cpu": "1400m"}, {"requests_cpu": "1"}, "0.4 of requests.cpu left, .* takes 0.5 more"),
        (UPDATED, {"limits_memory": "5Gi"}, {"limits_memory": "4Gi"}, "limits.memory left"),
        (UPDATED, {"memory": "3Gi"}, {"memory": "2Gi"}, None),
        (UPDATED, {"cpu": "1"}, {}, None),
        # Nothing of it restarts.
        ([(OLD, OLD)], {"pods": "4"}, {"pods": "4"}, None),
        # It is replaced in place.
        ([(OLD, deployment(image="b", strategy={"type": "Recreate"}))], {"pods": "4"}, {"pods": "4"}, None),
        # A quarter, rounded up, unless it says otherwise.
        ([(OLD, deployment(image="b", surge=None))], {"pods": "4"}, {"pods": "4"}, "takes 1 more"),
        ([(deployment(10), deployment(10, image="b", surge="50%"))], {"pods": "14"}, {"pods": "10"}, "takes 5 more"),
        # What is new has no surge; what is removed later is still there.
        ([({}, NEW)], {"pods": "6"}, {"pods": "4"}, None),
        ([({}, NEW)], {"pods": "5"}, {"pods": "4"}, "takes 2 more"),
        # One after the other: what the first one takes, the second finds taken.
        ([({}, NEW), (OLD, NEW)], {"pods": "6"}, {"pods": "4"}, "takes 3 more"),
        ([(deployment(3), deployment(1)), (OLD, NEW)], {"pods": "5"}, {"pods": "5"}, None),
        ([(OLD, deployment(2, "1"))], {"cpu": "2"}, {"cpu": "1"}, "takes 2 more"),
        # Nothing of a pod, or not what we can know.
        (UPDATED, {"services": "0"}, {}, None),
        ([], {"pods": "0"}, {}, None),
        ([({}, {})], {"cpu": "0", "count/pods": "0"}, {}, "count/pods left, .* takes 1 more"),
    ],
)  # fmt: skip
def test_what_a_quota_leaves(steps: list[Any], hard: dict[str, str], used: dict[str, str], more: str | None) -> None:
    import re

    found = shortages(steps, [quota(used, **hard)])
    assert len(found) == (more is not None), found
    assert re.search(more or "", "".join(found))


def test_the_hungriest_init_container_counts_where_it_is_more() -> None:
    made = deployment(1)
    made["spec"]["template"]["spec"]["initContainers"] = [{"resources": {"requests": {"cpu": "3"}}}, {}]
    assert "takes 3 more" in shortages([({}, made)], [quota(cpu="1")])[0]


@pytest.mark.parametrize("scoped", [{"scopes": ["BestEffort"]}, {"scopeSelector": {"matchExpressions": []}}])
def test_a_quota_for_some_pods_only_is_left_aside(scoped: dict[str, Any]) -> None:
    assert shortages([({}, NEW)], [quota(spec=scoped, pods="0")]) == []


def test_a_quota_that_nobody_has_counted_yet_is_mistaken_for_unused() -> None:
    bare = quota(pods="1")
    del bare["status"]
    assert len(shortages([({}, NEW)], [bare])) == 1
    assert shortages([({}, NEW)], [{"metadata": {"name": "empty"}}]) == []
