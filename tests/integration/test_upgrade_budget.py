# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack upgrade waits while the error budget of a model is spent. What telemetry says is simulated."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.exporting import Exporter, Tunnel, _ThreadingUnixServer, _way
from tests.integration.guarded import until
from tests.integration.journey import agreed, onboard, ours, play, wipe, without_approvals
from tests.integration.test_budgets import LEFT, SPENT
from tests.integration.upgrades import NO_SOAK, QUICK, REQUESTED_BY, ended, entries, release_of, rollback, stack
from tests.unit.domain.test_budget import answer, begun

OLD, NEW = "2026.11.0", "2026.12.0"
MODEL = "llama-3-1-8b"
PODS = "/api/v1/namespaces/fireworks-system/pods?labelSelector=byoc.fireworks.ai%2Fcomponent%3Dtelemetry"
SPENT_AT_ONCE = answer(budget=0.01, bad_rate1d=0.001, ratio_rate1d=0.02, bad_rate3d=0.001, ratio_rate3d=0.02)
YOUNG = {"data": {"result": [*SPENT_AT_ONCE["data"]["result"], *begun(3600)["data"]["result"]]}}
"""As much failed, and telemetry has measured for an hour."""


@contextmanager
def telemetry_says(cluster: Any) -> Iterator[Any]:
    """A function that says what telemetry's pods, simulated like all others, answer from now on."""
    played, ports = Exporter(""), dict[str, int]()
    tunnel = _ThreadingUnixServer(_way(cluster), type("Way", (Tunnel,), {"ports": ports}))
    threading.Thread(target=tunnel.serve_forever, daemon=True).start()

    def say(found: dict[str, Any]) -> None:
        played.text = json.dumps({"status": "success", **found}).replace('"llama"', f'"{MODEL}"')
        for pod in cluster.request("GET", PODS)["items"]:
            ports[pod["status"]["podIP"]] = played.port

    try:
        yield say
    finally:
        tunnel.shutdown()
        tunnel.server_close()
        played.close()
        Path(_way(cluster)).unlink(missing_ok=True)


@pytest.fixture
def acme(bed: Any) -> Iterator[Any]:
    assert ours(bed["acme"]) == {}
    yield bed["acme"]
    wipe(bed["acme"])


@pytest.mark.soak
def test_an_upgrade_waits_while_a_budget_is_spent_and_its_rollback_does_not(acme: Any, tmp_path: Path) -> None:
    contract = agreed(acme)
    contract["change"], contract["stack"] = without_approvals(), {"release": OLD}
    contract["models"][0]["objectives"] = {"availability": 0.99}
    done = onboard(tmp_path, contract)
    assert done.returncode == 0, done.stdout
    before = stack(acme)
    asked = ("-e", f"release={NEW}", *REQUESTED_BY, *QUICK, *NO_SOAK)

    with telemetry_says(acme) as say:
        say(SPENT)
        planned = play("plan_upgrade", tmp_path, [contract], "-e", f"release={NEW}", *REQUESTED_BY)
        why = f"the error budget is spent of {MODEL} (availability: spent, 2.0 times in 3d)"
        assert why in " ".join(planned.stdout.split()), planned.stdout
        held = play("upgrade", tmp_path, [contract], *asked)
        print(held.stdout[held.stdout.find("\nWaves\n") :])
        assert held.returncode == 0, held.stdout
        assert ended(held, "acme-eu-1")[3:6] == [OLD, "waiting", "error_budget"], held.stdout
        said = " ".join(held.stdout.split())
        assert why in said and "docs/runbooks/error-budget-spent.md" in said, held.stdout
        assert "Action required by: Fireworks" in said, held.stdout
        assert (stack(acme), entries(acme)) == (before, [])

        # As much has failed, but of days nothing is known: that gates nothing.
        for found in (YOUNG, LEFT):
            say(found)
            goes = play("upgrade", tmp_path, [contract], *asked, "--check")
            assert ended(goes, "acme-eu-1")[4:6] == ["would", "change"], goes.stdout
        upgraded = play("upgrade", tmp_path, [contract], *asked)
        assert ended(upgraded, "acme-eu-1")[4] == "done", upgraded.stdout
        assert release_of(acme)["release"] == NEW

        until(lambda: all(pod["status"].get("podIP") for pod in acme.request("GET", PODS)["items"]), "no address")
        say(SPENT)
        back = rollback(tmp_path, [contract], to=OLD)
        assert back.returncode == 0 and release_of(acme)["release"] == OLD, back.stdout
