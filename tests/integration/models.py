# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of a governed testbed cluster, in versions that do what a test wants, and what is left of them afterwards."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.policy import model_changes
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.unit import workload
from demo.contracts import Contract
from tests.integration.ansible_runs import ROOT
from tests.integration.journey import ours
from tests.integration.plays import connection_to, perform, run_tasks

LLAMA = "llama-3-1-8b"
RELEASE = yaml.safe_load((ROOT / "roles/stack/files/releases/2026.11.0/release.yml").read_text())
APPS = "/apis/apps/v1/namespaces/fireworks-models"
CORE = "/api/v1/namespaces/fireworks-models"

Manifest = dict[str, Any]


class Models:
    """What a test may do with the models of one cluster."""

    def __init__(self, cluster: Any, contract: Contract, folder: Path) -> None:
        self.cluster = cluster
        self.contract = contract
        self.folder = folder
        self.connection = connection_to(cluster)

    def version(
        self, context: int, *, name: str = LLAMA, replicas: int = 2, gpus: int = 1, behaviour: str = "", **how: Any
    ) -> Manifest:
        """A model as the module takes it, quick and without requests.

        :param context: its context length, which tells versions apart. :param behaviour: what its pods do (testbed).
        """
        contract = copy.deepcopy(self.contract)
        model = contract["models"][0]
        model |= {"name": name, "context_length": context, "replicas": {"min": replicas, "max": replicas}}
        model["gpu"]["per_replica"] = gpus
        contract["scaling"] = {"max_replicas_per_model": replicas, "max_gpus_per_model": replicas * gpus}
        [change] = model_changes(contract, [name], RELEASE, bake=1)
        if behaviour:
            deployment = workload(change["definition"])
            assert deployment
            # The testbed's marks are of the pod and not of its spec, so the version says that it is another.
            notes = deployment["spec"]["template"]["metadata"]["annotations"]
            notes["testbed/behaviour"] = behaviour
        return {**change, "load_seconds": 30, **how}

    def task(self, *changes: Manifest, http: bool = False, force: bool = False) -> Manifest:
        """The task that rolls these models."""
        given = {"models": list(changes), "requested_by": "alice", "reason": "a test"}
        return {"fireworks.byoc.model_rollout": {**given, "http_request": http, "force_conflicts": force}}

    def roll(self, *changes: Manifest, flags: tuple[str, ...] = (), more: Any = None, **how: Any) -> Manifest:
        """Run ``model_rollout``; ``more`` are keywords of the task, ``how`` options of :meth:`task`."""
        return self._run(self.task(*changes, **how), flags, more)

    def back_to(self, revision: str, *, name: str = LLAMA, **how: Any) -> Manifest:
        """A model as the module takes it to go back."""
        change = self.version(1, name=name, **how)
        del change["definition"]
        return {**change, "revision": revision}

    def info(self, **options: Any) -> Manifest:
        """What ``model_info`` says."""
        result = perform(self.connection, "fireworks.byoc.model_info", **options)
        assert not result.get("failed"), result
        return result

    def revisions(self, name: str = LLAMA) -> list[tuple[int, str]]:
        """Number and state of each revision, oldest first."""
        selector = f"?labelSelector=byoc.fireworks.ai%2Frevision-of%3D{name}"
        items = self.cluster.request("GET", f"{APPS}/controllerrevisions{selector}")["items"]
        return sorted((each["revision"], each["metadata"]["annotations"]["byoc.fireworks.ai/state"]) for each in items)

    def deployment(self, name: str = LLAMA) -> Manifest:
        found: Manifest = self.cluster.request("GET", f"{APPS}/deployments/{name}")
        return found

    def pods(self, name: str = LLAMA) -> list[Manifest]:
        items: list[Manifest] = self.cluster.request("GET", f"{CORE}/pods")["items"]
        return [pod for pod in items if pod["metadata"]["labels"].get("byoc.fireworks.ai/model") == name]

    def whole(self) -> dict[str, str]:
        """Every object of ours with a digest of what was asked for, without the records of revisions."""
        return {place: text for place, text in ours(self.cluster).items() if "controllerrevisions" not in place}

    def retire(self, name: str = LLAMA, flags: tuple[str, ...] = (), more: Any = None) -> Manifest:
        """Run ``model_retire``."""
        return self._run({"fireworks.byoc.model_retire": {"name": name}}, flags, more)

    def retire_all(self) -> None:
        """Take out whatever a test may have left."""
        results = [self.retire(name) for name in (LLAMA, "qwen")]
        assert not [result for result in results if result.get("failed")], results

    def _run(self, task: Manifest, flags: tuple[str, ...], more: Any) -> Manifest:
        """Through ansible-playbook where the task or the run is to have something that only that has."""
        if flags or more:
            return run_tasks(self.folder, self.connection, {**task, **(more or {})}, flags=flags).result
        [(module, options)] = task.items()
        return perform(self.connection, module, **options)
