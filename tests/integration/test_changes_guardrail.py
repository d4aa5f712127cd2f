# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock in the API server: new versions outside windows, in freezes or unapproved are refused, whoever asks.

The deployment controller of a real control plane makes the ReplicaSets of Deployments that the deployer changes by
plain API calls. The answers land in build/changes.md.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails.clock import open_at
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.rollout.calendar import calendar_of, open_spans
from byoc_testbed.api import APPLY
from tests.integration.ansible_runs import ROOT
from tests.integration.clocked import AGO, AHEAD, APPS, CLOSED, DAYS, NOW, OPEN, PREFIX, put_in_force, versioned
from tests.integration.guarded import ADMISSION, RELEASE_REGISTRY, SYSTEM, Governed, governed, refusal, until
from tests.unit.domain.agreed import contract as agreed

TABLE = ROOT / "build" / "changes.md"
HOUR = timedelta(hours=1)
Manifest = dict[str, Any]

LISTED = {"windows": [{"rrule": "FREQ=DAILY;BYHOUR=0", "duration": "24h", "time_zone": "UTC"}]}
OTHER_MONTH = {
    "windows": [
        {
            "rrule": f"FREQ=YEARLY;BYMONTH={(NOW.month + 5) % 12 + 1};BYMONTHDAY=1;BYHOUR=0",
            "duration": "1h",
            "time_zone": "UTC",
        }
    ]
}
FROZEN = {"freezes": [{"from": "2020-01-01", "until": "2099-01-01", "time_zone": "UTC"}]}
PAST = {"freezes": [{"from": "2020-01-01", "until": "2021-01-01", "time_zone": "UTC"}]}
EMERGENCY = {"emergency": {"approvers": ["boss@acme.example"]}}
OVER = {"emergency": {"approvers": ["boss@acme.example"], "over_freezes": True}}
DECLARED = {"emergency-until": AHEAD}

CLOCKS: dict[str, tuple[Manifest, Manifest, bool]] = {
    "no windows": ({}, {}, True),
    "in a window": (OPEN, {}, True),
    "in a listed window": (LISTED, {}, True),
    "outside the windows": (CLOSED, {}, False),
    "outside the listed windows": (OTHER_MONTH, {}, False),
    "frozen": ({**OPEN, **FROZEN}, {}, False),
    "after a freeze": ({**OPEN, **PAST}, {}, True),
    "frozen by the annotation": ({}, {"freeze": "no change today"}, False),
    "frozen by the annotation until later": ({}, {"freeze": json.dumps({"until": AHEAD, "reason": "x"})}, False),
    "after the annotation's freeze": ({}, {"freeze": json.dumps({"until": AGO, "reason": "x"})}, True),
    "after it, without seconds": ({}, {"freeze": json.dumps({"until": AGO[:16] + "Z"})}, True),
    "emergency": ({**CLOSED, **EMERGENCY}, DECLARED, True),
    "emergency that is over": ({**CLOSED, **EMERGENCY}, {"emergency-until": AGO}, False),
    "emergency that the contract does not know": (CLOSED, DECLARED, False),
    "emergency in a freeze": ({**FROZEN, **EMERGENCY}, DECLARED, False),
    "emergency over a freeze": ({**FROZEN, **OVER}, DECLARED, True),
    "emergency over the annotation": (OVER, {**DECLARED, "freeze": "no"}, True),
}
NEW = "abcdef123456"
APPROVALS: dict[str, tuple[Manifest, str, bool]] = {
    "not asked for": ({"model_change": "none"}, "", True),
    "asked for by playbooks": ({"model_change": "required"}, "", True),
    "missing": ({"sources": ["cluster"]}, "", False),
    "given": ({"sources": ["cluster"]}, f"stack_upgrade/2026.12.0@{AGO} model_change/{NEW}@{AHEAD}", True),
    "expired": ({"sources": ["cluster"]}, f"model_change/{NEW}@{AGO}", False),
    "for another version": ({"sources": ["cluster"]}, f"model_change/{NEW[::-1]}@{AHEAD}", False),
    "for the stack": ({"sources": ["cluster"]}, f"stack_upgrade/{NEW}@{AHEAD}", False),
}


@dataclass(frozen=True)
class Cell:
    clock: str
    approval: str

    @property
    def contract(self) -> Manifest:
        return {**agreed(), "change": {**CLOCKS[self.clock][0], "approvals": APPROVALS[self.approval][0]}}

    @property
    def notes(self) -> dict[str, str | None]:
        said = {"install-until": AGO, **CLOCKS[self.clock][1], "approved-versions": APPROVALS[self.approval][1] or None}
        return {
            PREFIX + key: said.get(key) for key in ("install-until", "freeze", "emergency-until", "approved-versions")
        }

    @property
    def allowed(self) -> bool:
        return CLOCKS[self.clock][2] and APPROVALS[self.approval][2]


class Changing:
    """A cluster whose models are changed by plain API calls."""

    def __init__(self, site: Governed) -> None:
        self.cluster = site.cluster
        self.deployer = site.acting_as("deployer")

    def create(self, name: str, mark: str) -> str:
        """Why an administrator is refused a ReplicaSet of their own."""
        return refusal(self.cluster.api, "POST", f"{APPS}/replicasets", versioned("ReplicaSet", name, mark))

    def apply(self, name: str, mark: str, replicas: int = 1) -> None:
        """A Deployment as the deployer wants it, by a plain server-side apply."""
        made = versioned("Deployment", name, mark, replicas)
        self.deployer.request("PATCH", f"{APPS}/deployments/{name}?fieldManager=kubectl&force=true", made, APPLY)

    def came(self, name: str, mark: str, replicas: int = 1) -> str:
        """Wait what becomes of it: empty where a ReplicaSet of it is scaled so, else what the controller was told."""
        told: list[str] = []

        def settled() -> bool:
            live = self.cluster.request("GET", f"{APPS}/deployments/{name}")
            sets = self.cluster.request("GET", f"{APPS}/replicasets?labelSelector=app%3D{name}")["items"]
            of_it = [
                one for one in sets if one["spec"]["template"]["metadata"]["annotations"][PREFIX + "revision"] == mark
            ]
            if any(one["spec"]["replicas"] == replicas for one in of_it):
                told.append("")
                return True
            conditions = live.get("status", {}).get("conditions", ())
            told.extend(one["message"] for one in conditions if one["reason"] == "ReplicaSetCreateError" and not of_it)
            return bool(told)

        until(settled, f"{name} came to nothing")
        return told[0]


CELLS = list(itertools.starmap(Cell, itertools.product(CLOCKS, APPROVALS)))


@pytest.fixture(scope="module")
def changing(bed: Any) -> Iterator[Changing]:
    with governed(bed["acme"]) as site:
        site.govern(agreed(compliance={"registries": [RELEASE_REGISTRY]}))
        yield Changing(site)


@pytest.mark.soak(sample=1)
def test_the_change_matrix_with_the_deployers_token(changing: Changing, request: pytest.FixtureRequest) -> None:
    """All of it in the soak, each eighteenth cell elsewhere."""
    sample = request.config.getoption("--soak") == "sample"
    rows = [changed(changing, cell) for cell in (CELLS[NOW.day % 18 :: 18] if sample else CELLS)]
    head = "| clock | approval | new version | rollback and scaling |\n|---|---|---|---|\n"
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(head + "\n".join(rows) + "\n")


def changed(changing: Changing, cell: Cell) -> str:
    """One model through a cell: installed, changed, rolled back, scaled. Its line of the table."""
    name = f"model-{CELLS.index(cell)}"
    put_in_force(changing.cluster, agreed(), {**dict.fromkeys(cell.notes), PREFIX + "install-until": AHEAD})
    changing.apply(name, "first")
    assert changing.came(name, "first") == ""
    put_in_force(changing.cluster, cell.contract, cell.notes)
    changing.apply(name, NEW)
    told = changing.came(name, NEW)
    assert (told == "") is cell.allowed, (cell, told)
    assert not told or ("ValidatingAdmissionPolicy 'fireworks-changes'" in told and "held: replicasets" in told), told
    assert (changing.create("bare", NEW) == "") is cell.allowed, cell
    for replicas in (2, 0, 1):
        changing.apply(name, "first", replicas)
        assert changing.came(name, "first", replicas) == "", "a rollback or scaling was held"
    changing.cluster.request("DELETE", f"{APPS}/deployments/{name}")
    return f"| {cell.clock} | {cell.approval} | {'refused' if told else 'made'} | done |"


def owned(kind: str, number: int, **labels: str) -> Manifest:
    """What a controller records of a StatefulSet, a DaemonSet or a LeaderWorkerSet."""
    owner = {"apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": "0f5c", "controller": True}
    metadata = {"name": "x-1", "labels": labels, "ownerReferences": [owner]}
    return {"metadata": metadata, "revision": number, "data": {"spec": {"template": {}}}}


RECORD_LABELS = {
    "app.kubernetes.io/managed-by": "fireworks-byoc", "app.kubernetes.io/part-of": "model-x",
    "app.kubernetes.io/name": "x",
    f"{PREFIX}model": "x", f"{PREFIX}revision-of": "x",
}  # fmt: skip
RECORD: Manifest = {"metadata": {"name": "x-1", "labels": RECORD_LABELS}, "revision": 1, "data": {"objects": []}}
LWS = "leaderworkerset.sigs.k8s.io/"
MEMBER = {f"{LWS}name": "x", f"{LWS}group-index": "1"}


@pytest.mark.soak(sample=3)
@pytest.mark.parametrize(
    ("body", "held", "held_at_first"),
    [
        pytest.param(RECORD, False, False, id="our record of a revision"),
        pytest.param({**RECORD, "data": {"spec": {}}}, True, True, id="a template under the labels of our records"),
        pytest.param({**RECORD, "metadata": {"name": "x-1", "labels": {**RECORD_LABELS, "app": "x"}}}, True, True,
                     id="a record that a controller's selector finds"),
        pytest.param(owned("StatefulSet", 2), True, True, id="a new version of a StatefulSet"),
        pytest.param(owned("StatefulSet", 1), True, False, id="a new StatefulSet"),
        pytest.param(owned("DaemonSet", 2), True, True, id="a new version of a DaemonSet"),
        pytest.param(owned("LeaderWorkerSet", 2), True, True, id="a new version of groups"),
        pytest.param(owned("LeaderWorkerSet", 1), True, False, id="new groups"),
        pytest.param(owned("StatefulSet", 1, **MEMBER), False, False, id="the workers of one group"),
        pytest.param({**owned("StatefulSet", 1, **MEMBER), "metadata": {"name": "x-1", "labels": MEMBER}}, True, True,
                     id="what only says that it is a group's"),
    ],
)  # fmt: skip
def test_which_controller_revisions_are_new_versions(
    changing: Changing, body: Manifest, held: bool, held_at_first: bool
) -> None:
    said = {}
    for until_, installing in ((AGO, False), (AHEAD, True)):
        put_in_force(changing.cluster, {**agreed(), "change": CLOSED}, {PREFIX + "install-until": until_})
        path = f"{APPS}/controllerrevisions"
        said[installing] = "fireworks-changes" in refusal(changing.cluster.api, "POST", path, body)
    assert said == {False: held, True: held_at_first}


def test_what_is_not_there_comes_only_while_it_may_be_installed(changing: Changing) -> None:
    """Deleted and made anew, a workload is no rollback: else that would be the way around the clock."""
    closed = {**agreed(), "change": CLOSED}
    for name, note, told in (
        ("fresh", AHEAD, ""),
        ("late", AGO, "no window is open"),
        ("fresh", AGO, "no window is open"),
    ):
        put_in_force(changing.cluster, closed, {PREFIX + "install-until": note})
        changing.apply(name, "first")
        assert told in (came := changing.came(name, "first")) and bool(came) is bool(told)
        changing.cluster.request("DELETE", f"{APPS}/deployments/{name}")
        gone = f"{APPS}/replicasets?labelSelector=app%3D{name}"
        until(lambda gone=gone: not changing.cluster.request("GET", gone)["items"], "its ReplicaSet stays")  # type: ignore[misc]
    # Seven days from the namespace's creation, where no annotation says otherwise.
    put_in_force(changing.cluster, closed, {PREFIX + "install-until": None})
    changing.apply("fresh", "first")
    assert changing.came("fresh", "first") == ""
    [made] = changing.cluster.request("GET", f"{APPS}/replicasets?labelSelector=app%3Dfresh")["items"]
    # A ReplicaSet that is there keeps its pods' template, in windows too.
    put_in_force(changing.cluster, {**agreed(), "change": OPEN}, {})
    path, other = f"{APPS}/replicasets/{made['metadata']['name']}", {"terminationGracePeriodSeconds": 7}
    changed = {"spec": {"template": {"spec": other}}}
    assert "a new version is a new ReplicaSet" in refusal(changing.cluster.api, "PATCH", path, changed)
    changing.cluster.request("DELETE", f"{APPS}/deployments/fresh")


def test_a_version_without_a_mark_is_covered_by_no_approval_of_another(changing: Changing) -> None:
    change = {"approvals": {"sources": ["cluster"]}}
    put_in_force(
        changing.cluster, {**agreed(), "change": change}, {PREFIX + "approved-versions": f"model_change/{NEW}@{AHEAD}"}
    )
    said = {mark: changing.create("bare", mark) for mark in (NEW, "", "/", f"{NEW}/", f"{NEW}@{AHEAD}", NEW[:6])}
    assert [mark for mark, refused in said.items() if not refused] == [NEW]


def test_the_deployers_token_cannot_write_what_lifts_the_clock(changing: Changing) -> None:
    for key in ("install-until", "emergency-until", "approved-versions", "approval", "freeze"):
        body = {"metadata": {"annotations": {PREFIX + key: AHEAD}}}
        assert '" cannot patch resource "namespaces"' in refusal(changing.deployer, "PATCH", f"/api/v1{SYSTEM}", body)


def transitions(zone: str) -> list[datetime]:
    """The hours in which the clocks of a zone are changed."""
    start, found = datetime(2026, 1, 1, tzinfo=UTC), []
    for day in range(4 * 365):
        moment = start + timedelta(days=day)
        if (
            moment.astimezone(ZoneInfo(zone)).utcoffset()
            != (moment + timedelta(days=1)).astimezone(ZoneInfo(zone)).utcoffset()
        ):
            found.append(moment)
    return found


ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Beirut", "America/Santiago",
    "Africa/Cairo", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC", "Pacific/Auckland",
)  # fmt: skip


def random_contracts(seed: random.Random) -> Iterator[Manifest]:
    for zone in ZONES * 2:
        start = f"{seed.choice([0, 0, 1, 2, 3, seed.randrange(24)]):02}:{seed.choice([0, 15, 30, 59]):02}"
        days = seed.sample(DAYS, seed.randrange(1, 8))
        lasts = seed.choice(["15m", "45m", "1h", "3h", "24h", "49h"])
        windows = [{"weekly": days, "start": start, "duration": lasts, "time_zone": zone}]
        if seed.random() < 0.5:
            rule = f"FREQ=MONTHLY;BYDAY={seed.choice(['1SA', '-1SU', '2MO'])};BYHOUR={seed.randrange(4)}"
            windows.append({"rrule": rule, "duration": "2h", "time_zone": zone})
        yield {"change": {"windows": windows}}


@pytest.mark.soak
def test_policy_and_plan_agree_minute_by_minute_where_clocks_are_changed(
    bed: Any, request: pytest.FixtureRequest
) -> None:
    """The API server's own CEL is asked, by a policy that takes the moment from the object instead of the clock."""
    seed = random.Random(20261129)  # noqa: S311  (nothing secret)
    cluster, contracts = bed["acme"], list(random_contracts(seed))
    name = "test-clock"
    rules = [
        {
            "expression": f"object.data.which != '{number}'",
            "messageExpression": "object.data.times.split(',').map(text, int(text))"
            f".map(now, {open_at(contract, 'now')} ? '1' : '0').join('')",
            "message": "not evaluated",
        }
        for number, contract in enumerate(contracts)
    ]
    match = {
        "resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}
        ]
    }
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": match,
        "matchConditions": [{"name": "asked", "expression": "object.metadata.name == 'moments'"}],
        "validations": rules,
    }
    for kind, body in (
        ("validatingadmissionpolicies", spec),
        ("validatingadmissionpolicybindings", {"policyName": name, "validationActions": ["Deny"]}),
    ):
        request.addfinalizer(lambda kind=kind: cluster.request("DELETE", f"{ADMISSION}/{kind}/{name}"))  # type: ignore[misc]
        cluster.request("POST", f"{ADMISSION}/{kind}", {"metadata": {"name": name}, "spec": body})

    def ask(which: int, moments: list[datetime]) -> str:
        data = {"which": str(which), "times": ",".join(str(int(moment.timestamp())) for moment in moments)}
        body = {"metadata": {"name": "moments"}, "data": data}
        said = refusal(cluster.api, "POST", "/api/v1/namespaces/default/configmaps", body)
        return said.rpartition(": ")[2]

    until(lambda: ask(0, [NOW]) in ("0", "1"), "the policy is not in force")
    opened = 0
    for which, contract in enumerate(contracts):
        zone = contract["change"]["windows"][0]["time_zone"]
        around = transitions(zone) or [datetime(2027, 3, 28, tzinfo=UTC)]
        for edge in seed.sample(around, min(4, len(around))):
            minutes = sorted(seed.sample(range(-24 * 60, 4 * 24 * 60), 40))
            moments = [edge + timedelta(minutes=minute) for minute in minutes]
            spans = open_spans(calendar_of(contract), moments[0] - HOUR, moments[-1] + HOUR)
            planned = "".join("01"[any(one.start <= moment < one.end for one in spans)] for moment in moments)
            assert ask(which, moments) == planned, (contract, edge)
            opened += planned.count("1")
    assert opened > 100
