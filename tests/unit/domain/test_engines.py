# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines: how each is started, and what of the contract it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.engine import (
    ENGINES,
    UnsupportedSourceError,
    engine_of,
    launch,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.rules import (
    models_can_be_served,
    models_fit_their_gpus,
)
from tests.unit.domain.agreed import RELEASE, contract, model
from tests.unit.domain.raw import H100

SGLANG = {"name": "sglang", "version": "0.5.3"}


def vllm(**arguments: Any) -> dict[str, Any]:
    return {
        "name": "vllm",
        "version": "0.11.0",
        "arguments": {flag.replace("_", "-"): value for flag, value in arguments.items()},
    }


def command(**more: Any) -> list[str]:
    return launch(model(**more)).command


@pytest.mark.parametrize(
    ("more", "flags"),
    [
        ({"gpu": {"product": H100, "per_replica": 4}}, ["--tensor-parallel-size=4"]),
        (
            {"gpu": {"product": H100, "per_replica": 4}, "parallelism": {"pipeline": 2}},
            ["--tensor-parallel-size=2", "--pipeline-parallel-size=2"],
        ),
        ({"gpu": {"product": H100, "per_replica": 2}, "parallelism": {"tensor": 2}}, ["--tensor-parallel-size=2"]),
        ({"quantization": "fp8"}, ["--quantization=fp8"]),
        ({"kv_cache_dtype": "fp8_e4m3"}, ["--kv-cache-dtype=fp8_e4m3"]),
        (
            {"adapters": [{"name": "a", "source": "hf://o/a"}, {"name": "b", "source": "pvc://loras/b"}]},
            ["--enable-lora", "--lora-modules", "a=o/a", "b=/adapters/1/b"],
        ),
        ({"engine": vllm(max_num_seqs=128)}, ["--max-num-seqs=128"]),
        ({"engine": vllm(enable_prefix_caching=True)}, ["--enable-prefix-caching"]),
        ({"engine": vllm(enable_prefix_caching=False)}, ["--no-enable-prefix-caching"]),
        ({"engine": vllm(hf_overrides='{"a": "$(HOME)"}')}, ['--hf-overrides={"a": "$$(HOME)"}']),
        ({"engine": SGLANG}, ["--model-path=meta-llama/Llama-3.1-8B-Instruct", "--enable-metrics", "--port=8000"]),
        ({"engine": SGLANG, "gpu": {"product": H100, "per_replica": 4}}, ["--tensor-parallel-size=4"]),
        ({"engine": SGLANG}, ["--context-length=32768", "--revision=0e9e39f"]),
        ({"engine": SGLANG, "quantization": "awq", "kv_cache_dtype": "fp8_e5m2"}, ["--quantization=awq"]),
        ({"engine": SGLANG, "kv_cache_dtype": "fp8_e5m2"}, ["--kv-cache-dtype=fp8_e5m2"]),
        (
            {"engine": SGLANG, "adapters": [{"name": "a", "source": "hf://o/a"}]},
            ["--enable-lora", "--lora-paths", "a=o/a"],
        ),
        ({"engine": {**SGLANG, "arguments": {"a": True, "b": False, "c": 1}}}, ["--a", "--c=1"]),
    ],
)
def test_what_the_contract_says_becomes_flags(more: dict[str, Any], flags: list[str]) -> None:
    found = command(**more)
    assert [flag for flag in flags if flag not in found] == []
    if len(flags) > 2 and flags[0] == "--enable-lora":
        start = found.index(flags[0])
        assert found[start : start + len(flags)] == flags


def test_what_is_not_said_is_no_flag() -> None:
    for engine in (vllm(), SGLANG):
        bare = command(engine=engine, source={"uri": "pvc://weights"}, context_length=None, quantization="none")
        text = " ".join(bare)
        for flag in (
            "--revision",
            "--context-length",
            "--max-model-len",
            "--quantization",
            "--kv-cache",
            "--enable-lora",
        ):
            assert flag not in text
    assert "--b" not in " ".join(command(engine={**SGLANG, "arguments": {"b": False}}))


def test_other_weights_are_another_pod_even_where_the_engine_has_no_flag_for_them() -> None:
    def revision(**source: str) -> str:
        found = model_objects(contract(), model(source={"uri": "s3://b/m", "revision": "r1", **source}), RELEASE)
        return str(found[0]["metadata"]["annotations"]["byoc.fireworks.ai/revision"])

    assert len({revision(), revision(revision="r2"), revision(digest="sha256:" + "a" * 64)}) == 3


def test_volumes_of_weights_and_adapters_are_only_read_and_the_cache_may_be_the_customers() -> None:
    served = model(
        source={"uri": "pvc://weights/llama", "revision": "r1"},
        adapters=[{"name": "a", "source": "pvc://loras/a"}],
        weights_cache={"claim": "hub-cache"},
    )
    [pod] = [o for o in model_objects(contract(), served, RELEASE) if o["kind"] == "Deployment"]
    spec = pod["spec"]["template"]["spec"]
    claims = {v["name"]: v["persistentVolumeClaim"] for v in spec["volumes"] if "persistentVolumeClaim" in v}
    assert claims == {
        "cache": {"claimName": "hub-cache"},
        "weights": {"claimName": "weights", "readOnly": True},
        "adapters-0": {"claimName": "loras", "readOnly": True},
    }
    mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts["adapters-0"] == "/adapters/0"
    assert mounts["cache"] == "/cache"


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_names_its_metrics_and_reserves_what_it_sets(name: str) -> None:
    engine = engine_of(model(engine={"name": name}))
    metrics = engine.metrics
    assert all(metric.startswith(f"{name}:") for metric in (metrics.waiting, metrics.kv_cache_usage))
    full = model(
        engine={"name": name},
        gpu={"product": H100, "per_replica": 4},
        parallelism={"pipeline": 2},
        quantization="awq",
        kv_cache_dtype="fp8_e4m3",
        adapters=[{"name": "a", "source": "hf://o/a"}],
    )
    set_by_us = {word.partition("=")[0][2:] for word in engine.start(full).command if word.startswith("--")}
    assert set_by_us <= set(engine.reserved)


@pytest.mark.parametrize(
    ("more", "place", "message"),
    [
        ({"engine": {**vllm(), "name": "vlm"}}, ("engine", "name"), "there is no engine 'vlm': did you mean 'vllm'?"),
        ({"engine": {**vllm(), "name": "triton"}}, ("engine", "name"), "'triton': known here: vllm, sglang"),
        ({"quantization": "int4"}, ("quantization",), "vllm has no quantization 'int4'"),
        ({"quantization": "gptq_marlim"}, ("quantization",), "did you mean 'gptq_marlin'?"),
        (
            {"engine": vllm(tensor_parallel_size=2)},
            ("engine", "arguments", "tensor-parallel-size"),
            "--tensor-parallel-size is not set here: change parallelism.tensor",
        ),
        (
            {"engine": vllm(max_model=2)},
            ("engine", "arguments", "max-model"),
            "--max-model would be read as --max-model-len: change context_length",
        ),
        (
            {"engine": vllm(no_enable_lora=True)},
            ("engine", "arguments", "no-enable-lora"),
            "--no-enable-lora would be read as --enable-lora: change adapters",
        ),
        ({"engine": vllm(api_key="x")}, ("engine", "arguments", "api-key"), "a secret has no place on a command line"),
        ({"source": {"uri": "ftp://x/y"}}, ("source", "uri"), "vllm cannot load weights from 'ftp://x/y'; it can from"),
        (
            {"adapters": [{"name": "a", "source": "s3://b/a"}]},
            ("adapters", 0, "source"),
            "vllm cannot load weights from 's3://b/a'; it can from hf:// and pvc://",
        ),
    ],
)
def test_what_an_engine_cannot_do_is_refused_at_its_place(
    more: dict[str, Any], place: tuple[Any, ...], message: str
) -> None:
    served = {"quantization": "none", **model(engine=vllm())} | more
    [(where, said)] = models_can_be_served(contract(models=[served]))
    assert where == ("models", 0, *place)
    assert message in said


TELLING = {
    "vllm": (
        *("enable-log-requests", "enable-log-outputs", "enable-log-deltas", "log-config-file", "middleware"),
        "config",
    ),
    "sglang": (
        *("log-requests", "log-requests-level", "log-requests-format", "log-requests-target", "crash-dump-folder"),
        *("export-metrics-to-file", "export-metrics-to-file-dir", "config"),
    ),
}
"""Flags by which requests are written to logs or files, or by which somebody else's program or flags are loaded."""


def refused(engine: str, flag: str, value: Any) -> list[str]:
    served = model(engine={"name": engine, "version": "1.0", "arguments": {flag: value}}, quantization="none")
    return [said for _where, said in models_can_be_served(contract(models=[served]))]


def test_no_argument_has_requests_logged() -> None:
    for engine, flags in TELLING.items():
        for flag in flags:
            # Engines know a flag by its beginning, and by its negation.
            for said in (flag, f"no-{flag}", flag[:-1], f"{flag}.x"):
                for value in (True, False, "true", "2", 3):
                    assert refused(engine, said, value), (engine, said, value)


def test_flags_that_keep_requests_out_of_logs_may_be_set_and_not_turned_around() -> None:
    assert refused("vllm", "disable-log-requests", True) == []
    for flag, value in (
        ("disable-log-requests", False),
        ("disable-log-requests", "false"),
        ("no-disable-log-requests", True),
        ("no-disable-log-req", True),
    ):
        assert "would have requests logged" in refused("vllm", flag, value)[0], flag
    for engine, flag in (
        *(("vllm", flag) for flag in ("disable-log-stats", "config-format", "enable-prefix-caching", "max-log-len")),
        *(("sglang", flag) for flag in ("log-level", "log-level-http", "decode-log-interval")),
    ):
        assert refused(engine, flag, True) == [], flag


def test_no_environment_of_an_engine_has_requests_logged() -> None:
    """The contract sets none: what an engine is given is here."""
    for engine in ENGINES:
        found = launch(model(engine={"name": engine, "version": "1.0"})).environment
        assert not [name for name in found if "LOG" in name or "DEBUG" in name or "TRACE" in name], engine


def test_what_an_engine_can_do_is_not_refused() -> None:
    served = model(engine=vllm(max_num_seqs=1, gpu_memory_utilization="0.92"), quantization="awq")
    assert list(models_can_be_served(contract(models=[served]))) == []
    assert list(models_fit_their_gpus(contract(models=[served]))) == []


def test_a_model_that_does_not_fit_is_refused_with_the_arithmetic_and_what_would_fit_inside_what_was_agreed() -> None:
    large = model("large", source={"uri": "hf://meta-llama/Llama-3.1-70B-Instruct"})
    [(where, said)] = models_fit_their_gpus(contract(models=[model(), large]))
    assert where == ("models", 1, "gpu")
    assert said.startswith("large does not fit: it is too large for 1 GPU. weights 70.55e9 parameters x 2 bytes")
    assert "gpu.per_replica: 4" in said
    scaling = {"max_gpus_per_model": 2}
    [(_where, said)] = models_fit_their_gpus(contract(models=[large], scaling=scaling))
    assert "gpu.per_replica" not in said


def test_what_is_unproven_or_of_no_engine_of_ours_is_no_problem_of_its_fit() -> None:
    models = [model(source={"uri": "s3://b/m"}), model(engine={"name": "magic", "version": "1"})]
    assert list(models_fit_their_gpus(contract(models=models))) == []


def test_an_error_names_the_model_and_its_place() -> None:
    with pytest.raises(UnsupportedSourceError, match="model llama: there is no engine 'magic'; there is vllm") as error:
        launch(model(engine={"name": "magic", "version": "1"}))
    assert error.value.place == ("engine", "name")
