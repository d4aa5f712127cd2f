# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator of the guard prover's mutants: what it makes of a schema, and that an edit does what it says."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.guard_prover.answers import ADMITTED, VALIDATION, answer_of
from tests.guard_prover.edits import ABSENT, Edit, Mutation, changed, edited, leaves, merge_patch
from tests.guard_prover.mutants import LEFT_OUT, Generator, drawn, without_twins
from tests.guard_prover.prover import Report
from tests.guard_prover.schema import Schema, schema_of
from tests.guard_prover.schema import leaves as places
from tests.guard_prover.table import table

TEXT = {"type": "string"}
SECRET = {"type": "object", "properties": {"name": TEXT, "optional": {"type": "boolean"}}, "required": ["name"]}
VOLUME = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": TEXT, "emptyDir": {"type": "object", "properties": {"medium": TEXT}}, "secret": SECRET},
}
PUBLISHED: dict[str, Any] = {
    "Volume": VOLUME,
    "Thing": {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Thing"}],
        "properties": {
            "kind": TEXT,
            "metadata": {"type": "object", "properties": {"uid": TEXT, "labels": {"additionalProperties": TEXT}}},
            "spec": {
                "type": "object",
                "properties": {
                    "replicas": {"type": "integer"},
                    "hostNetwork": {"type": "boolean"},
                    "volumes": {"type": "array", "items": {"allOf": [{"$ref": "#/components/schemas/Volume"}]}},
                },
            },
        },
    },
}
BASE: dict[str, Any] = {
    "kind": "Thing",
    "metadata": {"labels": {"app": "ours"}},
    "spec": {"replicas": 1, "volumes": [{"name": "tmp", "emptyDir": {}}]},
}


def thing() -> Schema:
    return schema_of(PUBLISHED, "", "v1", "Thing")


def mutants() -> list[Mutation]:
    return without_twins(Generator("Thing", thing(), BASE, {}).singles())


def test_references_are_followed_and_a_kind_that_is_not_published_is_said_so() -> None:
    assert ("spec", "volumes", "[]", "secret", "name") in places(thing())
    with pytest.raises(LookupError, match="publishes no Pod of /v1"):
        schema_of(PUBLISHED, "", "v1", "Pod")


def test_every_place_of_the_schema_is_mutated_but_those_that_are_left_out_with_a_reason() -> None:
    touched = set()
    for mutation in mutants():
        for path, value in changed(BASE, edited(BASE, mutation)):
            where = tuple("[]" if isinstance(step, int) else step for step in path)
            touched |= {where[:length] for length in range(len(where) + 1)}
            touched |= {where} if value is not ABSENT else set()
    wanted = {tuple(step for step in place if step != "*") for place in places(thing())}
    left_out = {place for place in wanted if any(place[: len(each)] == each for each in LEFT_OUT)}
    assert left_out == {("kind",), ("metadata", "uid")}
    assert wanted - left_out <= touched
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replicas"), ABSENT),
        (("spec", "replicas"), 1000),
        (("spec", "hostNetwork"), True),
        (("spec", "volumes"), []),
        (("spec", "volumes", 1), {"name": "tmp", "emptyDir": {}}),
        (("spec", "volumes", 0), ABSENT),
        (("metadata", "labels"), {}),
        (("metadata", "labels", "app"), ABSENT),
        (("metadata", "labels", "byoc.fireworks.ai/component"), "router"),
    ],
)
def test_a_field_is_set_removed_added_and_duplicated(path: tuple[str | int, ...], value: Any) -> None:
    assert Mutation((Edit(path, value),)) in mutants()


def test_a_source_of_a_volume_takes_the_place_of_the_one_that_is_there() -> None:
    made = [edited(BASE, mutation).get("spec", {}).get("volumes", []) for mutation in mutants()]
    assert [{"name": "tmp", "secret": {"name": "theirs"}}] in made
    assert all(not {"emptyDir", "secret"} <= set(volume) for volumes in made for volume in volumes)


def test_what_is_drawn_is_of_the_number_asked_for_the_same_for_a_seed_and_has_pairs() -> None:
    first, again = (drawn(mutants(), 40, random.Random("a")) for _time in range(2))  # noqa: S311
    assert first == again
    assert len(first) == 40
    assert [mutation for mutation in first if mutation not in mutants()], "there are no pairs"
    assert drawn(mutants(), 40, random.Random("b")) != first  # noqa: S311
    for mutation in first:
        edited(BASE, mutation)  # none takes the place away that another one edits


def test_an_edit_makes_another_object_and_a_patch_says_the_difference() -> None:
    mutation = Mutation((Edit(("spec", "volumes", 0, "emptyDir"), ABSENT), Edit(("spec", "extra", "deep"), 1)))
    made = edited(BASE, mutation)
    assert made["spec"]["volumes"] == [{"name": "tmp"}]
    assert BASE["spec"]["volumes"] == [{"name": "tmp", "emptyDir": {}}]
    assert merge_patch(BASE, made) == {"spec": {"volumes": [{"name": "tmp"}], "extra": {"deep": 1}}}
    assert merge_patch(made, BASE)["spec"]["extra"] is None
    assert str(mutation) == "spec.volumes[0].emptyDir = absent; spec.extra.deep = 1"
    assert dict(leaves(made))["spec", "extra", "deep"] == 1


@pytest.mark.parametrize(
    ("status", "body", "layer"),
    [
        (201, {"metadata": {}}, ADMITTED),
        (409, {"reason": "AlreadyExists", "message": "there is one"}, ADMITTED),
        (409, {"reason": "Conflict", "message": "another version"}, VALIDATION),
        (403, {"message": "ValidatingAdmissionPolicy 'fireworks-pods' denied it"}, "policy fireworks-pods"),
        (422, {"message": "ValidatingAdmissionPolicy 'fireworks-pods' denied"}, "policy fireworks-pods"),
        (403, {"message": 'User "x" cannot create resource'}, "RBAC"),
        (403, {"message": 'pods "x" is forbidden: violates PodSecurity "restricted"'}, "Pod Security"),
        (403, {"message": "exceeded quota: approved-gpus"}, "quota"),
        (403, {"message": "no PriorityClass with name theirs was found"}, "admission"),
        (422, {"message": "spec.replicas: Invalid value"}, VALIDATION),
        (500, {"message": "boom"}, "fault"),
    ],
)
def test_an_answer_says_which_layer_refused(status: int, body: Any, layer: str) -> None:
    answer = answer_of(status, body)
    assert answer.layer == layer
    assert answer.guarded == (layer not in (ADMITTED, VALIDATION))


def test_the_table_adds_up_contracts_and_takes_the_last_result_of_each() -> None:
    def row(contract: str, **counts: int) -> dict[str, Any]:
        return {"contract": contract, "identity": "deployer", "kind": "Service", "counts": counts}

    said = table(
        [
            row("strict", mutants=9, **{"admitted forbidden": 9}),
            row("strict", mutants=5, **{"policy fireworks-scope": 2, "admitted free": 3}),
            row("hardened", mutants=4, **{"policy fireworks-scope": 3, "admitted needed": 1}),
        ]
    )
    assert "| Service | deployer | 9 | 0 | fireworks-scope 5 | 0 | 0 | 1 | 3 | 0 | 0 |" in said
    assert Report("strict", "deployer").mutants == 0
