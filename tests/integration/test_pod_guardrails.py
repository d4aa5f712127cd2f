# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod of ours may be, tried on a real API server at the loosest Pod Security level: all that the stack and the
models are made of, and nothing else, in every kind of template."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.pod_fields import POD_FIELDS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.placement.demands import REQUIRED
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.canary import COMMAND, canary_pod
from tests.integration.definitions import leader_worker_set, serving
from tests.integration.event_chain import alerts
from tests.integration.guarded import (
    MODELS,
    SYSTEM,
    Governed,
    governed,
    image,
    pod,
    pod_spec,
    refusal,
    until,
    workload,
)
from tests.integration.pod_attempts import ATTEMPTS, KINDS, LWS, Attempt, made_as, tried
from tests.unit.domain.agreed import RELEASE, model
from tests.unit.domain.agreed import contract as agreed
from tests.unit.domain.raw import H100

RECEIVER = {"url": "https://events.byoc.example/alerts", "token_secret": {"name": "events", "key": "token"}}
TOLD = {
    "receivers": [{"name": "chat", "slack": {"url_secret": {"name": "chat.keys", "key": "slack-url"}}}],
    "default_receiver": "chat",
}
CACHED = model("cached", weights_cache={"claim": "cache"}, source={"uri": "pvc://weights/llama", "revision": "1"})
SPANNING = model("spanning", gpu={"product": H100, "per_replica": 16, "nodes": 2}, replicas={"min": 1, "max": 1})
FETCHED = model(
    "fetched",
    source={"uri": "hf://a/b", "revision": "1", "credential": {"secret": {"name": "hub-token", "key": "token"}}},
)
KNOWN = model(
    "known",
    source={
        "uri": "s3://acme/llama",
        "revision": "1",
        "credential": {"workload_identity": {"aws_role": "arn:aws:iam::123456789012:role/weights"}},
    },
)
CONTRACT = agreed(
    compliance={"pod_security": "privileged"},
    health={"events": RECEIVER},
    alerts=TOLD,
    capacity={"gpus": [{"product": H100, "count": 32}]},
    scaling={"max_replicas_per_model": 3},
    models=[model(), CACHED, SPANNING, FETCHED, KNOWN],
)
DIGESTS = {**RELEASE, "engines": {"vllm": {"0.11.0": {"name": "vllm-openai", "digest": "sha256:" + "c3" * 32}}}}
GOOD = image("registry.acme.example/fireworks")
DEPLOYMENTS, PODS = f"/apis/apps/v1{MODELS}/deployments", f"/api/v1{MODELS}/pods"
SETS = f"/apis/{LWS}{MODELS}/leaderworkersets"
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def place(bed: Any) -> Iterator[Governed]:
    cluster = bed["birch"]
    with serving(cluster, leader_worker_set(cluster)), governed(cluster) as made:
        made.govern(CONTRACT)
        yield made


def good(**changes: Any) -> Manifest:
    return pod_spec(GOOD, **changes)


def asked(place: Governed, path: str, body: Manifest, who: str = "admin") -> str:
    return refusal(place.acting_as(who), "POST", path, body)


def test_each_attempt_is_refused_with_its_clause_in_every_kind_of_template(place: Governed) -> None:
    calls = [(attempt, *made) for attempt in ATTEMPTS for made in tried(attempt, good)]

    def answer(call: tuple[Attempt, str, str, Manifest]) -> str:
        _attempt, _kind, path, body = call
        return asked(place, path, body)

    with ThreadPoolExecutor(8) as workers:
        said = list(workers.map(answer, calls))
    wrong = [
        f"{attempt.sentence}, {kind}: {answer or 'allowed'}"
        for (attempt, kind, _path, _body), answer in zip(calls, said, strict=True)
        if "ValidatingAdmissionPolicy 'fireworks-pod" not in answer or not all(part in answer for part in attempt.said)
    ]
    assert not wrong, "\n".join(wrong)
    assert len(calls) > 500


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_pod_is_let_in(place: Governed, kind: str) -> None:
    path, body = made_as(kind, good(), good())
    assert asked(place, path, body) == ""


def test_what_the_models_are_made_of_is_let_in(place: Governed) -> None:
    units = [model_objects(CONTRACT, each, DIGESTS) for each in CONTRACT["models"]]
    made = [each for unit in units for each in unit if each["kind"] in ("Deployment", "LeaderWorkerSet")]
    assert [each["kind"] for each in made] == [*["Deployment"] * 2, "LeaderWorkerSet", *["Deployment"] * 2]
    for each in made:
        path = SETS if each["kind"] == "LeaderWorkerSet" else DEPLOYMENTS
        assert asked(place, path, each, "deployer") == ""
        template = each["spec"].get("template") or each["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
        one = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(template)}
        one["metadata"]["name"] = "probe"
        one["spec"] |= {"hostname": "probe-0", "subdomain": "probe"}  # as a StatefulSet's controller makes them
        engine = one["spec"]["containers"][0]
        where = {"fieldRef": {"fieldPath": "metadata.labels['leaderworkerset.sigs.k8s.io/worker-index']"}}
        engine["env"] = [{"name": "LWS_WORKER_INDEX", "valueFrom": where}, *engine["env"]]
        assert asked(place, PODS, one) == ""


def test_a_clouds_webhook_may_add_its_token_to_pods_of_the_account_that_it_knows_and_to_no_others(
    place: Governed,
) -> None:
    """As the webhook of Amazon EKS does it: variables, a mount, and a token for somebody else than the API server."""
    token = {"audience": "sts.amazonaws.com", "expirationSeconds": 3600, "path": "token"}

    def changed(account: str, **other: Any) -> Manifest:
        spec = good(account=account)
        spec["volumes"] = [{"name": "aws", "projected": {"sources": [{"serviceAccountToken": {**token, **other}}]}}]
        [engine] = spec["containers"]
        engine["env"] = [{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks/token"}]
        engine["volumeMounts"] = [{"name": "aws", "mountPath": "/var/run/secrets/eks", "readOnly": True}]
        made = pod("probe", spec)
        made["metadata"]["labels"] = {"app.kubernetes.io/part-of": "model-known"}
        return made

    assert asked(place, PODS, changed("engine-known")) == ""
    nobodys = changed("engine-known")
    del nobodys["metadata"]["labels"]
    assert "Only a model's own pods run as its account" in asked(place, PODS, nobodys)
    for account, other in (("engine", {}), ("engine-known", {"audience": "vault"}),
                           ("engine-known", {"expirationSeconds": 86400})):  # fmt: skip
        assert "source.credential" in asked(place, PODS, changed(account, **other)), (account, other)
    other = workload("Deployment", "probe", good(account="engine-other"))
    assert "engine or engine-known" in asked(place, DEPLOYMENTS, other, "deployer")


def test_the_stacks_pods_are_let_in_with_their_token_or_with_none(place: Governed) -> None:
    settings, made = (each for each in alerts(CONTRACT) if each["kind"] in ("ConfigMap", "Deployment"))
    assert asked(place, f"/api/v1{SYSTEM}/configmaps", settings, "upgrader") == ""
    assert [{"name": "config", "configMap": {"name": settings["metadata"]["name"]}}] == [
        each for each in made["spec"]["template"]["spec"]["volumes"] if "configMap" in each
    ]
    [main] = made["spec"]["template"]["spec"]["containers"]
    assert [each["mountPath"].rpartition("/")[2] for each in main["volumeMounts"][1:3]] == ["chat.keys", "events"]
    main["image"] = GOOD
    assert asked(place, f"/apis/apps/v1{SYSTEM}/deployments", made, "upgrader") == ""
    one = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(made["spec"]["template"])}
    one["metadata"]["name"] = "probe"
    assert asked(place, f"/api/v1{SYSTEM}/pods", one) == ""
    del made["spec"]["template"]["spec"]["automountServiceAccountToken"]
    assert "an unnamed account" in asked(place, f"/apis/apps/v1{SYSTEM}/deployments", made, "upgrader")
    watching = pod_spec(GOOD, account="router", automountServiceAccountToken=True)
    assert asked(place, f"/api/v1{SYSTEM}/pods", pod("probe", watching)) == ""


def test_a_canary_is_let_in_and_told_nothing_that_others_act_on(place: Governed) -> None:
    canary = canary_pod(CONTRACT, "h100-0", H100, 1, GOOD, COMMAND, 600, whole=True)
    assert asked(place, PODS, canary, "node-medic") == ""
    for change, said in (
        ({"priorityClassName": "system-node-critical"}, "models: priority"),
        ({"tolerations": [{"operator": "Exists"}]}, "every taint"),
        (
            {"affinity": {"podAntiAffinity": {REQUIRED: [{"topologyKey": "zone"}]}}},
            f"affinity.podAntiAffinity.{REQUIRED}",
        ),
        ({"terminationGracePeriodSeconds": 3600}, "actions.drain"),
        ({"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["a.example"]}]}, "hostAliases"),
    ):
        other = copy.deepcopy(canary)
        other["spec"] |= change
        assert said in asked(place, PODS, other, "node-medic")
    canary["metadata"]["annotations"] = {"cdi.k8s.io/gpu": "nvidia.com/gpu=all"}
    assert "cdi.k8s.io/gpu" in asked(place, PODS, canary, "node-medic")


def test_what_a_customers_cluster_adds_to_a_pod_is_let_in(place: Governed) -> None:
    """The secret to pull images that an account names, and a class for pods that name none, if it displaces nobody."""
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    for name, how, displaces in (
        ("acme-low", {"value": 7, "preemptionPolicy": "Never"}, False),
        ("acme-none", {"value": 0}, False),
        ("acme-urgent", {"value": 7}, True),
    ):
        body = {"metadata": {"name": name}, **how}
        place.cluster.request("POST", classes, body)
        try:
            probe, told = pod("probe", good(priorityClassName=name)), "not acme-urgent" if displaces else ""
            # The API server learns of a class a moment after it was made.
            says = lambda probe=probe: asked(place, PODS, probe)  # noqa: E731
            until(lambda says=says, told=told: told in says() if told else not says(), f"{name} is not taken so")
        finally:
            place.cluster.request("DELETE", f"{classes}/{name}")
    assert asked(place, PODS, pod("probe", good(imagePullSecrets=[{"name": "pull"}]))) == ""


def test_nothing_makes_claims_of_volumes(place: Governed) -> None:
    claim = {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"],
             "resources": {"requests": {"storage": "1Ti"}}}}  # fmt: skip
    made = workload("StatefulSet", "probe", good())
    made["spec"]["volumeClaimTemplates"] = [claim]
    assert "weights_cache.claim" in asked(place, f"/apis/apps/v1{MODELS}/statefulsets", made)


def test_a_model_has_no_more_replicas_than_agreed_whoever_asks_and_how(place: Governed) -> None:
    said = "more than 3 (scaling.max_replicas_per_model)"
    assert asked(place, DEPLOYMENTS, workload("Deployment", "probe", good(), 3), "deployer") == ""
    assert said in asked(place, DEPLOYMENTS, workload("Deployment", "probe", good(), 4), "deployer")
    _path, groups = made_as("LeaderWorkerSet, leaders", good(), good())
    groups["spec"]["replicas"] = 4
    assert said in asked(place, SETS, groups)
    admin = place.acting_as("admin")
    place.cluster.request("POST", DEPLOYMENTS, workload("Deployment", "probe", good(nodeSelector={"no": "node"}), 2))
    try:
        for path in (f"{DEPLOYMENTS}/probe", f"{DEPLOYMENTS}/probe/scale"):
            assert refusal(admin, "PATCH", path, {"spec": {"replicas": 3}}) == ""
            assert said in refusal(admin, "PATCH", path, {"spec": {"replicas": 4}})
    finally:
        place.cluster.request("DELETE", f"{DEPLOYMENTS}/probe?propagationPolicy=Background")


def test_a_template_is_looked_at_when_it_changes_and_not_when_it_does_not(place: Governed) -> None:
    made = workload("Deployment", "probe", good(nodeSelector={"no": "node"}))
    place.cluster.request("POST", DEPLOYMENTS, made)
    change: Callable[..., Manifest] = lambda **spec: {"spec": {"template": spec}}  # noqa: E731
    try:
        deployer = place.acting_as("deployer")
        path = f"{DEPLOYMENTS}/probe"
        assert refusal(deployer, "PATCH", path, {"metadata": {"annotations": {"byoc.fireworks.ai/b": "c"}}}) == ""
        assert "runtimeClassName" in refusal(deployer, "PATCH", path, change(spec={"runtimeClassName": "kata"}))
        noted = change(metadata={"annotations": {"cdi.k8s.io/gpu": "all"}})
        assert "cdi.k8s.io/gpu" in refusal(deployer, "PATCH", path, noted)
        ours = change(metadata={"annotations": {"byoc.fireworks.ai/x": "y", "kubectl.kubernetes.io/restartedAt": "1"}})
        assert refusal(deployer, "PATCH", path, ours) == ""
    finally:
        place.cluster.request("DELETE", f"{DEPLOYMENTS}/probe?propagationPolicy=Background")


def test_a_template_gives_pods_no_finalizers_and_nobody_takes_a_pods_owner_away(place: Governed) -> None:
    for marks in ({"finalizers": ["acme.example/stay"]}, {"name": "x"}):
        made = workload("Deployment", "probe", good())
        made["spec"]["template"]["metadata"] |= marks
        assert "no finalizers, owners or names" in asked(place, DEPLOYMENTS, made, "deployer")
    there = place.cluster.request("GET", f"/api/v1{MODELS}/configmaps/kube-root-ca.crt")["metadata"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": there["name"], "uid": there["uid"], "controller": True}
    owned = pod("owned", good(nodeSelector={"no": "node"}))
    owned["metadata"]["ownerReferences"] = [owner]
    place.cluster.request("POST", PODS, owned)
    medic = place.acting_as("node-medic")
    try:
        assert "owners" in refusal(medic, "PATCH", f"{PODS}/owned", {"metadata": {"ownerReferences": None}})
        noted = {"metadata": {"annotations": {"byoc.fireworks.ai/replaced-by": f"ConfigMap {there['name']} (u) 1"}}}
        assert refusal(medic, "PATCH", f"{PODS}/owned", noted) == ""
    finally:
        place.cluster.request("DELETE", f"{PODS}/owned?gracePeriodSeconds=0")


def test_the_table_names_every_field_that_the_server_knows(place: Governed) -> None:
    """A new version of Kubernetes may have new ones. They are refused until somebody decides about them here."""
    published = place.cluster.request("GET", "/openapi/v3/api/v1")["components"]["schemas"]
    for kind, fields in POD_FIELDS.items():
        assert sorted(fields.named) == sorted(published[f"io.k8s.api.core.v1.{kind}"]["properties"]), kind
