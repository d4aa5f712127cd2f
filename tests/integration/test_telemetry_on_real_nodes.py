# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What telemetry has measured outlives its pod on a volume, and does not without: a real Prometheus in real pods.

The volume is a folder that all nodes share; a driver of storage, and how it lets a volume go, is not tried.
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from byoc_testbed import Image, Testbed, parts
from byoc_testbed.errors import ApiError
from tests.beds import h100
from tests.integration.autoscaled import RELEASE
from tests.integration.guarded import until
from tests.integration.journey import play
from tests.integration.serving import ON_REAL_NODES, served_by, serving_cluster
from tests.integration.through_router import SYSTEM, is_ready
from tests.integration.volumes import give_volume, is_bound

pytestmark = [pytest.mark.slow, pytest.mark.soak, ON_REAL_NODES]

QUICK = ("-e", "model_bake=1", "-e", "stack_wait_timeout=120")
PODS = f"{SYSTEM}/pods?labelSelector=byoc.fireworks.ai%2Fcomponent%3Dtelemetry"
OLDEST = 'min(min_over_time(timestamp(up{job="router"})[1h:1s]))'
PIECES = "count(count_over_time(byoc:objective:budget[1h]))"


@pytest.fixture(scope="module")
def acme() -> Iterator[Any]:
    release = yaml.safe_load((RELEASE / "release.yml").read_text(encoding="utf-8"))
    name = "registry.acme.example/fireworks/{name}@{digest}".format(**release["images"]["telemetry"])
    program = str(parts.program(parts.PROMETHEUS, "prometheus"))
    prometheus = Image(name, ["/usr/local/bin/prometheus"], tools=[program])
    with Testbed.start([serving_cluster("acme", [h100(2, 4, "aws")], {}, more=[prometheus])]) as bed:
        yield bed["acme"]


def asked(cluster: Any, query: str) -> list[float]:
    path = f"{SYSTEM}/services/telemetry:9090/proxy/api/v1/query?query={urllib.parse.quote(query)}"
    with suppress(ApiError):
        return [float(each["value"][1]) for each in cluster.request("GET", path)["data"]["result"]]
    return []


def pods(cluster: Any) -> dict[str, Any]:
    return {each["metadata"]["uid"]: each for each in cluster.request("GET", PODS)["items"]}


def replaced(cluster: Any, before: dict[str, Any]) -> Any:
    """The one pod that came instead, once it is ready and measures."""

    def came() -> bool:
        now = pods(cluster)
        return len(now) == 1 and not set(now) & set(before) and all(map(is_ready, now.values()))

    until(came, "it does not come back", 180)
    until(lambda: asked(cluster, OLDEST), "it does not measure", 60)
    return next(iter(pods(cluster).values()))


def test_what_was_measured_outlives_the_pod_on_a_volume_alone(acme: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "volume"
    folder.mkdir()
    folder.chmod(0o777)
    give_volume(acme, "disks", str(folder))
    contract = served_by(acme)
    contract["stack"] = {"release": "2026.12.0"}
    contract["models"][0]["objectives"] = {"availability": 0.99}
    onboarded = play("onboard", tmp_path, [contract], *QUICK)
    assert onboarded.returncode == 0, onboarded.stdout
    until(lambda: asked(acme, OLDEST), "it does not measure", 60)
    time.sleep(5)

    # Without a volume: another pod knows nothing of what was before it.
    before, [oldest] = pods(acme), asked(acme, OLDEST)
    acme.request("DELETE", PODS)
    replaced(acme, before)
    [after] = asked(acme, OLDEST)
    assert after > oldest, (oldest, after)

    contract["telemetry"] = {"volume": {"size": "10Gi", "storage_class": "disks"}}
    before = pods(acme)
    onboarded = play("onboard", tmp_path, [contract], *QUICK)
    assert onboarded.returncode == 0, onboarded.stdout
    assert is_bound(acme)
    replaced(acme, before)
    assert (folder / "wal").is_dir(), "it writes to the volume"
    time.sleep(5)

    [oldest] = asked(acme, OLDEST)
    figures = []
    for how in ("deleted", "killed", "rolled out anew"):
        before, began = pods(acme), time.monotonic()
        if how == "rolled out anew":
            acme.kubectl("-n", "fireworks-system", "rollout", "restart", "deployment/telemetry")
        else:
            acme.request("DELETE", f"{PODS}&gracePeriodSeconds=0" if how == "killed" else PODS)
        pod = replaced(acme, before)
        [after] = asked(acme, OLDEST)
        restarts = pod["status"]["containerStatuses"][0]["restartCount"]
        figures.append(f"{how}: measures again after {time.monotonic() - began:.1f} s, {restarts} restarts")
        assert after == pytest.approx(oldest, abs=2), (how, oldest, after)
        assert asked(acme, PIECES) == [1.0], how
    print("\n".join(figures))
