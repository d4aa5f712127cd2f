# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.loading import load_deadline
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import autoscaler_for, bounds_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling.signals import signals, wake_query
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling.timing import behavior, cooldown_seconds
from tests.unit.domain.agreed import APIS, RELEASE, contract, facts, model

KEDA = {"keda.sh/v1alpha1": ["ScaledJob", "ScaledObject"]}
CUSTOM = {"custom.metrics.k8s.io/v1beta2": ["MetricValueList"]}
EXTERNAL = {"external.metrics.k8s.io/v1beta1": ["ExternalMetricValueList"]}
OLD, NEW = "v1.36.2", "v1.37.0-eks-1"
UP_AND_DOWN = {"min": 1, "max": 4}
PLAIN = "llama-3-1-8b"
SLEEPY: dict[str, Any] = {"replicas": {"min": 0, "max": 4}, "scaling": {"idle_to_zero": "15m"}}
NO_METRICS = "neither keda.sh/v1alpha1 nor custom.metrics.k8s.io nor external.metrics.k8s.io"


def cluster(*apis: dict[str, list[str]], version: str = OLD) -> dict[str, Any]:
    served = dict(APIS)
    for api in apis:
        served.update(api)
    return facts(apis=served, version={"gitVersion": version})


def scalers(served: dict[str, Any], there: dict[str, Any] | None, **scaling: Any) -> list[dict[str, Any]]:
    made = model_objects(contract(models=[served], scaling=scaling), served, RELEASE, there)
    return [each for each in made if each["kind"] in ("ScaledObject", "HorizontalPodAutoscaler")]


@pytest.mark.parametrize(
    ("served", "there", "kind", "to_zero", "reason"),
    [
        (model(replicas=UP_AND_DOWN), cluster(KEDA, CUSTOM), "KEDA", False, ""),
        (model(**SLEEPY), cluster(KEDA), "KEDA", True, ""),
        (model(**{**SLEEPY, "replicas": {"min": 0, "max": 1}}), cluster(KEDA), "KEDA", True, ""),
        (model(replicas=UP_AND_DOWN), cluster(CUSTOM), "HPA", False, ""),
        (model(replicas=UP_AND_DOWN), cluster(EXTERNAL), "HPA", False, ""),
        (model(replicas=UP_AND_DOWN), cluster(), "", False, NO_METRICS),
        (model(replicas=UP_AND_DOWN), {}, "", False, NO_METRICS),
        (model(replicas={"min": 2, "max": 2}), cluster(KEDA), "", False, "its floor is its ceiling, 2"),
        (
            model(**SLEEPY),
            cluster(CUSTOM),
            "HPA",
            False,
            "the HPA of Kubernetes 1.36 keeps a replica",
        ),
        (
            model(**{**SLEEPY, "replicas": {"min": 0, "max": 1}}),
            cluster(CUSTOM),
            "",
            False,
            "the HPA of Kubernetes 1.36 keeps a replica",
        ),
        (
            model(**SLEEPY),
            cluster(CUSTOM, version=NEW),
            "HPA",
            False,
            "does not serve external.metrics.k8s.io",
        ),
        (
            model(**SLEEPY),
            cluster(EXTERNAL, version=NEW),
            "HPA",
            False,
            "cannot ask for the requests of 'meta-llama/Llama-3.1-8B-Instruct' alone",
        ),
        (model(**SLEEPY, served_name=PLAIN), cluster(EXTERNAL, version=NEW), "HPA", True, ""),
        (
            model(**SLEEPY, served_name=PLAIN, load_timeout="1h"),
            cluster(EXTERNAL, version=NEW),
            "HPA",
            False,
            "waits 3600 s at most before it goes to zero, and 4860 s are needed",
        ),
        (
            model(replicas=UP_AND_DOWN, engine={"name": "other", "version": "1"}),
            cluster(KEDA),
            "",
            False,
            "no metrics are known of the engine other",
        ),
    ],
)
def test_a_model_is_scaled_by_what_the_cluster_can_and_the_reason_is_said(
    served: dict[str, Any], there: dict[str, Any], kind: str, to_zero: bool, reason: str
) -> None:
    [bounds] = bounds_of(contract(models=[served])).values()
    found = autoscaler_for(served, bounds, there)
    assert (found.kind, found.to_zero) == (kind, to_zero)
    assert reason in found.reason
    assert bool(reason) is bool(found.reason)


def test_keda_scales_between_the_bounds_on_this_models_own_metrics() -> None:
    [made] = scalers(model(replicas=UP_AND_DOWN), cluster(KEDA))
    spec = made["spec"]
    assert (made["apiVersion"], made["metadata"]["namespace"]) == ("keda.sh/v1alpha1", "fireworks-models")
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llama"}
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 4)
    assert not {"idleReplicaCount", "cooldownPeriod", "fallback"} & set(spec)
    read = {trigger["name"]: trigger["metadata"] for trigger in spec["triggers"]}
    assert {name: metadata["threshold"] for name, metadata in read.items()} == {
        "kv-cache-usage": "0.8",
        "waiting-requests": "5",
    }
    assert {metadata["serverAddress"] for metadata in read.values()} == {"http://telemetry.fireworks-system.svc:9090"}
    assert read["kv-cache-usage"]["query"] == 'byoc:model:kv_cache_usage{model="llama"}'
    assert all('model="llama"' in metadata["query"] for metadata in read.values())


def test_keda_wakes_a_model_on_the_routers_counter_of_its_requests_only() -> None:
    [made] = scalers(model(replicas={"min": 0, "max": 4}, scaling={"idle_to_zero": "2h"}), cluster(KEDA))
    spec = made["spec"]
    assert (spec["idleReplicaCount"], spec["minReplicaCount"], spec["cooldownPeriod"]) == (0, 1, 7200)
    assert spec["initialCooldownPeriod"] == spec["cooldownPeriod"]
    wake = spec["triggers"][-1]
    assert wake["name"] == "requests"
    asked = r'byoc:model:requests:increase2m{model=~"llama|meta\\-llama/Llama\\-3\\.1\\-8B\\-Instruct"}'
    assert wake["metadata"]["query"] == f"sum({asked}) or byoc:model:requests:unasked"
    # Nothing is no zero: a model that no router knows is left as it is.
    assert wake["metadata"]["ignoreNullValues"] == "false"
    assert all("ignoreNullValues" not in trigger["metadata"] for trigger in spec["triggers"][:-1])


def test_a_request_for_an_adapter_wakes_its_model() -> None:
    asked = wake_query(model(served_name="a.b/c", adapters=[{"name": "tone"}]))
    assert r'{model=~"llama|a\\.b/c|tone"}' in asked


def test_a_name_cannot_change_the_question() -> None:
    asked = wake_query(model(served_name='x"} or vector(1) #\\'))
    assert r'{model=~"llama|x\"\\}\\ or\\ vector\\(1\\)\\ \\#\\\\"}' in asked


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_each_engine_has_its_own_metrics(engine: str) -> None:
    served = model(engine={"name": engine, "version": "1"})
    assert [s.name for s in signals(served)] == ["kv_cache_usage", "waiting_requests"]
    assert all(s.metric.startswith(f"{engine}:") and ":" not in s.adapted for s in signals(served))


@pytest.mark.parametrize(
    ("load", "idle", "seconds"),
    [("20m", "10m", 2460), ("2m", "1h", 3600), ("1h", "1h", 4860), ("1s", "1s", 1261)],
)
def test_no_model_goes_to_zero_while_it_may_still_be_coming_up(load: str, idle: str, seconds: int) -> None:
    served = model(load_timeout=load, scaling={"idle_to_zero": idle})
    assert cooldown_seconds(served) == seconds
    provision, pull_and_load = 600, load_deadline(served)
    assert cooldown_seconds(served) > provision + pull_and_load


@pytest.mark.parametrize("traffic", ["interactive", "batch", None])
def test_scaling_up_waits_two_minutes_at_least(traffic: str | None) -> None:
    found = behavior(model(traffic_class=traffic) if traffic else model())
    assert found["scaleUp"]["stabilizationWindowSeconds"] >= 120
    assert (found == behavior(model(traffic_class="interactive"))) is (traffic != "batch")


def test_signals_of_the_contract_replace_the_defaults_one_by_one() -> None:
    served = model(replicas=UP_AND_DOWN, scaling={"signals": {"kv_cache_usage": 0.65}})
    [made] = scalers(served, cluster(KEDA))
    assert [trigger["metadata"]["threshold"] for trigger in made["spec"]["triggers"]] == ["0.65", "5"]


def test_an_hpa_reads_the_metrics_of_the_pods() -> None:
    [made] = scalers(model(replicas=UP_AND_DOWN), cluster(CUSTOM, EXTERNAL))
    assert (made["apiVersion"], made["spec"]["minReplicas"], made["spec"]["maxReplicas"]) == ("autoscaling/v2", 1, 4)
    assert made["metadata"]["annotations"] == {"validations.keda.sh/hpa-ownership": "false"}
    assert made["spec"]["metrics"] == [
        {
            "type": "Pods",
            "pods": {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": threshold}},
        }
        for name, threshold in (("vllm_kv_cache_usage_perc", "0.8"), ("vllm_num_requests_waiting", "5"))
    ]


def test_an_hpa_without_metrics_of_pods_reads_external_ones_of_this_model() -> None:
    [made] = scalers(model(replicas=UP_AND_DOWN), cluster(EXTERNAL))
    selectors = [metric["external"]["metric"]["selector"] for metric in made["spec"]["metrics"]]
    assert selectors == [{"matchExpressions": [{"key": "model", "operator": "In", "values": ["llama"]}]}] * 2


def test_an_hpa_goes_to_zero_on_the_requests_of_this_model_and_not_before_it_came_up() -> None:
    served = model(**SLEEPY, served_name=PLAIN)
    [made] = scalers(served, cluster(CUSTOM, EXTERNAL, version=NEW))
    assert made["spec"]["minReplicas"] == 0
    asked = made["spec"]["metrics"][-1]["external"]["metric"]
    assert asked == {
        "name": "byoc_model_requests",
        "selector": {"matchExpressions": [{"key": "model", "operator": "In", "values": ["llama", PLAIN]}]},
    }
    assert made["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == cooldown_seconds(served)
    assert behavior(served)["scaleDown"]["stabilizationWindowSeconds"] == 600


@pytest.mark.parametrize("there", [None, cluster(), cluster(KEDA)])
def test_a_deployment_starts_with_its_floor_whatever_scales_it(there: dict[str, Any] | None) -> None:
    served = model(**SLEEPY)
    [workload] = [
        each
        for each in model_objects(contract(models=[served]), served, RELEASE, there)
        if each["kind"] == "Deployment"
    ]
    assert workload["spec"]["replicas"] == 1


def test_bounds_count_the_other_models_and_this_one_as_it_is_given() -> None:
    agreed = contract(models=[model("a", replicas={"min": 1, "max": 8}), model("b", replicas={"min": 12, "max": 12})])
    agreed["scaling"]["max_replicas_per_model"] = 16
    older = model("a", replicas={"min": 1, "max": 3})
    for served, ceiling in ((agreed["models"][0], 4), (older, 3)):
        made = model_objects(agreed, served, RELEASE, cluster(KEDA))
        assert made[-1]["spec"]["maxReplicaCount"] == ceiling
