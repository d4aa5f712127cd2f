# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``mirror`` prints: what is copied from where to where, and the lines that do it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.mirror import TOOLS, mirror_plan
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import VARIABLES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import UnknownReleaseError, needed_images
from tests.unit.domain.agreed import RELEASE, contract, model

DIGEST = "sha256:" + "ab12" * 16
WITH_DIGESTS: dict[str, Any] = {
    **RELEASE,
    "images": {"router": {"name": "lmstack-router", "digest": DIGEST}},
    "engines": {"vllm": {"0.11.0": {"name": "vllm-openai", "digest": DIGEST.replace("a", "c")}}},
}
THERE, HERE = "registry.fireworks.example/byoc", "registry.acme.example/fireworks"


def test_images_go_from_the_releases_registry_to_the_customers_by_digest() -> None:
    plan = mirror_plan(contract(models=[model(), model("other")]), WITH_DIGESTS)
    router, engine = plan["images"]
    assert (router["from"], router["to"]) == (f"{THERE}/lmstack-router@{DIGEST}", f"{HERE}/lmstack-router:ab12ab12ab12")
    assert router["pulled_as"] == f"{HERE}/lmstack-router@{DIGEST}"
    assert (engine["what"], engine["release"]) == ("vllm 0.11.0", "2026.11.0")
    assert plan["lines"][0] == (
        f"skopeo copy --all --preserve-digests docker://{THERE}/lmstack-router@{DIGEST} "
        f"docker://{HERE}/lmstack-router:ab12ab12ab12"
    )


def test_exactly_what_the_nodes_pull_is_copied() -> None:
    agreed = contract(models=[model()])
    assert sorted(row["pulled_as"] for row in mirror_plan(agreed, RELEASE)["images"]) == needed_images(agreed, RELEASE)


def test_another_tool_has_lines_of_its_own() -> None:
    crane = mirror_plan(contract(), WITH_DIGESTS, "crane")["lines"]
    assert crane == [f"crane copy {THERE}/lmstack-router@{DIGEST} {HERE}/lmstack-router:ab12ab12ab12"]
    [choices] = [each.choices for each in VARIABLES if each.name == "mirror_tool"]
    assert choices == tuple(TOOLS)


def test_without_a_registry_of_the_customers_no_image_is_copied() -> None:
    plan = mirror_plan(contract(compliance={"registries": []}), WITH_DIGESTS)
    assert [row["to"] for row in plan["images"]] == ["pulled from there (compliance.registries names no registry)"]
    assert plan["images"][0]["from"] == plan["images"][0]["pulled_as"]
    assert plan["lines"] == []


@pytest.mark.parametrize(
    ("uri", "line"),
    [
        ("hf://acme/llama", "hf download acme/llama --revision r1"),
        ("s3://acme/llama", "aws s3 sync s3://acme/llama acme/llama"),
        ("gs://acme/llama", "gcloud storage rsync --recursive gs://acme/llama acme/llama"),
    ],
)
def test_weights_are_fetched_by_revision(uri: str, line: str) -> None:
    secret = {"secret": {"name": "hub-token", "key": "token"}}
    asked = model(source={"uri": uri, "revision": "r1", "digest": DIGEST, "credential": secret})
    plan = mirror_plan(contract(models=[asked]), RELEASE)
    assert plan["lines"][-1] == line
    assert plan["weights"] == [
        {
            "cluster": "acme-eu-1",
            "what": "llama",
            "from": uri,
            "revision": "r1",
            "digest": DIGEST,
            "credential": "the customer's own",
        }
    ]


def test_what_is_on_a_volume_is_not_fetched_and_its_adapter_is() -> None:
    tone = [{"name": "tone", "source": "hf://acme/tone"}, {"name": "here", "source": "pvc://adapters/here"}]
    asked = model(source={"uri": "pvc://weights/llama", "revision": "1"}, adapters=tone)
    plan = mirror_plan(contract(models=[asked]), RELEASE)
    assert [(row["what"], row["revision"]) for row in plan["weights"]] == [("llama, adapter tone", "")]
    assert plan["lines"][-1] == "hf download acme/tone"


def test_nothing_of_a_contract_reaches_a_shell_unquoted() -> None:
    evil = "hf://acme/$(touch /tmp/x);rm -rf ~"
    asked = model(source={"uri": evil, "revision": "`id`"}, adapters=[{"name": "a", "source": "s3://b/'; id #"}])
    lines = mirror_plan(contract(models=[asked]), RELEASE)["lines"]
    assert [shlex.split(line)[2:] for line in lines[-2:]] == [
        [evil.removeprefix("hf://"), "--revision", "`id`"],
        ["sync", "s3://b/'; id #", "b/'; id #"],
    ]


def test_two_models_of_the_same_weights_are_two_rows_and_one_line() -> None:
    plan = mirror_plan(contract(models=[model("a"), model("b")]), RELEASE)
    assert len(plan["weights"]) == 2
    assert len([line for line in plan["lines"] if line.startswith("hf ")]) == 1


def test_an_engine_that_the_release_does_not_have_is_refused() -> None:
    asked = model(engine={"name": "vllm", "version": "9.9.9"})
    with pytest.raises(UnknownReleaseError, match=r"engine vllm 9\.9\.9 is not part of stack release 2026\.11\.0"):
        mirror_plan(contract(models=[asked]), RELEASE)
