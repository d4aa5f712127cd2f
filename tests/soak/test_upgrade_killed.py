# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade (``fireworks.byoc.stack_upgrade``) killed anywhere is whole after the next run, on either release."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible_runs import ROOT
from tests.integration.guarded import until
from tests.integration.killing import begin, kill_after
from tests.integration.plays import connection_to, run_tasks
from tests.integration.upgrades import NAMESPACE, entries, release_of

SEED = 20261126
KILLS = 20
# Every so many-th run brings a release that does not pass, so that a rollback is killed too.
CRASHES = 4
_DRIVER = """
import json, sys
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.stack_upgrade import OPERATION
checked = ArgumentSpecValidator(dict(OPERATION.argument_spec), **OPERATION.rules).validate(json.load(open(sys.argv[1])))
assert not checked.error_messages, checked.error_messages
print("begun", flush=True)
print(json.dumps(OPERATION.attempt(checked.validated_parameters, Context(False, False, print))), flush=True)
"""
_KINDS = ("/api/v1/namespaces/fireworks-system/configmaps", "/api/v1/namespaces/fireworks-system/services",
          "/apis/apps/v1/namespaces/fireworks-system/deployments")  # fmt: skip


def _meta(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": "fireworks-system"}


def _config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(name), "data": data}


def _deployment(name: str, edition: str, behaviour: str = "") -> dict[str, Any]:
    labels = {"byoc.fireworks.ai/component": name}
    notes = {"edition": edition, "testbed/behaviour": behaviour, "testbed/load-seconds": "0.3"}
    pod = {"containers": [{"name": "it", "image": "it:1"}], "tolerations": [{"operator": "Exists"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**_meta(name), "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": notes}, "spec": pod},
        },
    }


def release(edition: str, *, crash: bool = False) -> list[dict[str, Any]]:
    """Two releases, ``a`` and ``b``: what serves changes, b has something more, a something else."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(f"only-{edition}"),
        "spec": {"ports": [{"port": 80}]},
    }
    return [
        {"name": "config", "definition": [_config("config", edition=edition, **{f"only-{edition}": "1"})]},
        {"name": "web", "definition": [_deployment("web", edition)]},
        {"name": "more", "definition": [service, _deployment(f"more-{edition}", edition, "crash" if crash else "")]},
    ]


class Runs:
    """Upgrades of one cluster, each in a process of its own that can be killed."""

    def __init__(self, cluster: Any, folder: Path) -> None:
        self.cluster = cluster
        self.file = folder / "arguments.json"
        self.began = 0.0

    def run(self, edition: str, *, crash: bool = False, after: float = 600.0) -> dict[str, Any] | None:
        """The result; None when it was killed so many seconds after it had begun."""
        given = {
            "connection": connection_to(self.cluster),
            "release": f"2026.{1 if edition == 'a' else 2}.0",
            "release_digest": f"{edition}-{crash}",
            "components": release(edition, crash=crash),
            "requested_by": "a test",
            "retry": True,
            "bake": 1,
            "component_timeout": 20,
            "deadline": 30,
        }
        self.file.write_text(json.dumps(given))
        driver = [sys.executable, "-c", _DRIVER, str(self.file)]
        running = begin(driver, {**os.environ, "PYTHONPATH": str(ROOT / ".collections")})
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        self.began = time.monotonic()
        if kill_after(running, after):
            return None
        found: dict[str, Any] = json.loads(running.stdout.read().splitlines()[-1])
        return found

    def timed(self, edition: str, *, crash: bool = False) -> float:
        """How long a whole run is at work, in seconds."""
        assert bool(self.run(edition, crash=crash).get("failed")) is crash  # type: ignore[union-attr]
        return time.monotonic() - self.began

    def objects(self) -> dict[str, Any]:
        """Every object of the set as it is asked for, and nothing else that is there."""
        found = {}
        for path in _KINDS:
            for item in self.cluster.request("GET", path)["items"]:
                labels = item["metadata"].get("labels") or {}
                if "applyset.kubernetes.io/part-of" not in labels:
                    continue
                spec = {k: v for k, v in (item.get("spec") or {}).items() if k not in ("clusterIP", "clusterIPs")}
                found[f"{path}/{item['metadata']['name']}"] = (labels, spec, item.get("data"))
        return found


@dataclass
class Course:
    """Where the kills have brought the cluster, and what they go by."""

    seconds: dict[bool, float]
    """How long a whole run takes, and one that fails."""
    wholes: dict[str, dict[str, Any]]
    now: str
    interrupted: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def runs(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """A cluster with release a, in the smallest namespace."""
    cluster, folder = bed["cedar"], tmp_path_factory.mktemp("runs")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fireworks-system"}}
    cluster.request("POST", "/api/v1/namespaces", namespace)
    try:
        first = {
            "name": "stack",
            "definition": [one for part in release("a") for one in part["definition"]],
            "annotations": {"byoc.fireworks.ai/release": "2026.1.0"},
        }
        done = run_tasks(folder, connection_to(cluster), {"fireworks.byoc.apply_set": first}).result
        assert not done.get("failed"), done
        yield Runs(cluster, folder)
    finally:
        cluster.request("DELETE", NAMESPACE)

        def gone() -> bool:
            found = cluster.request("GET", "/api/v1/namespaces")["items"]
            return "fireworks-system" not in {item["metadata"]["name"] for item in found}

        until(gone, "the namespace is still there")


@pytest.fixture(scope="module")
def course(runs: Runs) -> Iterator[Course]:
    """The cluster on release b, after one run of each kind that nobody killed."""
    wholes = {"a": runs.objects()}
    seconds = {False: runs.timed("b")}
    wholes["b"] = runs.objects()
    seconds[True] = runs.timed("a", crash=True)
    assert runs.objects() == wholes["b"], "what failed was not put back object for object"
    print(f"seed {SEED}; a run takes {seconds[False]:.1f} s, one that fails {seconds[True]:.1f} s")
    made = Course(seconds, wholes, "b")
    yield made
    # Where a run that fails was at depends on the machine's mood: on its way there, on its way back, or through.
    if len(made.interrupted) == KILLS:
        assert "pending" in made.interrupted, made.interrupted


def _kill(runs: Runs, course: Course, number: int, *, crash: bool) -> None:
    chance = random.Random(f"{SEED}-{number}")  # noqa: S311
    other = "a" if course.now == "b" else "b"
    after = (number + chance.random()) / KILLS * course.seconds[crash]
    killed = runs.run(other, crash=crash, after=after) is None
    left = entries(runs.cluster)[-1][2]
    course.interrupted.append(left if killed else "ended")
    done = runs.run(other, crash=crash)
    assert done is not None
    state = f"killed at {after:.2f} s ({left if killed else 'it had ended'}), then {done.get('action') or done['msg']}"
    print(f"{number + 1:2} {course.now} -> {other}{' (fails)' if crash else ''}: {state}")
    assert bool(done.get("failed")) is crash, state
    course.now = course.now if crash else other
    assert runs.objects() == course.wholes[course.now], f"a mix: {state}"
    marks = release_of(runs.cluster)
    assert marks["release"] == f"2026.{1 if course.now == 'a' else 2}.0", state
    assert "release-unfinished" not in marks, state
    assert entries(runs.cluster)[-1][2] == ("failed" if crash else "good"), state


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("number", [number for number in range(KILLS) if number % CRASHES != CRASHES - 1])
def test_killed_anywhere_it_is_whole_after_the_next_run(runs: Runs, course: Course, number: int) -> None:
    _kill(runs, course, number, crash=False)


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("number", range(CRASHES - 1, KILLS, CRASHES))
def test_killed_on_its_way_back_it_is_whole_after_the_next_run(runs: Runs, course: Course, number: int) -> None:
    _kill(runs, course, number, crash=True)
