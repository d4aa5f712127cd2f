# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of the prerequisites: an older one stays what it was, and nothing that came later is demanded of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.expectations import access_expectations
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.counted import own_classes
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrail_names import GUARDRAILS
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities import required_permissions
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.inventory import cluster_facts
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import (
    AUDIENCES_ANNOTATION,
    EVICTION_ROLE,
    PRESETUP_ANNOTATION,
    PRESETUP_VERSION_ANNOTATION,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight import preflight
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import (
    presetup_annotations,
    remembered_audiences,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup_version import (
    ADDED,
    NEWEST,
    compiled_version,
    newer_presetup,
    older_presetup,
    version_of,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import AnswerError
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.owner import Owner
from tests.unit.domain.agreed import RELEASE, WITH_GATEWAY, contract, facts

API_SERVER = [{"address": "10.1.2.3", "port": 6443}]
AUDIENCES = ["https://b.example", "https://a.example"]
LATER = set(GUARDRAILS) - {"fireworks-nodes", "fireworks-scope", "fireworks-workloads"} | set(own_classes(contract()))
NEVER = dict.fromkeys(("cordon", "drain", "gpu_reset", "reboot", "replace"), "never")


@pytest.mark.parametrize(
    ("sections", "digest"),
    [({}, "0ae7b32942ed3098"), ({"networking": WITH_GATEWAY, "actions": NEVER}, "7a81d3ce5f5745f8")],
)
def test_the_first_version_is_what_was_applied_before_there_were_versions(sections: Any, digest: str) -> None:
    """The digests are of the collection before its second version: another one would call every cluster stale."""
    agreed = contract(compliance={"egress": ["10.0.0.0/8"]}, **sections)
    objects = presetup_objects(agreed, API_SERVER, ("r.example/x",), AUDIENCES, 1)
    assert presetup_annotations(objects, API_SERVER)[PRESETUP_ANNOTATION] == digest


def names(version: int | None) -> set[str]:
    return {made["metadata"]["name"] for made in presetup_objects(contract(), (), (), AUDIENCES, version)}


def test_each_version_adds_what_it_says() -> None:
    # Of one product there is only the sum to count.
    assert names(NEWEST) - names(1) == {*LATER, EVICTION_ROLE, "objects"} - {"fireworks-products"}
    # Envoy reads files, so that the router's account has no right any more; one of before watched the pods of models.
    assert names(1) - {"fireworks-router"} < names(NEWEST) == names(None)
    assert set(ADDED) == set(range(2, NEWEST + 1))


@pytest.mark.parametrize(
    ("annotations", "version"),
    [({}, 1), ({"x": "2"}, 1), ({PRESETUP_VERSION_ANNOTATION: "2"}, 2), ({PRESETUP_VERSION_ANNOTATION: "two"}, 1),
     ({PRESETUP_VERSION_ANNOTATION: "0"}, 1)],
)  # fmt: skip
def test_a_set_without_a_version_is_of_the_first(annotations: dict[str, str], version: int) -> None:
    assert version_of(annotations) == version


def test_facts_have_the_version_and_the_audiences_that_the_set_remembers() -> None:
    def read(*parents: dict[str, Any]) -> tuple[Any, Any]:
        found = cluster_facts(uid="0f5c", version={}, apis={}, nodes=[], pods=[], set_parents=parents)
        return found["presetup_version"], found["token_audiences"]

    annotations = presetup_annotations([], API_SERVER, AUDIENCES)
    assert read() == (None, [])
    assert read({"metadata": {"name": "presetup"}}) == (1, [])
    assert read({"metadata": {"name": "presetup", "annotations": annotations}}) == (NEWEST, sorted(AUDIENCES))


@pytest.mark.parametrize("noted", ["", "[", "{}", '"x"', "[1]"])
def test_what_is_no_list_of_audiences_is_none(noted: str) -> None:
    assert remembered_audiences({AUDIENCES_ANNOTATION: noted}) == []


def test_one_line_says_what_an_older_version_lacks_and_who_adds_it() -> None:
    said = older_presetup("acme-eu-1", 1)
    assert said.startswith("acme-eu-1: the prerequisites are of version 1 and work on")
    assert "fireworks-tokens" in said and "fireworks.byoc.presetup" in said and "\n" not in said
    assert older_presetup("acme-eu-1", NEWEST) == older_presetup("acme-eu-1", None) == ""


def test_prerequisites_that_could_not_be_read_have_an_owner_and_one_reason() -> None:
    error = AnswerError("it answered 500", status=500, where="acme-eu-1", next_step="look at it", owner=Owner.CUSTOMER)
    head = "acme-eu-1: whether the prerequisites lack anything is not known: "
    assert older_presetup("acme-eu-1", None, unread=error.as_result()) == (
        f"{head}it answered 500. Next: look at it. Action required by: customer."
    )
    assert older_presetup("acme-eu-1", None, unread={"msg": "MODULE FAILURE"}) == (
        f"{head}Read the prerequisites: MODULE FAILURE. Next: run this again. Action required by: Fireworks."
    )
    assert older_presetup("acme-eu-1", None, unread={}) == older_presetup("acme-eu-1", NEWEST, {"facts": {}}) == ""


@pytest.mark.parametrize(("version", "number"), [(None, NEWEST), (1, 1), ("1", 1), (NEWEST, NEWEST)])
def test_what_is_compiled_is_the_applied_version(version: Any, number: int) -> None:
    assert compiled_version(version) == number


@pytest.mark.parametrize("version", [0, NEWEST + 1, str(NEWEST + 7)])
def test_a_version_that_this_collection_does_not_know_is_not_guessed_at(version: Any) -> None:
    assert f"of version {version}, and this version of the collection knows none but" in newer_presetup(version)
    for compiling in (lambda: presetup_objects(contract(), version=version), lambda: names(version)):
        with pytest.raises(ValueError, match="update the collection"):
            compiling()
    seen = {**facts(), "presetup_version": version}
    with pytest.raises(ValueError, match="update the collection"):
        preflight(seen, contract(), RELEASE)


HARDENED = contract(access={"mode": "hardened"})


def later() -> list[dict[str, str]]:
    known = required_permissions(HARDENED, version=1)
    return [each for each in required_permissions(HARDENED) if each not in known]


@pytest.mark.parametrize(("version", "ok"), [(1, True), (2, False), (None, False)])
def test_a_right_that_came_later_is_not_demanded_of_the_operator(version: int | None, ok: bool) -> None:
    assert {each["name"] for each in later() if "name" in each} == LATER
    answers = [{**each, "allowed": False} for each in later()]
    seen = {**facts(permissions=answers), "presetup_version": version}
    [item] = [each for each in preflight(seen, HARDENED, RELEASE) if each["check"] == "permissions"]
    assert item["ok"] is ok


def test_a_right_that_is_not_given_counts_whatever_the_version() -> None:
    [first, *_rest] = required_permissions(HARDENED, version=1)
    seen = {**facts(permissions=[{**first, "allowed": False}]), "presetup_version": 1}
    [item] = [each for each in preflight(seen, HARDENED, RELEASE) if each["check"] == "permissions"]
    assert not item["ok"]


def test_an_audit_expects_the_rights_of_the_version_that_is_applied() -> None:
    def reads(version: int | None) -> set[str]:
        [operator] = [each for each in access_expectations(contract(), version) if each["identity"] == "operator"]
        return {name for rule in operator["rules"] for name in rule["names"]}

    assert reads(None) - reads(1) == LATER
