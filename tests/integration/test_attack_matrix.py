# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every attempt as every identity, by its own token, where the cluster was set up in standard and in hardened mode.

build/attack_matrix.md says which layer refused each. What an identity needs for a playbook is declared; all else that
comes through is a failure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.grant import setup_grant
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.setup_bounds import setup_bounds
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import account_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import IDENTITIES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.permissions import onboarding_needs
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.playbooks import PLAYBOOKS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from byoc_testbed.api import APPLY, Api
from tests.integration.ansible_runs import ROOT
from tests.integration.attack_matrix import ADMITTED, Attempt, attempts
from tests.integration.definitions import keda, leader_worker_set, serving
from tests.integration.guarded import MODELS, SYSTEM, Governed, governed, pod, pod_spec, refusal, until, workload
from tests.integration.setup_holders import holder, misbound
from tests.integration.test_forbidden_calls import CONTRACT, DEPLOYMENTS, GOOD, H100, named
from tests.unit.domain.agreed import WITH_GATEWAY
from tests.unit.domain.agreed import contract as agreed

TABLE, PARTS = ROOT / "build" / "attack_matrix.md", ROOT / "build" / "attack_matrix"
GRANT = "a setup grant"
MODES = ("standard", "hardened")
CELLS = [(mode, each.name) for mode in MODES for each in IDENTITIES] + [("standard", GRANT)]

_STACK = ("change the stack", "settings of the stack", "the set of the stack", "an upgrade")
_MODELS = ("change a model", "the set of a model")
ALLOWED: dict[str, dict[str, str]] = {
    "operator": {
        **dict.fromkeys((*_STACK, *_MODELS), "onboard"),
        "the operator's token": "rotate_credentials",
    },
    GRANT: dict.fromkeys((*_STACK, *_MODELS), "onboard"),
    "deployer": dict.fromkeys(_MODELS, "deploy_models"),
    "upgrader": dict.fromkeys(_STACK, "upgrade"),
    "node-medic": dict.fromkeys(("cordon a node", "change whose a pod is"), "remediate"),
}
"""What an identity may although it is an attempt of others: the playbook that needs it. All else is refused."""


@pytest.fixture(scope="module")
def cluster(bed: Any) -> Iterator[Any]:
    """A cluster that serves what our identities may write, and has a node without GPUs."""
    made = bed["birch"]
    with ExitStack() as stack:
        for definition in (keda(), leader_worker_set(made)):
            stack.enter_context(serving(made, definition))
        made.request("POST", "/api/v1/nodes", named("without-gpus"))
        stack.callback(made.request, "DELETE", "/api/v1/nodes/without-gpus")
        yield made


@pytest.fixture(scope="module", params=MODES)
def place(cluster: Any, request: pytest.FixtureRequest) -> Iterator[Governed]:
    with governed(cluster) as made:
        made.govern(agreed(networking=WITH_GATEWAY, access={"mode": request.param}))
        fill(made)
        yield made
        cluster.request("PATCH", f"/api/v1{SYSTEM}/configmaps/kept", {"metadata": {"finalizers": None}})
        cluster.remove_namespaces("fireworks-setup")


def fill(place: Governed) -> None:
    """What attempts are about: a refusal must not be one of nothing."""
    holder = pod(
        "holder", pod_spec(GOOD, gpus=8, product=H100, nodeSelector={"no": "node", "nvidia.com/gpu.product": H100})
    )
    served = workload("Deployment", "served", pod_spec(GOOD), 0)
    for path, made in (
        (f"/api/v1{SYSTEM}/configmaps", named("presetup")),
        (f"/api/v1{SYSTEM}/configmaps", named("there")),
        (f"/api/v1{SYSTEM}/configmaps", named("applied")),
        (f"/api/v1{SYSTEM}/configmaps", {"metadata": {"name": "kept", "finalizers": ["acme.example/stays"]}}),
        (DEPLOYMENTS, served),
    ):
        place.cluster.request("POST", path, made)
    until(lambda: refusal(place.cluster.api, "POST", f"/api/v1{MODELS}/pods", holder) == "", "no pod is let in")
    place.cluster.request("POST", f"/api/v1{MODELS}/pods", holder)


@pytest.fixture(scope="module")
def setup_grant_of(place: Governed) -> Iterator[tuple[str, Api]]:
    """A grant with the rights and bounds of one, and its token."""
    cluster, now = place.cluster, datetime.now(UTC)
    grant = setup_grant("alice", "a test", (now + timedelta(hours=2)).isoformat(), now.isoformat(), "7200s")
    about = {"labels": labels(grant.set, grant.name), "annotations": {}}
    needs = onboarding_needs(CONTRACT)
    made = [*setup_bounds(CONTRACT), *account_objects(grant.name, "fireworks-setup", needs, about)]
    for each in made:
        path = f"{cluster.api.collection(each)}/{each['metadata']['name']}"
        cluster.request("PATCH", f"{path}?fieldManager=setup&force=true", each, APPLY)
    with misbound(cluster, "everything"):
        api = holder(cluster, grant.name)
    yield grant.name, api
    api.close()


@pytest.mark.soak(sample=2)
@pytest.mark.parametrize(("place", "identity"), CELLS, indirect=["place"])
def test_whatever_an_identity_does_not_need_is_refused(
    place: Governed, identity: str, request: pytest.FixtureRequest
) -> None:
    mode = request.node.callspec.params["place"]
    own, api = f"setup-{identity}", None
    if identity == GRANT:
        own, api = request.getfixturevalue("setup_grant_of")
    names = {"NODE": place.cluster.nodes[0], "OWN": own, "OTHER": "setup-other"}
    by = api or place.acting_as(identity)
    tried = attempts()
    assert len(tried) >= 230
    with ThreadPoolExecutor(8) as workers:
        answers = list(workers.map(lambda attempt: attempt.sent_by(by, names), tried))
    write_part(mode, identity, tried, answers)
    came_through = {
        attempt.sentence: said or found
        for attempt, (found, said) in zip(tried, answers, strict=True)
        if found.startswith(ADMITTED)
    }
    allowed = ALLOWED.get(identity, {})
    assert {sentence: said for sentence, said in came_through.items() if sentence not in allowed} == {}
    assert set(allowed) <= set(came_through), "it is declared as needed, and refused"


def test_what_is_declared_as_needed_names_a_playbook_of_that_identity() -> None:
    needed = {(identity, playbook) for identity, each in ALLOWED.items() for playbook in each.values()}
    assert {PLAYBOOKS[playbook] for identity, playbook in needed if identity == GRANT} <= {"operator"}
    assert [each for each in needed if each[0] != GRANT and PLAYBOOKS[each[1]] != each[0]] == []


def write_part(mode: str, identity: str, tried: list[Attempt], answers: list[tuple[str, str]]) -> None:
    """This cell, and the table of all cells that were tried so far."""
    PARTS.mkdir(parents=True, exist_ok=True)
    cell = [
        (attempt.sentence, found, " ".join(said.split()).replace("|", ""))
        for attempt, (found, said) in zip(tried, answers, strict=True)
    ]
    (PARTS / f"{mode}-{identity.replace(' ', '-')}.json").write_text(json.dumps([mode, identity, cell]))
    parts = [json.loads(path.read_text()) for path in sorted(PARTS.glob("*.json"))]
    head = ["# What each identity could try, and which layer refuses it", ""]
    counts = ["| mode | identity | attempts | refused by |", "|---|---|---|---|"]
    rows = ["", "| attempt | identity | mode | refused by | answer |", "|---|---|---|---|---|"]
    for mode_, who, cells in parts:
        by_layer = Counter(found for _sentence, found, _said in cells).most_common()
        counts.append(
            f"| {mode_} | {who} | {len(cells)} | {', '.join(f'{name} {count}' for name, count in by_layer)} |"
        )
        rows += [f"| {sentence} | {who} | {mode_} | {found} | {said} |" for sentence, found, said in cells]
    TABLE.write_text("\n".join([*head, *counts, *rows, ""]), encoding="utf-8")
