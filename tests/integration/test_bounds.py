# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the administrator applied binds: under other bounds nothing is changed, whatever the contract on the controller
says, and each clause that differs is named."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.contracts import Contract
from tests.integration.governed import MERGE, PRESETUP, apply_presetup, in_full
from tests.integration.journey import agreed, as_admin, line, onboard, ours, play, wipe, without_approvals
from tests.integration.plays import connection_to, perform

QUICK = ("-e", "validate_http_request=false", "-e", "model_bake=0", "-e", "requested_by=sre@fireworks.example")


@pytest.fixture(scope="module")
def acme(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster that serves one model, with the bounds of its contract in force."""
    cluster = bed["acme"]
    assert ours(cluster) == {}
    done = onboard(tmp_path_factory.mktemp("onboarded"), contract_of(cluster))
    assert done.returncode == 0, done.stdout
    yield cluster
    wipe(cluster)


def contract_of(cluster: Any, context: int = 32768, replicas: int = 4) -> Contract:
    made = agreed(cluster, replicas=1)
    made["models"][0]["context_length"] = context
    made["scaling"] = {**made["scaling"], "max_replicas_per_model": replicas}
    made["change"] = without_approvals()
    return made


def flat(text: str) -> str:
    return " ".join(text.split())


CLAUSE = "scaling.max_replicas_per_model 4 -> 5"


def test_a_change_under_other_bounds_is_refused_and_names_the_clause(acme: Any, tmp_path: Path) -> None:
    other, before = contract_of(acme, 16384, 5), ours(acme)
    planned = play("plan_models", tmp_path, [other], *QUICK)
    assert planned.returncode == 2, planned.stdout
    assert "refused" in line(planned, "PLAN MODELS acme-eu-1"), planned.stdout
    assert CLAUSE in flat(planned.stdout)
    for name, more in (
        ("deploy_models", ()),
        ("retire_model", ("-e", f"model={other['models'][0]['name']}", "-e", "confirm=retire")),
    ):
        refused = play(name, tmp_path, [other], *QUICK, *more)
        assert refused.returncode == 2, refused.stdout
        assert "refused" in line(refused, "acme-eu-1"), refused.stdout
        said = flat(refused.stdout)
        assert CLAUSE in said
        assert "fireworks.byoc.presetup" in said
        assert "Action required by: customer" in said
    assert ours(acme) == before
    shown = play("status", tmp_path, [other])
    assert CLAUSE in flat(shown.stdout), shown.stdout


@pytest.mark.soak
def test_what_the_administrator_applies_is_in_force_and_the_change_goes(acme: Any, tmp_path: Path) -> None:
    other = contract_of(acme, 8192, 5)
    planned = play("plan_presetup", tmp_path, [other], *as_admin(acme))
    assert "scaling.max_replicas_per_model" in planned.stdout
    applied = play("presetup", tmp_path, [other], *as_admin(acme))
    assert applied.returncode == 0, applied.stdout
    done = play("deploy_models", tmp_path, [other], *QUICK)
    assert "done" in line(done, "acme-eu-1"), done.stdout
    again = play("presetup", tmp_path, [other], *as_admin(acme))
    assert "unchanged" in line(again, "acme-eu-1"), again.stdout


def test_a_remediation_under_other_bounds_does_nothing_and_older_prerequisites_bind_nothing(acme: Any) -> None:
    contract = in_full(acme, contract_of(acme, 8192))
    apply_presetup(acme, contract)
    asked = {"contract": contract, "findings": []}
    here = connection_to(acme)
    assert not perform(here, "fireworks.byoc.node_remediation", **asked).get("failed")
    other = copy.deepcopy(contract)
    other["actions"] = {**contract["actions"], "drain": "auto", "reboot": "auto"}
    refused = perform(here, "fireworks.byoc.node_remediation", **{**asked, "contract": other})
    assert (refused["code"], refused["owner"]) == ("other_bounds", "customer")
    assert 'actions.reboot "never" -> "auto"' in refused["what"]
    acme.request("PATCH", PRESETUP, {"metadata": {"annotations": {"byoc.fireworks.ai/bounds": None}}}, MERGE)
    assert not perform(here, "fireworks.byoc.node_remediation", **{**asked, "contract": other}).get("failed")
