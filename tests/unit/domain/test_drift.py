# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In what a cluster differs from its contract, told from what is read anyway."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.drift import drift, installed
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.objects import model_objects, pods_mark
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import (
    UnknownReleaseError,
    release_in_force,
    release_version,
)
from tests.unit.domain.agreed import RELEASE, contract, model

VERSION = RELEASE["version"]
AGREED = contract(models=[model(), model("phi")], stack={"release": VERSION})
MARKS = {name: pods_mark(AGREED, model(name), RELEASE) for name in ("llama", "phi")}


def there(release: str = VERSION, **models: str) -> dict[str, Any]:
    return {"release": release, "unfinished": "", "models": {**MARKS, **models}}


@pytest.mark.parametrize(
    ("agreed", "found", "told"),
    [
        (AGREED, there(), []),
        (AGREED, {}, []),
        (AGREED, {"release": "", "unfinished": "", "models": {}}, []),
        (AGREED, there("2026.10.0"), [f"the stack is 2026.10.0 and the contract says {VERSION}"]),
        (AGREED | {"stack": {"channel": "stable"}}, there("2026.10.0"), []),
        (AGREED, there(llama="0"), ["llama is another revision than the contract's"]),
        (AGREED, there(qwen="0"), ["qwen is there and not in the contract"]),
        (
            AGREED, {**there(), "release": "", "models": {"llama": MARKS["llama"]}},
            [f"the stack is not there and the contract says {VERSION}", "phi is not there"],
        ),
        (
            AGREED | {"models": [model(), model("phi", engine={"name": "vllm", "version": "0.0.1"})]}, there(),
            ["phi is another revision than the contract's"],
        ),
    ],
)  # fmt: skip
def test_what_differs(agreed: dict[str, Any], found: dict[str, Any], told: list[str]) -> None:
    differences = drift(agreed, found, [RELEASE])
    assert [one["what"] for one in differences] == told
    assert all(one["next"].startswith("fireworks.byoc.") for one in differences)


def test_revisions_are_not_compared_without_the_release_that_is_installed() -> None:
    assert drift(AGREED, there(llama="0"), []) == []
    assert drift(AGREED, there(llama="0"), [{**RELEASE, "version": "2099.1.0"}]) == []


def test_a_release_that_was_altered_concerns_only_the_clusters_that_have_it() -> None:
    altered = {"version": VERSION, "unusable": "/x is not used: its files have another digest"}
    [told] = drift(AGREED, there(llama="0"), [altered])
    assert told["what"] == f"the models cannot be compared: {altered['unusable']}"
    assert told["next"].startswith("fireworks.byoc.verify_release")
    assert drift(AGREED | {"stack": {}}, there("2026.10.0"), [altered]) == []


def test_the_mark_is_what_the_pods_carry_whoever_scales_them_and_whatever_the_release_is_called() -> None:
    [workload, *_others] = model_objects(AGREED, model(), RELEASE)
    assert workload["spec"]["template"]["metadata"]["annotations"]["byoc.fireworks.ai/revision"] == MARKS["llama"]
    later = {**RELEASE, "version": "2099.1.0"}
    assert model_objects(AGREED, model(), later) == model_objects(AGREED, model(), RELEASE)


def test_what_is_installed_is_told_from_facts() -> None:
    unread = {"bounds": None, "presetup_version": None}
    facts = {"stack": {"release": VERSION, "unfinished": ""}, "models": [{"name": "llama", "revision": "a"}], **unread}
    none = {"release": "", "unfinished": "", "since": "", "failed": {}, "models": {}, "bounds": None}
    none["presetup_version"] = None
    assert installed(facts) == {**none, "release": VERSION, "models": {"llama": "a"}}
    assert installed({"stack": None, "models": [], **unread}) == none
    assert installed({}) == {}


def test_models_are_made_by_the_release_that_is_installed() -> None:
    for stack in ({"channel": "stable"}, {"release": "2026.12.0"}):
        assert release_in_force(stack, {"release": VERSION}) == {"release": VERSION}
        assert release_in_force(stack, None) == stack
    with pytest.raises(UnknownReleaseError, match=r"there is no stack release 2026.90.0; .* -e releases=<folder>"):
        release_version(release_in_force({}, {"release": "2026.90.0"}), {}, ["2026.11.0"])
