# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight's judgement of sources against the contract's egress, and of images against what a registry said."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import load_contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight import (
    image_question,
    preflight,
    refusal,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight.sources import sources_are_reachable
from tests.unit.domain.agreed import RELEASE, contract, facts, model
from tests.unit.domain.contract.contracts import EXAMPLES, loader_class

HUB, BUCKET, GOOGLE, VOLUME = "hf://acme/llama", "s3://acme/llama", "gs://acme/llama", "pvc://weights/llama"
KNOWN = {"workload_identity": {"google_service_account": "weights@acme-ml.iam.gserviceaccount.com"}}
PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8", "169.254.0.0/16"]


def judged(uri: str, egress: list[str], **more: Any) -> list[tuple[bool, bool, str]]:
    asked = model(source={"uri": uri, "revision": "1", **more.pop("source", {})}, **more)
    found = sources_are_reachable({}, contract(models=[asked], compliance={"egress": egress}), RELEASE)
    return [(each.ok, each.blocking, each.found) for each in found]


@pytest.mark.parametrize("uri", [HUB, BUCKET, GOOGLE])
def test_no_egress_excludes_every_place(uri: str) -> None:
    assert judged(uri, []) == [(False, True, f"no network excludes {uri}")]


@pytest.mark.parametrize("egress", [[each] for each in PRIVATE] + [PRIVATE])
def test_private_networks_exclude_the_hub_and_prove_nothing_of_a_bucket(egress: list[str]) -> None:
    assert judged(HUB, egress) == [(False, True, f"{', '.join(egress)} excludes {HUB}")]
    assert judged(BUCKET, egress) == judged(GOOGLE, egress) == [(False, False, "unproven")]


@pytest.mark.parametrize("everywhere", ["0.0.0.0/0", "::/0"])
@pytest.mark.parametrize("uri", [HUB, BUCKET, GOOGLE])
def test_egress_to_everywhere_excludes_nothing(uri: str, everywhere: str) -> None:
    assert judged(uri, ["10.0.0.0/8", everywhere]) == [(True, True, "egress to everywhere")]


@pytest.mark.parametrize("public", ["8.0.0.0/8", "0.0.0.0/1", "2600::/12", "10.0.0.0/7"])
def test_a_way_to_public_networks_is_unproven(public: str) -> None:
    assert judged(HUB, ["10.0.0.0/8", public]) == [(False, False, "unproven")]


def test_a_volume_needs_no_way_and_its_adapter_may() -> None:
    assert judged(VOLUME, []) == []
    tone = [{"name": "tone", "source": "hf://acme/tone"}]
    assert judged(VOLUME, ["10.0.0.0/8"], adapters=tone) == [(False, True, "10.0.0.0/8 excludes hf://acme/tone")]


@pytest.mark.parametrize(
    ("egress", "met"),
    [
        (["0.0.0.0/0"], True),
        (["199.36.153.8/30"], False),
        (["199.36.153.8/30", "169.254.169.254/32"], True),
        (["199.36.153.8/30", "169.254.169.252/32"], True),
        (["::/0"], False),
    ],
)
def test_a_google_identity_needs_the_metadata_server(egress: list[str], met: bool) -> None:
    *_source, identity = judged(GOOGLE, egress, source={"credential": KNOWN})
    assert identity[:2] == (met, True)


def test_a_refusal_names_the_networks_the_place_and_who_acts() -> None:
    agreed = contract(models=[model()], compliance={"egress": ["10.0.0.0/8"]})
    said = refusal("acme-eu-1", preflight(facts(), agreed, RELEASE))
    assert "source of llama: The pods of llama may open connections to 10.0.0.0/8 (compliance.egress), and" in said
    assert "hf://meta-llama/Llama-3.1-8B-Instruct is not there" in said
    assert "Action required by: customer" in said and "networking@acme.example" in said


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_no_shipped_contract_excludes_its_own_models(file: Any) -> None:
    agreed = load_contract(loader_class()(file.read_text(encoding="utf-8")).get_single_data(), path=file.name)
    found = sources_are_reachable({}, agreed, RELEASE)
    assert found
    assert [each.message for each in found if each.blocking and not each.ok] == []


IMAGES = [f"registry.acme.example/fireworks/{name}@sha256:{name}" for name in ("a", "b", "c")]


def told(*states: str, asked: bool = True, why: str = "") -> list[dict[str, Any]]:
    return [
        {"image": image, "asked": asked, "state": state, "why": "" if state == "present" else why}
        for image, state in zip(IMAGES, states, strict=True)
    ]


@pytest.mark.parametrize(
    ("answers", "ok", "blocking", "found", "said"),
    [
        (told(*["present"] * 3), True, True, "3 there", ""),
        (told("present", "missing", "missing"), False, True, "2 of 3 missing", f"no {IMAGES[1]}, {IMAGES[2]}, or"),
        (told("unknown", "missing", "present", why="HTTP 500"), False, True, "1 of 3 missing", f"no {IMAGES[1]}, or"),
        (told("present", "unknown", "unknown", why="HTTP 500"), False, False, "not told", "2 of the images"),
        (
            told(*["unknown"] * 3, asked=False, why="no docker config is given"),
            False,
            False,
            "not asked",
            "is not tested: no docker config is given.",
        ),
    ],
)
def test_images_are_missing_there_or_not_asked_for(
    answers: Any, ok: bool, blocking: bool, found: str, said: str
) -> None:
    items = preflight(facts(), contract(), RELEASE, images=answers)
    [item] = [each for each in items if each["check"] == "images in the registry"]
    assert (item["ok"], item["blocking"], item["found"]) == (ok, blocking, found)
    assert said in item["message"]


def test_the_question_is_for_exactly_the_images_that_are_pulled() -> None:
    found = image_question(contract(models=[model()]), RELEASE)
    assert found == [
        "registry.acme.example/fireworks/lmstack-router@sha256:aa",
        "registry.acme.example/fireworks/prometheus@sha256:bb",
        "registry.acme.example/fireworks/vllm-openai@sha256:cc",
    ]
    unknown = model(engine={"name": "vllm", "version": "9.9.9"})
    assert image_question(contract(models=[unknown]), RELEASE) == []
