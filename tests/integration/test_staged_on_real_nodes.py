# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Staged weights on real nodes, with the program in real containers: eight replicas are one download, nothing is asked
for afterwards, and a flipped byte never serves. The Hub is a stand-in, and so is the engine."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.policy import model_changes
from byoc_testbed import ClusterSpec, Testbed
from tests.beds import h100
from tests.integration.ansible_runs import ROOT
from tests.integration.governed import governed, in_full
from tests.integration.guarded import until
from tests.integration.models import CORE, LLAMA, RELEASE, Models
from tests.integration.serving import ON_REAL_NODES, serving_cluster
from tests.unit.hub import FILES, REPOSITORY, REVISION

pytestmark = [pytest.mark.slow, pytest.mark.soak, ON_REAL_NODES]

PYTHON, LIBRARY = "/usr/bin/python3", Path("/usr/lib/python3.11")
HUB, PORT, REPLICAS = "198.18.0.1", 8999, 8
CLAIM, SECONDS = "staged", 240.0
Manifest = dict[str, Any]


def with_python(spec: ClusterSpec, folder: Path) -> ClusterSpec:
    """The cluster with a Python in the images of engines, as real ones have."""
    packed = folder / "python311.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in LIBRARY.rglob("*.py"):
            if not {"test", "tests", "dist-packages", "idlelib"} & set(path.parts):
                archive.write(path, path.relative_to(LIBRARY))
    files = {"usr/local/lib/python311.zip": packed}

    def equipped(image: Any) -> Any:
        environment = {**image.environment, "PYTHONHOME": "/usr/local"}
        return replace(image, tools=(*image.tools, PYTHON), files=files, environment=environment)

    images = [equipped(each) if "vllm" in each.name else each for each in spec.images]
    return replace(spec, images=images)


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    spec = with_python(serving_cluster("acme", [h100(2, 4, "aws")], {}), tmp_path_factory.mktemp("python"))
    with Testbed.start([spec]) as bed:
        yield bed["acme"]


@contextmanager
def hub(cluster: Any, log: Path) -> Iterator[None]:
    """A Hub beside the control plane, whose requests are counted."""
    command = cluster.real.in_hub([sys.executable, "-m", "tests.unit.hub", HUB, str(PORT), str(log)])
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            until(log.exists, "the Hub does not serve")
            yield
        finally:
            process.kill()


def claimed(cluster: Any, folder: Path) -> None:
    """A volume that all nodes share."""
    folder.chmod(0o777)
    modes = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeMode": "Filesystem"}
    place = {"hostPath": {"path": str(folder)}, "capacity": {"storage": "1Gi"}}
    ref = {"claimRef": {"namespace": "fireworks-models", "name": CLAIM}}
    volume = {"metadata": {"name": CLAIM}, "spec": {**modes, **place, **ref}}
    cluster.request("POST", "/api/v1/persistentvolumes", volume)
    asked = {"resources": {"requests": {"storage": "1Gi"}}, "volumeName": CLAIM}
    cluster.request("POST", f"{CORE}/persistentvolumeclaims", {"metadata": {"name": CLAIM}, "spec": {**modes, **asked}})


def version(models: Models) -> Manifest:
    [change] = model_changes(models.contract, [LLAMA], RELEASE, bake=1)
    [job] = [each for each in change["definition"] if each["kind"] == "Job"]
    [container] = job["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "HF_ENDPOINT", "value": f"http://{HUB}:{PORT}"}]
    return {**change, "load_seconds": 120}


def ready(models: Models) -> list[Manifest]:
    return [each for each in models.pods() if any(
        c["type"] == "Ready" and c["status"] == "True" for c in each["status"].get("conditions", ())
    ) and not each["metadata"].get("deletionTimestamp")]  # fmt: skip


def test_eight_replicas_are_one_download_and_a_flipped_byte_never_serves(acme: Any, tmp_path: Path) -> None:
    volume, log = tmp_path / "volume", tmp_path / "hub.log"
    volume.mkdir()
    tmp_path.chmod(0o755)
    model = in_full(acme)["models"][0]
    model |= {"source": {"uri": f"hf://{REPOSITORY}", "revision": REVISION}, "replicas": {"min": 8, "max": 8}}
    model["weights_cache"] = {"claim": CLAIM, "stage": True}
    scaling = {"max_replicas_per_model": 8, "max_gpus_per_model": 8}
    with governed(acme, scaling=scaling, models=[model]) as contract, hub(acme, log):
        claimed(acme, volume)
        models = Models(acme, contract, tmp_path)
        rolled = models.roll(version(models), http=True)
        assert not rolled.get("failed"), rolled
        assert len(ready(models)) == REPLICAS
        asked = Counter(line.rpartition("/")[2].strip() for line in log.read_text().splitlines() if "/files/" in line)
        assert asked == dict.fromkeys(FILES, 1), "8 replicas are 1 download"
        after = log.read_text()

        [folder] = [path for path in volume.iterdir() if path.is_dir()]
        flipped = folder / "config.json"
        data = bytearray(flipped.read_bytes())
        data[1] ^= 1
        flipped.write_bytes(data)
        one = ready(models)[0]["metadata"]["name"]
        acme.request("DELETE", f"{CORE}/pods/{one}")

        def refused() -> list[str]:
            statuses = [each["status"].get("initContainerStatuses") or [{}] for each in models.pods()]
            ended = [(one.get("lastState") or {}).get("terminated") or {} for [one] in statuses]
            return [str(each["message"]) for each in ended if each.get("exitCode") == 1]

        until(lambda: refused(), "the replica with a flipped byte is not refused", SECONDS)
        assert "config.json in " in refused()[0]
        assert "is not what was staged, and nothing is served from it" in refused()[0]
        assert len(ready(models)) == REPLICAS - 1
        data[1] ^= 1
        flipped.write_bytes(data)
        until(lambda: len(ready(models)) == REPLICAS, "the replica does not come back", SECONDS)
        old = {each["metadata"]["uid"] for each in models.pods()}
        for each in models.pods():
            acme.request("DELETE", f"{CORE}/pods/{each['metadata']['name']}")
        until(
            lambda: len(fresh := ready(models)) == REPLICAS and not old & {each["metadata"]["uid"] for each in fresh},
            "the replicas do not start again",
            SECONDS,
        )
        assert log.read_text() == after, "17 starts after the Job, and nobody asked the Hub for anything"
        retired = models.retire()
        assert not retired.get("failed"), retired
        acme.request("DELETE", f"/api/v1/persistentvolumes/{CLAIM}")
