# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real API server lets our identities tell the router: models, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.policy import manifests
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.router import router_policy
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import Served, models_part
from tests.integration.guarded import refusal, until
from tests.integration.journey import bare

PLACE = "/api/v1/namespaces/fireworks-system/configmaps/router-models"
MERGE = "application/merge-patch+json"
ODD = ('with "quotes"', "back\\slash", "ünïcode", "%DYNAMIC%", 'a","cluster":"(admin)')
MODELS = [Served("a", ("org/A", "tone")), Served("odd", ODD), Served("b-2", ("b",))]
GOOD = models_part(MODELS, "cluster.local")


@pytest.fixture(scope="module")
def cluster(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster with the guardrail alone, and the ConfigMap as the stack makes it."""
    with bare(bed["acme"], tmp_path_factory.mktemp("bare")) as acme:
        made = manifests(router_policy({}))
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fireworks-system"}}
        for one in (namespace, *made):
            acme.api.create(one)
        metadata = {"name": "router-models", "namespace": "fireworks-system", "labels": labels("stack", "router")}
        acme.api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        until(lambda: told(acme, {"other": "x"}), "the guardrail does not refuse", 30)
        try:
            yield acme
        finally:
            for one in made:
                acme.request("DELETE", f"{acme.api.collection(one)}/{one['metadata']['name']}")
            acme.remove_namespaces("fireworks-system")


def told(cluster: Any, data: Mapping[str, Any], by: str = "deployer", **more: Any) -> str:
    """Why an identity may not tell the router this; empty where it may. RBAC lets everything pass here."""
    user = f"system:serviceaccount:fireworks-system:{by}"
    headers = {"Impersonate-User": user, "Impersonate-Group": "system:masters"}
    return refusal(cluster.api, "PATCH", PLACE, {"data": data, **more}, MERGE, headers=headers)


def test_what_is_compiled_is_admitted_from_those_who_deploy_models(cluster: Any) -> None:
    many = [Served(f"model-{number}", tuple(f"n-{number}-{one}" for one in range(10))) for number in range(100)]
    for models in ([], MODELS, many):
        for by in ("deployer", "operator"):
            assert told(cluster, models_part(models, "cluster.local"), by) == ""
    assert "only the operator and the deployer" in told(cluster, GOOD, "upgrader")
    assert "only the operator and the deployer" in told(cluster, GOOD, "observer")


def hostile() -> Iterator[tuple[str, dict[str, Any]]]:
    """What could send requests, or the router itself, elsewhere."""
    clusters = GOOD["clusters.json"]

    def instead(key: str, old: str, new: str) -> dict[str, str]:
        text = GOOD[key]
        assert old in text, old
        return {**GOOD, key: text.replace(old, new, 1)}

    yield "another host", instead("clusters.json", "a.fireworks-models.svc.cluster.local.", "evil.example.")
    yield "another namespace", instead("clusters.json", "a.fireworks-models.svc", "a.fireworks-system.svc")
    yield "another model's host", instead("clusters.json", '"address":"a.', '"address":"odd.')
    yield (
        "the node",
        instead("clusters.json", '"address":"a.fireworks-models.svc.cluster.local."', '"address":"127.0.0.1"'),
    )
    yield "another port", instead("clusters.json", '"port_value":8000', '"port_value":9901')
    yield "another DNS", {**GOOD, **models_part(MODELS, "evil.example")}
    yield "a second endpoint", instead("clusters.json", '"lb_endpoints":[', '"lb_endpoints":[{"endpoint":{}},')
    yield "no ejection", instead("clusters.json", '"max_ejection_percent":50', '"max_ejection_percent":100')
    yield "the admin port", instead("routes.json", '"cluster":"a"', '"cluster":"(admin)"')
    yield "a cluster that is none", instead("routes.json", '"cluster":"a"', '"cluster":"A.b"')
    yield "two clusters", instead("routes.json", '"cluster":"a"', '"cluster":"a","cluster":"a"')
    yield (
        "a mirror",
        instead("routes.json", '"timeout":"0s"', '"timeout":"0s","request_mirror_policies":[{"cluster":"b-2"}]'),
    )
    yield "every path", instead("routes.json", '"prefix":"/v1/"', '"prefix":"/"')
    yield "paths that are the operator's", instead("routes.json", "|pooling", "|pooling|load_lora_adapter")
    yield "a name from a header", instead("routes.json", '"key":"byoc.model"', '"key":"byoc.prefix"')
    yield (
        "a redirect",
        instead(
            "routes.json",
            '"direct_response":{"status":404',
            '"redirect":{"host_redirect":"evil.example"},"x":{"status":404',
        ),
    )
    yield "another list", instead("routes.json", "/v1/models", "/v1/else")
    yield "a text that ends early", instead("routes.json", '"tone":', '"tone":{},"x":')
    yield "a list that ends early", instead("routes.json", "fireworks", 'fireworks"}},"x":{"y":"z')
    yield "one line for two", {**GOOD, "clusters.json": clusters.replace(",\n", ",", 1)}
    yield from elsewhere()
    yield "no head", {**GOOD, "clusters.json": clusters.split("\n", 1)[1].replace('{"name', '{"nome', 1)}
    yield "a version that is more", instead("routes.json", '{"version_info":"', '{"version_info":"x","y":"')
    yield "no retries", instead("routes.json", '"num_retries":3', '"num_retries":0')
    yield "another file", {**GOOD, "envoy.yaml": "admin: {}"}
    yield "nothing of Envoy's", {**GOOD, "routes.json": "{}"}
    yield (
        "a model's name that is none",
        {**GOOD, "clusters.json": models_part([Served("A.b", ())], "cluster.local")["clusters.json"]},
    )


def elsewhere() -> Iterator[tuple[str, dict[str, Any]]]:
    """Lines that are right, each by itself, where they are not right."""
    lines = GOOD["routes.json"].split("\n")
    [first, second, *_more] = named = lines[3:-2]
    assert len(named) == len(ODD) + 3
    other = first.replace('"cluster":"odd"', '"cluster":"a"')
    assert other != first

    def told(*instead: str) -> dict[str, str]:
        return {**GOOD, "routes.json": "\n".join(instead)}

    yield "a name twice", told(*lines[:4], *lines[3:])
    yield "a name twice, for two models", told(*lines[:3], *sorted([first, other]), *lines[4:])
    yield "names in another order", told(*lines[:3], second, first, *lines[5:])
    yield "a name before the table", told(*lines[:2], first, lines[2], *lines[4:])
    yield "a name behind the end", told(*lines[:3], *lines[4:-1], first, "")
    yield "an end in the middle", told(*lines[:4], lines[-2], *lines[4:])
    yield "a second head", told(*lines[:3], lines[0], *lines[3:])
    yield "a second list", told(*lines[:2], *lines[1:])
    for place, what in enumerate(("head", "list", "table")):
        yield f"no {what}", told(*lines[:place], *lines[place + 1 :])
    yield "no end", told(*lines[:-2], "")
    yield "more behind it", told(*lines, lines[-2])


@pytest.mark.parametrize("by", ["deployer", "operator"])
def test_nothing_but_what_is_compiled_is_admitted(cluster: Any, by: str) -> None:
    admitted = [what for what, data in hostile() if not told(cluster, data, by)]
    assert admitted == []
    assert told(cluster, GOOD, by, binaryData={"envoy.yaml": "e30="})


def test_the_stack_may_be_applied_over_it_by_whoever_upgrades(cluster: Any) -> None:
    assert told(cluster, {}, "upgrader") == ""
    cluster.request("PATCH", PLACE, {"data": GOOD}, MERGE)
    try:
        assert (
            told(cluster, {}, "upgrader", metadata={"annotations": {"byoc.fireworks.ai/cluster-domain": "x.y"}}) == ""
        )
        assert "only the operator and the deployer" in told(cluster, {"routes.json": None}, "upgrader")
    finally:
        cluster.request("PATCH", PLACE, {"data": dict.fromkeys(GOOD)}, MERGE)
