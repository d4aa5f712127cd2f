# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no identity can say in records, incidents, sets and the lock: each was let in before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.incident.incident import incident_of
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import labels
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record import empty_head
from byoc_testbed.api import APPLY
from byoc_testbed.errors import ApiError
from tests.integration.acting import CONFIG_MAPS, LEASES, Manifest, answer, cleaned, governed_place
from tests.integration.forbidden_objects import set_parent
from tests.integration.guarded import Governed
from tests.integration.plays import connection_to, perform


@pytest.fixture(scope="module")
def place() -> Iterator[Governed]:
    yield from governed_place()


@pytest.fixture(autouse=True)
def clean(place: Governed) -> Iterator[None]:
    yield from cleaned(place)


HEAD = f"{CONFIG_MAPS}/operation-records"


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_entry_of_an_incident_is_of_no_later_time(place: Governed) -> None:
    """Its writer gives managedFields of another time beside the server's own; nobody appends anything after that."""
    operator, now = place.acting_as("operator"), datetime.now(UTC)
    opened = {"1": json.dumps({"at": at(now), "did": "opened"})}
    metadata = {"name": "incident-7", "labels": labels("incidents", "incident-7")}
    operator.request("POST", CONFIG_MAPS, {"metadata": metadata, "data": opened})
    later = at(now + timedelta(days=3650))
    entry = {"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "time": later, "fieldsType": "FieldsV1"}
    entry["fieldsV1"] = {"f:metadata": {"f:labels": {".": {}}}}
    forged = {"metadata": {"managedFields": [entry]}, "data": {"2": json.dumps({"at": later, "did": "noted"})}}
    said = answer(operator, "PATCH", f"{CONFIG_MAPS}/incident-7", forged)
    following = {"data": {"2" if said else "3": json.dumps({"at": at(datetime.now(UTC)), "did": "noted"})}}
    honest = answer(operator, "PATCH", f"{CONFIG_MAPS}/incident-7", following)
    place.cluster.request("DELETE", f"{CONFIG_MAPS}/incident-7")
    assert said
    assert honest == ""


def test_only_the_operator_opens_incidents(place: Governed) -> None:
    metadata = {"name": "incident-0123456789", "labels": labels("stack", "incident")}
    opened = {"1": json.dumps({"at": at(datetime.now(UTC)), "did": "opened"})}
    said = answer(place.acting_as("upgrader"), "POST", CONFIG_MAPS, {"metadata": metadata, "data": opened})
    with suppress(ApiError):
        place.cluster.request("DELETE", f"{CONFIG_MAPS}/incident-0123456789")
    assert said


def test_no_set_is_given_to_another_tool(place: Governed) -> None:
    """Neither we nor an administrator apply or remove it any more: it is said to be somebody else's."""
    made = set_parent("model-llama")
    made["metadata"]["annotations"]["applyset.kubernetes.io/tooling"] = "kubectl/v1.36"
    said = answer(place.acting_as("deployer"), "POST", CONFIG_MAPS, made)
    removed = perform(connection_to(place.cluster), "fireworks.byoc.apply_set", name="model-llama", state="absent")
    with suppress(ApiError):
        place.cluster.request("DELETE", f"{CONFIG_MAPS}/model-llama")
    assert not removed["failed"], removed["msg"]
    assert said


def test_a_lease_that_is_over_keeps_no_operation_out(place: Governed) -> None:
    """The next holder counts one transition more, and of 2147483647 there is no more."""
    spec = {
        "holderIdentity": "x@y/z",
        "leaseDurationSeconds": 5,
        "leaseTransitions": 2147483647,
        "renewTime": "2026-01-01T00:00:00.000000Z",
        "acquireTime": "2026-01-01T00:00:00.000000Z",
    }
    made = {"metadata": {"name": "operation-lock", "labels": labels("operation-lock", "operation-lock")}, "spec": spec}
    place.acting_as("deployer").request("POST", LEASES, made)
    asked = {"run_id": "one", "holder": "alice@ctl-1", "purpose": "upgrade"}
    taken = perform(connection_to(place.cluster), "fireworks.byoc.operation_lock", **asked)
    with suppress(ApiError):
        place.cluster.request("DELETE", f"{LEASES}/operation-lock")
    assert not taken["failed"], taken["msg"]


def head(sequence: int, previous: str, said: str, writer: str, *writers: tuple[str, str, int]) -> Manifest:
    entries = ", ".join(f'"{name}": {{"hash": "{last}", "number": {number}}}' for name, last, number in writers)
    place = f'"hash": "{said}", "previous": "{previous}", "sequence": {sequence}, "writer": "{writer}"'
    return {"data": {"head": f'{{"chain": "0123456789abcdef", {place}, "writers": {{{entries}}}}}'}}


@pytest.fixture
def begun(place: Governed) -> Iterator[tuple[str, str]]:
    """The head after one line of one writer."""
    first, second = "1" * 64, "2" * 64
    place.cluster.request("PATCH", f"{HEAD}?fieldManager=fireworks-byoc", empty_head(), APPLY)
    place.acting_as("operator").request("PATCH", HEAD, head(1, "", first, "ctl-1", ("ctl-1", first, 1)))
    yield first, second
    place.cluster.request("DELETE", HEAD)


def test_no_writer_rewrites_anothers_entry_by_another_spelling_of_its_name(
    place: Governed, begun: tuple[str, str]
) -> None:
    first, second = begun
    alias = "\\u0063tl-1"
    said = answer(
        place.acting_as("node-medic"),
        "PATCH",
        HEAD,
        head(2, first, second, alias, ("ctl-1", first, 1), (alias, second, 1)),
    )
    read = json.loads(place.cluster.request("GET", HEAD)["data"]["head"])
    assert read["writers"]["ctl-1"]["hash"] == first
    assert said


def test_no_writer_makes_the_head_unreadable(place: Governed, begun: tuple[str, str]) -> None:
    first, second = begun
    name = "x\\q"
    said = answer(
        place.acting_as("node-medic"),
        "PATCH",
        HEAD,
        head(2, first, second, name, ("ctl-1", first, 1), (name, second, 1)),
    )
    assert json.loads(place.cluster.request("GET", HEAD)["data"]["head"])["chain"]
    assert said


def test_an_entry_of_an_incident_that_says_two_times_is_nobodys(place: Governed) -> None:
    operator, now = place.acting_as("operator"), at(datetime.now(UTC))
    metadata = {"name": "incident-8", "labels": labels("incidents", "incident-8")}
    opened = {"1": json.dumps({"at": now, "did": "opened"})}
    operator.request("POST", CONFIG_MAPS, {"metadata": metadata, "data": opened})
    twice = f'{{"at": "{now}", "did": "noted", "at": "2020-01-01T00:00:00Z", "did": "closed"}}'
    answer(operator, "PATCH", f"{CONFIG_MAPS}/incident-8", {"data": {"2": twice}})
    read = incident_of(place.cluster.request("GET", f"{CONFIG_MAPS}/incident-8"))
    place.cluster.request("DELETE", f"{CONFIG_MAPS}/incident-8")
    assert read is not None
    assert (read.closed, read.entries[1]["at"], read.entries[1]["note"]) == ("", "", twice)
