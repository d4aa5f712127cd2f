# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a post becomes: the names of a cluster and a node, or nothing."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
# As ansible-rulebook loads it: by its file.
main = runpy.run_path(str(ROOT / "extensions/eda/plugins/event_filter/sick_node.py"))["main"]


def alert(status: str = "firing", **labels: Any) -> dict[str, Any]:
    named = {"remediate": "true", "cluster": "acme-eu-1", "node": "gpu-7.acme.example", "alertname": "GpuXid", **labels}
    return {"status": status, "labels": {key: value for key, value in named.items() if value is not None}}


def posted(*alerts: Any) -> list[dict[str, Any]]:
    return list(main({"payload": {"alerts": list(alerts)}, "meta": {"headers": {}}}))


ONE = {"cluster": "acme-eu-1", "node": "gpu-7.acme.example", "alert": "GpuXid"}


def test_a_post_becomes_one_event_for_each_node() -> None:
    other = alert(node="gpu-8", alertname="{{ 1 }}")
    assert posted(alert(), alert(alertname="GpuXid"), other) == [
        ONE,
        {"cluster": "acme-eu-1", "node": "gpu-8", "alert": "unnamed"},
    ]


def test_a_plain_post_needs_no_mark_and_brings_nothing_else_along() -> None:
    event = {
        "payload": {"cluster": "c", "node": "n", "hosts": "all", "meta": {"hosts": "all"}},
        "meta": {"hosts": "all"},
    }
    assert main(event) == [{"cluster": "c", "node": "n", "alert": "posted"}]


@pytest.mark.parametrize(
    "one",
    [
        alert("resolved"),
        alert("suppressed"),
        alert(remediate="false"),
        alert(remediate=True),
        alert(remediate=None),
        alert(cluster=None),
        alert(cluster="all"),
        alert(cluster="byoc"),
        alert(node=None),
        alert(node=""),
        alert(node=7),
        alert(node=["gpu-7"]),
        alert(node="gpu-7\n"),
        alert(node="gpu-7 "),
        alert(node="GPU-7"),
        alert(node="{{ lookup('pipe', 'id') }}"),
        alert(node="../gpu-7"),
        alert(node="-gpu"),
        alert(node="n" * 254),
        alert(cluster="byoc:!acme-eu-1"),
        alert(cluster="acme*"),
        alert(cluster="acme.eu"),
        alert(cluster="@file"),
        alert(cluster="a" * 64),
        {"status": "firing"},
        {"status": "firing", "labels": ["remediate"]},
        "firing",
        None,
    ],
)
def test_what_is_no_plain_name_of_something_that_is_wrong_now_is_no_event(one: Any) -> None:
    assert posted(one) == []
    assert posted(one, alert()) == [ONE]


@pytest.mark.parametrize("payload", [None, [], "text", 7, {}, {"alerts": None}, {"alerts": {"a": 1}}, {"cluster": "c"}])
def test_what_has_another_form_is_no_event(payload: Any) -> None:
    assert main({"payload": payload}) == []
    assert main({}) == []
