# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests through the router while the stack is upgraded, on real nodes: what answered before answers afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed import Testbed
from tests.beds import h100
from tests.integration.ansible_runs import ROOT
from tests.integration.journey import play
from tests.integration.loaded import failures, load_on, report
from tests.integration.serving import ON_REAL_NODES, served_by, serving_cluster
from tests.integration.upgrades import NEW, NEWER, ended, note_digest, publish, release_of, upgrade

pytestmark = [pytest.mark.slow, ON_REAL_NODES]

RATE, MOST = 120, 20_000


@pytest.fixture(scope="module")
def acme() -> Iterator[Any]:
    with Testbed.start([serving_cluster("acme", [h100(3, 4, "aws")], {})]) as bed:
        yield bed["acme"]


@pytest.mark.soak
def test_an_upgrade_whose_router_finds_no_model_is_rolled_back_and_one_that_does_holds(
    acme: Any, tmp_path: Path
) -> None:
    contract = served_by(acme)
    model = contract["models"][0]
    onboarded = play("onboard", tmp_path, [contract])
    assert onboarded.returncode == 0, onboarded.stdout
    releases = publish(tmp_path)
    publish(tmp_path, NEWER, source=NEW, edition="2")
    router = releases / NEWER / "router.yml.j2"
    router.write_text(router.read_text().replace("selector=byoc.fireworks.ai/model", "selector=byoc.fireworks.ai/typo"))
    note_digest(router.parent)

    (ROOT / "build").mkdir(exist_ok=True)
    out = ROOT / "build" / "upgrade_answers.requests"
    with load_on(acme, "fireworks-system/router", model["served_name"], out, rate=RATE, most=MOST) as load:
        with load.phase("upgrade of the stack"):
            done = upgrade(tmp_path, [contract], releases)
            assert done.returncode == 0, done.stdout
        with load.phase("upgrade that is rolled back"):
            broken = upgrade(tmp_path, [contract], releases, release=NEWER)
        requests = load.stop()
    said = " ".join(done.stdout.split())
    assert re.search(rf"through the router, {model['served_name']} answers in \d+ ms, \d+ ms before", said), done.stdout
    said = " ".join(broken.stdout.split())
    assert broken.returncode == 2, broken.stdout
    assert ended(broken, "acme-eu-1")[4:6] == ["failed", "rolled_back"], broken.stdout
    assert f"the router lists {model['served_name']} no more" in said, broken.stdout
    assert f"{NEW} was restored whole, and is ready" in said, broken.stdout
    assert release_of(acme)["release"] == NEW
    print(f"\n{report(requests, load.phases)}")
    assert failures(requests, load.phases[:1]) == []
