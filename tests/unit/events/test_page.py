# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a post becomes for incidents: what pages, by names and words that are known, and nothing else."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
# As ansible-rulebook loads it: by its file.
main = runpy.run_path(str(ROOT / "extensions/eda/plugins/event_filter/page.py"))["main"]
LABELS = {
    "alertname": "GpuXid",
    "severity": "critical",
    "owner": "customer",
    "contact": "capacity",
    "cluster": "acme-eu-1",
}


def alert(status: str = "firing", starts: Any = "2026-11-29T21:00:00.123Z", **labels: Any) -> dict[str, Any]:
    named = {**LABELS, "node": "gpu-7", **labels}
    return {
        "status": status,
        "startsAt": starts,
        "labels": {key: value for key, value in named.items() if value is not None},
    }


def posted(*alerts: Any) -> list[dict[str, Any]]:
    return list(main({"payload": {"alerts": list(alerts)}, "meta": {"headers": {}}}))


def test_a_rack_of_nodes_with_one_alert_is_one_event() -> None:
    nodes = [f"gpu-{number}" for number in range(150)]
    later = [alert(node=node, starts="2026-11-29T23:05:00+01:00") for node in nodes]
    [one] = posted(*later, alert(node="gpu-3"))
    assert one == {
        "cluster": "acme-eu-1",
        "nodes": nodes,
        "model": "",
        "component": "",
        "alert": {
            "alertname": "GpuXid",
            "severity": "critical",
            "owner": "customer",
            "contact": "capacity",
            "since": "2026-11-29T21:00:00Z",
        },
    }


def test_each_cluster_alert_and_model_is_an_event_of_its_own() -> None:
    burns = alert(alertname="ObjectiveBurnsFast", node=None, model="llama", owner="fireworks", contact=None)
    found = posted(
        alert(), alert(cluster="birch"), burns, alert(alertname="ComponentDown", node=None, deployment="router")
    )
    assert [(one["cluster"], one["nodes"], one["model"], one["component"]) for one in found] == [
        ("acme-eu-1", ["gpu-7"], "", ""),
        ("birch", ["gpu-7"], "", ""),
        ("acme-eu-1", [], "llama", ""),
        ("acme-eu-1", [], "", "router"),
    ]
    assert found[2]["alert"]["contact"] == "support"


LOOKUP = "{{ lookup('pipe', 'id') }}"


@pytest.mark.parametrize(
    "one",
    [
        alert("resolved"),
        alert(severity="warning"),
        alert(severity=None),
        alert(cluster="byoc"),
        alert(cluster="all"),
        alert(cluster=None),
        alert(cluster="a:!b"),
        alert(cluster=LOOKUP),
        alert(alertname=LOOKUP),
        alert(alertname=None),
        {"status": "firing", "labels": "none"},
        "no alert",
    ],
    ids=str,
)
def test_what_does_not_page_or_names_nothing_plainly_is_dropped(one: Any) -> None:
    assert posted(one) == []


def test_of_a_post_nothing_passes_but_names_moments_and_known_words() -> None:
    hostile = {
        "node": LOOKUP,
        "model": "../../x",
        "deployment": 7,
        "owner": LOOKUP,
        "contact": "everybody",
        "more": LOOKUP,
    }
    [one] = posted(alert(starts=LOOKUP, **hostile))
    assert "{{" not in str(one) and one["nodes"] == [] and one["model"] == one["component"] == ""
    assert (one["alert"]["owner"], one["alert"]["contact"], one["alert"]["since"]) == ("fireworks", "support", "")


@pytest.mark.parametrize(
    "event", [{}, {"payload": None}, {"payload": []}, {"payload": {"alerts": "x"}}, {"payload": {}}]
)
def test_a_post_of_another_form_is_nothing(event: dict[str, Any]) -> None:
    assert main(event) == []
