# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no answer of the API server's, at each place where an operation asks: nothing is concluded from it.

Each operation runs once against a real API server. Then it gets the same answers again, once for each place and each
falsehood: a login page, half of the answer, another kind; with status 200, as whatever is on the way would send it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from tests.integration.governed import governed
from tests.integration.models import LLAMA, Models
from tests.integration.plays import connection_to, perform_tasks
from tests.integration.rehearsed import Falsify, Rehearsed
from tests.integration.remediating import ALLOWED, MODULE, finding
from tests.integration.remediating import task as remediation
from tests.integration.test_node_health import info as health
from tests.integration.troubles import LOGIN, OTHER_KIND

FALSE: dict[str, Falsify] = {
    "a login page": lambda _body: LOGIN,
    "half of it": lambda body: body[: len(body) // 2],
    "another kind": lambda _body: OTHER_KIND,
}
_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "false", "namespace": "default"},
    "data": {"a": "1"},
}
_SET = {"name": "false-answers", "namespace": "default"}


REMEDIATING = {"actions": ALLOWED, "remediation": {"drain_deadline": "60s", "healthy_for": "3s"}}


@pytest.fixture(scope="module")
def models(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    """A governed cluster that serves a model."""
    cluster = bed["acme"]
    with governed(cluster, **REMEDIATING) as contract:
        made = Models(cluster, contract, tmp_path_factory.mktemp("models"))
        rolled = made.roll(made.version(32768))
        assert not rolled.get("failed"), rolled
        yield made
        made.retire_all()


def lock(**more: Any) -> dict[str, Any]:
    return {"fireworks.byoc.operation_lock": {"run_id": "one", "holder": "me", "purpose": "upgrade", **more}}


def remediated(models: Models, *findings: dict[str, Any]) -> dict[str, Any]:
    """By the contract whose bounds are in force."""
    [asked] = remediation(*findings).values()
    return {MODULE: {**asked, "contract": {**models.contract, "models": []}}, "check_mode": True}


OPERATIONS: dict[str, Callable[[Models], dict[str, Any]]] = {
    "cluster_info": lambda _models: {"fireworks.byoc.cluster_info": {"can_i": [{"verb": "list", "resource": "nodes"}]}},
    "footprint_info": lambda _models: {"fireworks.byoc.footprint_info": {}},
    "token_audience_info": lambda _models: {"fireworks.byoc.token_audience_info": {}},
    "set_info": lambda models: {
        "fireworks.byoc.set_info": {"name": "presetup", "definition": presetup_objects(models.contract)}
    },
    "model_info": lambda _models: {"fireworks.byoc.model_info": {}},
    "access_info": lambda models: {
        "fireworks.byoc.access_info": {"expectations": access_expectations(models.contract)}
    },
    "node_health_info": lambda models: health(models.cluster),
    "node_remediation, without a finding": remediated,
    "node_remediation, with one": lambda models: remediated(models, finding()),
    "model_retire": lambda _models: {"fireworks.byoc.model_retire": {"name": LLAMA}, "check_mode": True},
    "model_rollout, nothing to do": lambda models: {**models.task(models.version(32768)), "check_mode": True},
    "model_rollout, a new version": lambda models: {**models.task(models.version(16384)), "check_mode": True},
    "apply_set": lambda _models: {"fireworks.byoc.apply_set": {**_SET, "definition": [_MAP]}},
    "apply_set, absent": lambda _models: {"fireworks.byoc.apply_set": {**_SET, "state": "absent"}},
    "operation_lock": lambda _models: lock(),
    "operation_lock, absent": lambda _models: lock(state="absent"),
}  # fmt: skip


def is_open(clean: dict[str, Any], result: dict[str, Any]) -> bool:
    """Whether a result concludes nothing from what was no answer.

    It says so; or each step that it tried failed for it; or what is asked through the API server's proxy counts as
    silent, which in the testbed it is anyway.
    """
    if result["failed"]:
        return bool(result["error"] == "NotAnAnswerError")
    if steps := result.get("taken"):
        return all(step["failed"] and "not from the API server" in step["result"] for step in steps)
    told, silent = (
        sorted((one["fault"], one["node"]) for one in each.get("findings") or ()) for each in (result, clean)
    )
    return bool(silent) and told == silent


@pytest.mark.soak(sample=2)
@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_is_concluded_from_what_is_no_answer(
    models: Models, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, connection = OPERATIONS[name](models), connection_to(models.cluster)
    heard = Rehearsed(monkeypatch)
    clean = perform_tasks(tmp_path, connection, task).result
    assert not clean["failed"], clean
    assert heard.places
    wrong = []
    for place, (falsehood, make) in itertools.product(heard.places, FALSE.items()):
        heard.falsify(place, make)
        result = perform_tasks(tmp_path, connection, task).result
        if heard.unheard_of or not is_open(clean, result):
            told = json.dumps(result, sort_keys=True)[:300]
            wrong.append(f"{place}: {falsehood}: {', '.join(heard.unheard_of)} {told}")
    print(f"{len(heard.places)} places, {len(FALSE)} falsehoods each")
    assert not wrong, "\n".join(wrong)
