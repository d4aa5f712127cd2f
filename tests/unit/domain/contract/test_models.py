# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says of its models: defaults, and what is refused and why."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import ContractErrors, load_contract
from tests.unit.domain.contract.contracts import GONE, H100, PATH, complaints_about, example, loaded, model

BARE = {
    f"models.0.{key}": GONE
    for key in ("scaling", "rollout", "health_gate", "traffic_class", "priority", "load_timeout")
}
SCHEDULE = {"weekly": ["mon"], "start": "08:00", "duration": "10h", "time_zone": "UTC", "min": 1, "max": 4}
RULE = {"rrule": "FREQ=DAILY;BYHOUR=8", "duration": "10h", "time_zone": "UTC", "min": 1, "max": 4}


def test_what_a_model_does_not_say_has_a_default() -> None:
    served = loaded(BARE)["models"][0]
    assert served["task"] == "serve"
    assert (served["parallelism"], served["gpu"]["nodes"]) == ({}, 1)
    assert (served["quantization"], served["kv_cache_dtype"]) == ("none", "auto")
    assert (served["adapters"], served["engine"]["arguments"]) == ([], {})
    assert served["traffic_class"] == "interactive"
    assert served["scaling"] == {"signals": {"kv_cache_usage": 0.8, "waiting_requests": 5}, "schedules": []}
    assert served["rollout"] == {"downtime": False, "bake": "2m", "history": 10}
    assert served["health_gate"] == {"canary_request": True, "heartbeat_grace": "120s"}
    assert served["overflow"] is False
    assert not {"architecture", "weights_cache"} & set(served)


@pytest.mark.parametrize(
    "changes",
    [
        {"models.0.task": "serve"},
        {"models.0.source.digest": "sha256:" + "0f" * 32},
        {"models.0.gpu.per_replica": 4, "models.0.parallelism": {"tensor": 2, "pipeline": 2}},
        {"models.0.gpu.per_replica": 4, "models.0.parallelism": {"pipeline": 2}},
        {"models.0.engine.arguments": {"max-num-seqs": 1, "a.b_C": "x", "switch": True, "share": 0.5}},
        {"models.0.replicas.min": 0, "models.0.scaling.idle_to_zero": "15m"},
        {"models.0.scaling.schedules": [SCHEDULE, RULE, {**RULE, "min": 0}]},
        {"models.0.scaling.schedules": [{**RULE, "from": datetime.date(2026, 1, 5)}]},
        {"compliance.overflow": True, "models.0.overflow": True},
        {"models.0.weights_cache": {"claim": "hub"}},
        {"models.0.rollout": {"deadline": "1h", "bake": "59m"}},
        {"models.0.adapters": [{"name": "org/tone", "source": "hf://org/tone"}]},
        {"models.0.scaling.signals": {"kv_cache_usage": "0.85"}},
    ],
    ids=str,
)
def test_it_accepts(changes: dict[str, Any]) -> None:
    assert loaded(changes)


def test_a_decimal_is_a_number_whichever_way_yaml_read_it() -> None:
    signals = [
        loaded({"models.0.scaling.signals": {"kv_cache_usage": value}})["models"][0]["scaling"]["signals"]
        for value in (0.85, "0.85")
    ]
    assert signals[0] == signals[1] == {"kv_cache_usage": 0.85, "waiting_requests": 5}


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"task": "embed"}, "task", "'embed' is not one of serve"),
        ({"image": "docker.io/x:1"}, "image", "'docker.io/x:1': a model names no image. It comes by digest"),
        ({"engine.image": "x"}, "engine.image", "out of compliance.registries (registry.acme.example/fireworks)"),
        (
            {"engine.arguments": {"Max_Seqs": 1}},
            "engine.arguments.Max_Seqs",
            "cannot be a name here: write the flag in",
        ),
        ({"engine.arguments": {"a": []}}, "engine.arguments.a", "a list is not text or a number or true or false"),
        ({"engine.arguments": {"a": "x\ny"}}, "engine.arguments.a", "write it on one line"),
        ({"engine.arguments": {"a": float("nan")}}, "engine.arguments.a", "nan is not text or a number"),
        ({"parallelism": {"tensor": 2}}, "parallelism.tensor", "tensor 2 x pipeline 1 = 2, but gpu.per_replica is 1"),
        (
            {"parallelism": {"pipeline": 2}},
            "parallelism.pipeline",
            "the 1 GPUs of gpu.per_replica cannot be cut into 2",
        ),
        ({"parallelism": {"tensor": 0}}, "parallelism.tensor", "0 is too small"),
        ({"architecture": {"layers": 1}}, "architecture.parameters", "is missing: All of its parameters."),
        ({"adapters": [{"name": "a b", "source": "hf://a/b"}]}, "adapters[0].name", "write it without spaces, commas"),
        ({"adapters": [{"name": "a", "source": "b"}]}, "adapters[0].source", "is not where a model comes from"),
        (
            {"adapters": [{"name": "meta-llama/Llama-3.1-8B-Instruct", "source": "hf://a/b"}]},
            "adapters[0].name",
            "is served by models[0] too",
        ),
        (
            {"overflow": True},
            "overflow",
            "overflow onto Fireworks' capacity was not elected: compliance.overflow is false",
        ),
        ({"scaling.idle_to_zero": "5m"}, "scaling.idle_to_zero", "needs replicas.min: 0, and it is 2"),
        ({"scaling.signals": {"kv_cache_usage": "much"}}, "scaling.signals.kv_cache_usage", "'much' is not a number"),
        (
            {"scaling.signals": {"kv_cache_usage": float("nan")}},
            "scaling.signals.kv_cache_usage",
            "nan is not a number",
        ),
        ({"scaling.signals": {"kv_cache_usage": True}}, "scaling.signals.kv_cache_usage", "true is not a number"),
        (
            {"scaling.schedules": [{**SCHEDULE, "min": 5}]},
            "scaling.schedules[0].min",
            "5 is more than max, 4: swap them",
        ),
        ({"scaling.schedules": [{**SCHEDULE, "max": 9}]}, "scaling.schedules[0].max", "more than scaling.max_replicas"),
        ({"scaling.schedules": [{**RULE, "rrule": "FREQ=DAILY"}]}, "scaling.schedules[0].rrule", "add BYHOUR"),
        (
            {"scaling.schedules": [{**RULE, "time_zone": "berlin"}]},
            "scaling.schedules[0].time_zone",
            "'Europe/Berlin'?",
        ),
        (
            {"scaling.schedules": [{key: value for key, value in RULE.items() if key != "max"}]},
            "scaling.schedules[0].max",
            "is missing: The most replicas in it.",
        ),
        ({"adapters": [{"source": "hf://a/b"}]}, "adapters[0].name", "is missing: The name that clients ask for."),
        ({"scaling.schedules": [{"max": 1}]}, "scaling.schedules[0]", "does not say when it opens"),
        ({"rollout": {"deadline": "2m"}}, "rollout.deadline", "'2m' is not longer than rollout.bake"),
        ({"rollout": {"deadline": "5m", "bake": "10m"}}, "rollout.deadline", "'5m' is not longer than rollout.bake"),
    ],
)
def test_what_cannot_be_is_named_at_its_place(changes: dict[str, Any], where: str, message: str) -> None:
    found = complaints_about({f"models.0.{place}": value for place, value in changes.items()})
    assert message in found[f"models[0].{where}"]


def test_a_secret_among_the_arguments_is_not_repeated() -> None:
    found = complaints_about({"models.0.engine.arguments": {"api-key": ["hunter2"]}})
    assert found["models[0].engine.arguments.api-key"].startswith("the value (not shown) is not text")


def test_zero_replicas_at_times_need_what_zero_replicas_need() -> None:
    found = complaints_about({"scaling.scale_to_zero": False, "models.0.scaling.schedules": [{**SCHEDULE, "min": 0}]})
    assert found["models[0].scaling.schedules[0].min"] == "0 needs scaling.scale_to_zero: true"


@pytest.mark.parametrize(
    "word", ["pre-training", "continued_pretraining", "LoRA training", "Full Fine-Tune", "dpo_job"]
)
def test_every_kind_of_training_is_recognised(word: str) -> None:
    [said] = complaints_about({"models.0.task": word}).values()
    assert said.startswith(f"'{word}': fine-tuning and training jobs are not supported")
    assert "The contract's owner removes it" in said


def test_an_adapter_and_a_model_do_not_share_a_name_whichever_comes_first() -> None:
    adapter = {"name": "second", "source": "hf://a/b"}
    second = model("second", replicas={"min": 1, "max": 1})
    assert complaints_about({"models.0.adapters": [adapter], "models.1": second}) == {
        "models[0].adapters[0].name": "'second' is served by models[1] too: give one of them another name"
    }


def test_rules_of_others_are_asked_about_the_whole_contract_once_it_is_valid() -> None:
    asked: list[Any] = []

    def rule(contract: Any) -> Any:
        asked.append(contract["models"][0]["quantization"])
        yield ("models", 0, "gpu"), "is too small"

    with pytest.raises(ContractErrors, match=r"1 problem.*\n.*models\[0\]\.gpu: is too small"):
        load_contract(example(), path=PATH, rules=[rule])
    with pytest.raises(ContractErrors, match="is not a cluster UID"):
        load_contract(example({"identity.uid": "x"}), path=PATH, rules=[rule])
    assert asked == ["none"]


@pytest.mark.parametrize("broken", [None, 1, "x", [], {}, [1], [None], {"a": 1}], ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        "scaling",
        "scaling.signals",
        "scaling.schedules",
        "rollout",
        "adapters",
        "parallelism",
        "engine",
        "engine.arguments",
    ],
)
def test_broken_data_anywhere_in_a_model_is_reported_and_never_a_traceback(place: str, broken: Any) -> None:
    complaints_about({"models.0.parallelism": {}, "models.0.adapters": [], f"models.0.{place}": broken})
    complaints_about({"models.0.gpu": {"product": H100, "per_replica": broken}, "models.0.parallelism": {"tensor": 2}})
