# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.validation import (
    probe_answers,
    probe_requests,
    validation,
    validation_failure,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.validation.requests import MAY_ASK
from tests.unit.domain.agreed import contract, facts, model
from tests.unit.domain.raw import deployment, named, node

RELEASE = {"byoc.fireworks.ai/release": "2026.11.0"}
OURS = {"app.kubernetes.io/managed-by": "fireworks-byoc"}
MAY = {"permissions": [{**MAY_ASK, "allowed": True}], "endpoints": []}
MAY_NOT = {"permissions": [{**MAY_ASK, "allowed": False}], "endpoints": []}
GPU, ENDPOINT, ROUTING, SCALING, SIGNALS = range(5)


def component(name: str, **more: Any) -> dict[str, Any]:
    labels = {"byoc.fireworks.ai/component": name, **RELEASE}
    return deployment(name, namespace="fireworks-system", labels=labels, **more)


def served(name: str = "llama", **more: Any) -> dict[str, Any]:
    return deployment(name, namespace="fireworks-models", labels={"byoc.fireworks.ai/model": name}, gpus=1, **more)


def endpoints(namespace: str, service: str, ready: bool = True) -> dict[str, Any]:
    labels = {"labels": {"kubernetes.io/service-name": service}}
    return named(
        service,
        namespace,
        metadata=labels,
        endpoints=[{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}} for _replica in range(2)],
    )


def quota(gpus: int = 16, **labels: str) -> dict[str, Any]:
    hard = {"hard": {"requests.nvidia.com/gpu": str(gpus)}}
    return named("approved-gpus", "fireworks-models", metadata={"labels": labels or OURS}, spec=hard)


def good(**more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "deployments": [component("router"), component("telemetry", replicas=1), served()],
        "endpoint_slices": [endpoints("fireworks-system", "router"), endpoints("fireworks-models", "llama")],
        "quotas": [quota()],
    }
    return facts(**{**given, **more})


def probes(agreed: dict[str, Any], **bad: Any) -> dict[str, Any]:
    return {
        "probes": [{**each, "ok": True, "status": 200, "elapsed_ms": 7, **bad} for each in probe_requests(agreed, MAY)]
    }


def test_a_cluster_that_answers_passes_all_five() -> None:
    agreed = contract(models=[model()])
    rows = validation(good(), probes(agreed), agreed)
    assert [row["result"] for row in rows] == ["passed"] * 5
    assert all(row["evidence"].endswith(".") for row in rows)
    assert validation_failure("acme-eu-1", rows) == ""


def test_without_a_request_nothing_that_needs_one_is_proven() -> None:
    rows = validation(good(), {}, contract(models=[model()]))
    assert [row["result"] for row in rows] == ["passed", "unproven", "unproven", "passed", "unproven"]
    for index in (ENDPOINT, ROUTING, SIGNALS):
        assert "no request was sent" in rows[index]["evidence"]


@pytest.mark.parametrize(
    ("check", "more", "result", "evidence"),
    [
        (GPU, {"nodes": [node("n", ready="False")]}, "failed", "0 of 1 GPU nodes ready."),
        (GPU, {"deployments": []}, "failed", "llama is not deployed"),
        (GPU, {"deployments": [served(ready=1)]}, "failed", "llama has 1 of 2 replicas ready"),
        (GPU, {"deployments": [served(replicas=1)]}, "failed", "llama has 1 of 2 replicas ready"),
        (ENDPOINT, {"endpoint_slices": []}, "failed", "llama has 0 of 2 endpoints ready"),
        (
            ENDPOINT,
            {"endpoint_slices": [endpoints("fireworks-models", "llama", ready=False)]},
            "failed",
            "llama has 0 of 2",
        ),
        (ROUTING, {"deployments": []}, "failed", "there is no router"),
        (ROUTING, {"deployments": [component("router", ready=1)]}, "failed", "router 1 of 2 ready"),
        (ROUTING, {"endpoint_slices": []}, "failed", "0 ready endpoints"),
        (SCALING, {"quotas": []}, "failed", "no quota holds fireworks-models to the 16"),
        (SCALING, {"quotas": [quota(64)]}, "failed", "allows 64 GPUs, and 16 are approved"),
        (SCALING, {"quotas": [quota(16, owner="them")]}, "failed", "no quota holds"),
        (SIGNALS, {"deployments": []}, "failed", "there is no telemetry"),
        (SIGNALS, {"deployments": [component("telemetry", ready=0)]}, "failed", "telemetry 0 of 2 ready"),
    ],
)
def test_what_is_not_there_fails_with_what_was_found(
    check: int, more: dict[str, Any], result: str, evidence: str
) -> None:
    agreed = contract(models=[model()])
    row = validation(good(**more), probes(agreed), agreed)[check]
    assert row["result"] == result
    assert evidence in row["evidence"]
    assert row["owner"] in ("customer", "fireworks") and row["next_step"]


def test_an_answer_that_is_an_error_fails() -> None:
    agreed = contract(models=[model()])
    rows = validation(good(), probes(agreed, ok=False, status=503, error="no endpoints"), agreed)
    assert [row["result"] for row in rows] == ["passed", "failed", "failed", "passed", "failed"]
    assert "llama answered 503 to /v1/models (no endpoints)" in rows[ENDPOINT]["evidence"]
    steps = {row["next_step"] for row in rows if row["result"] == "failed"}
    assert len(steps) == 1 and steps.pop().endswith("add -e validate_http_request=false")
    assert validation_failure("acme-eu-1", rows).startswith("acme-eu-1 failed 3 of 5 checks.\nendpoint reachability: ")


def test_sick_gpu_nodes_are_the_customers_move() -> None:
    agreed = contract(models=[model()])
    row = validation(good(nodes=[]), {}, agreed)[GPU]
    assert (row["owner"], row["contact"]["email"]) == ("customer", "capacity@acme.example")


def scaler(kind: str, name: str = "llama", of: str = "llama", **said: tuple[str, str]) -> dict[str, Any]:
    """What scales a model. By type of condition: its status and its reason."""
    conditions = [
        {"type": each, "status": status, "reason": why, "message": "as it is"} for each, (status, why) in said.items()
    ]
    made = named(name, "fireworks-models", spec={"scaleTargetRef": {"name": of}}, status={"conditions": conditions})
    return {**made, "kind": kind}


KEDA, HPA, SAID = "ScaledObject", "HorizontalPodAutoscaler", ("True", "")
READY, WORKS = scaler(KEDA, Ready=SAID), scaler(HPA, "keda-hpa-llama", AbleToScale=SAID, ScalingActive=SAID)
BLIND = scaler(HPA, "keda-hpa-llama", AbleToScale=SAID, ScalingActive=("False", "FailedGetExternalMetric"))
ASLEEP = scaler(HPA, "keda-hpa-llama", AbleToScale=SAID, ScalingActive=("False", "ScalingDisabled"))
BROKEN = scaler(KEDA, Ready=("False", "TriggerError"))


@pytest.mark.parametrize(
    ("scalers", "result", "evidence"),
    [
        (None, "unproven", "no autoscaler was looked at"),
        ([], "unproven", "nothing that scales llama was found"),
        ([scaler(KEDA, of="another", Ready=SAID)], "unproven", "nothing that scales llama was found"),
        ([READY], "passed", "ScaledObject llama is ready"),
        ([READY, WORKS], "passed", "HorizontalPodAutoscaler keda-hpa-llama is active; ScaledObject llama is ready"),
        ([READY, scaler(HPA, "keda-hpa-llama")], "passed", "ScaledObject llama is ready"),
        ([READY, ASLEEP], "passed", "ScaledObject llama is ready"),
        ([ASLEEP], "unproven", "keda-hpa-llama sleeps with its model"),
        ([WORKS], "passed", "keda-hpa-llama is active"),
        ([scaler(KEDA)], "unproven", "ScaledObject llama has no word of KEDA yet"),
        ([scaler(KEDA, Ready=("Unknown", ""))], "unproven", "has no word of KEDA yet"),
        ([scaler(KEDA, Ready=SAID, Paused=SAID)], "unproven", "ScaledObject llama is paused"),
        ([scaler(HPA, AbleToScale=SAID)], "unproven", "HorizontalPodAutoscaler llama has not been acted on yet"),
        ([BROKEN], "failed", "ScaledObject llama is not ready: TriggerError: as it is"),
        ([BROKEN, WORKS], "failed", "is not ready: TriggerError"),
        # KEDA went away: what it said stays, and the metrics that it served are missing.
        ([READY, BLIND], "failed", "keda-hpa-llama has no metrics: FailedGetExternalMetric: as it is"),
        ([scaler(HPA, AbleToScale=("False", "FailedGetScale"))], "failed", "cannot scale: FailedGetScale"),
    ],
)
def test_what_scales_a_model_is_judged_by_what_its_controller_says(
    scalers: list[dict[str, Any]] | None, result: str, evidence: str
) -> None:
    agreed = contract(models=[model(replicas={"min": 2, "max": 4}), model("b")])
    row = validation(good(scalers=scalers), {}, agreed)[SCALING]
    assert row["result"] == result, row
    assert evidence in row["evidence"]
    assert "may grow to 4 GPUs" in row["evidence"]


def test_one_model_whose_scaler_fails_fails_all_and_only_it_is_told() -> None:
    agreed = contract(models=[model(replicas={"min": 1, "max": 4}), model("b", replicas={"min": 1, "max": 2})])
    row = validation(good(scalers=[READY, scaler(KEDA, "b", "b", Ready=("False", "TriggerError"))]), {}, agreed)[
        SCALING
    ]
    assert (row["result"], "llama" in row["evidence"]) == ("failed", False)
    assert "ScaledObject b is not ready" in row["evidence"]


def test_a_model_that_may_only_sleep_needs_what_wakes_it() -> None:
    agreed = contract(models=[model(replicas={"min": 0, "max": 1}, scaling={"idle_to_zero": "15m"})])
    agreed["scaling"] = {**agreed.get("scaling", {}), "scale_to_zero": True}
    assert validation(good(scalers=[BROKEN]), {}, agreed)[SCALING]["result"] == "failed"


SLEEPY: dict[str, Any] = {"replicas": {"min": 0, "max": 2}, "scaling": {"idle_to_zero": "15m"}}


def test_a_model_that_sleeps_as_it_may_is_well_and_not_asked() -> None:
    agreed = contract(models=[model(**SLEEPY)])
    asleep = good(
        deployments=[component("router"), component("telemetry", replicas=1), served(replicas=0)],
        endpoint_slices=[endpoints("fireworks-system", "router")],
    )
    rows = validation(asleep, probes(agreed, ok=False, status=503), agreed)
    assert rows[GPU]["result"] == "passed"
    assert rows[ENDPOINT]["result"] == "unproven"
    assert "llama sleeps, at zero replicas" in rows[ENDPOINT]["evidence"]


SLEEPS, AWAKE = model("s", served_name="org/S", **SLEEPY), model("a", served_name="org/A")


@pytest.mark.parametrize(
    ("models", "facts", "asked", "lacking"),
    [
        ([AWAKE], MAY, "org/A", ""),
        ([SLEEPS, AWAKE], MAY, "org/A", ""),
        ([AWAKE], MAY_NOT, "", "this identity may not ask models through it"),
        ([AWAKE], {"permissions": []}, "", "this identity may not ask models through it"),
        ([SLEEPS], MAY, "", "every model may sleep"),
        ([], MAY_NOT, "", ""),
    ],
)
def test_a_model_that_never_sleeps_is_asked_for_a_token_through_the_router(
    models: list[dict[str, Any]], facts: dict[str, Any], asked: str, lacking: str
) -> None:
    agreed = contract(models=models)
    agreed["scaling"] = {**agreed.get("scaling", {}), "scale_to_zero": True}
    requests = probe_requests(agreed, facts)
    [one] = [each for each in requests if each["service"] == "router"]
    how = (one.get("method", "GET"), one["path"], one.get("body", {}).get("model", ""))
    assert how == (("POST", "/v1/completions", asked) if asked else ("GET", "/v1/models", ""))
    answers = {"probes": [{**each, "ok": True, "status": 200, "elapsed_ms": 7} for each in requests]}
    row = validation(good(), answers, agreed)[ROUTING]
    assert row["result"] == ("unproven" if lacking else "passed")
    assert lacking in row["evidence"]


@pytest.mark.parametrize(
    ("ready", "rolled_out", "asked"),
    [(1, ["s"], "org/S"), (0, ["s"], ""), (1, [], ""), (1, ["other"], "")],
)
def test_a_model_that_may_sleep_is_asked_after_a_change_only(ready: int, rolled_out: list[str], asked: str) -> None:
    agreed = contract(models=[SLEEPS])
    agreed["scaling"] = {**agreed.get("scaling", {}), "scale_to_zero": True}
    facts = {**MAY, "endpoints": [{"namespace": "fireworks-models", "service": "s", "ready": ready}]}
    [one] = [each for each in probe_requests(agreed, facts, rolled_out) if each["service"] == "router"]
    assert one.get("body", {}).get("model", "") == asked


def test_a_model_without_replicas_that_may_not_sleep_fails() -> None:
    gone = good(deployments=[component("router"), component("telemetry", replicas=1), served(replicas=0)])
    rows = validation(gone, {}, contract(models=[model()]))
    assert rows[GPU]["result"] == "failed"
    assert "llama has 0 of 2 replicas ready" in rows[GPU]["evidence"]


def test_without_models_there_is_little_to_prove() -> None:
    rows = validation(good(deployments=[component("router"), component("telemetry")]), {}, contract())
    assert [row["result"] for row in rows] == ["unproven", "unproven", "unproven", "passed", "unproven"]
    assert [each["service"] for each in probe_requests(contract(), MAY)] == ["router", "telemetry"]


def test_in_hardened_mode_the_customers_quota_counts() -> None:
    hardened = contract(access={"mode": "hardened"})
    assert validation(good(quotas=[quota(16, owner="them")]), {}, hardened)[SCALING]["result"] == "passed"


def test_a_quota_that_counts_some_pods_only_is_not_the_one_that_holds_all() -> None:
    of_some = quota(8)
    of_some["spec"]["scopeSelector"] = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}
    alone = validation(good(quotas=[of_some]), {}, contract(models=[model()]))[SCALING]
    assert (alone["result"], "no quota holds" in alone["evidence"]) == ("failed", True)
    beside = validation(good(quotas=[of_some, quota()]), {}, contract(models=[model()]))[SCALING]
    assert "the quota stops at 16 GPUs" in beside["evidence"]


def test_answers_are_joined_with_their_requests() -> None:
    request = probe_requests(contract(), MAY)[0]
    answers = probe_answers(
        [
            {"item": request, "ok": True, "status": 200, "elapsed_ms": 3, "error": ""},
            {"item": request, "failed": True, "msg": "no route to host"},
            {"item": request, "skipped": True},
            {"msg": "all skipped"},
        ]
    )
    assert [(each["ok"], each["status"], each["error"]) for each in answers] == [
        (True, 200, ""),
        (False, 0, "no route to host"),
    ]
    assert answers[0]["service"] == "router"
