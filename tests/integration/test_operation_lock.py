# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``operation_lock`` on a real API server: one at a time, kept while its run works, free again when that is dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from byoc_testbed.api import ApiError
from tests.integration.ansible_runs import ROOT, ansible_environment
from tests.integration.governed import apply_presetup, in_full
from tests.integration.guarded import until
from tests.integration.journey import agreed, bare, ending, line, onboard, play
from tests.integration.killing import begin, begin_playbook, kill
from tests.integration.plays import AS_MODULE, Outcome, connection_to, perform, run_tasks

SYSTEM = "/api/v1/namespaces/fireworks-system"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/fireworks-system/leases"
LEASE = f"{LEASES}/operation-lock"
ME = "alice@ctl-1"


@pytest.fixture
def birch(bed: Any) -> Iterator[Any]:
    """A cluster that has the namespace, and nobody's lock."""
    cluster = bed["birch"]
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "fireworks-system"}})
    yield cluster
    cluster.remove_namespaces("fireworks-system")


def there(cluster: Any, path: str) -> dict[str, Any]:
    try:
        return dict(cluster.request("GET", path))
    except ApiError as error:
        assert error.status == 404
        return {}


def lock(run_id: str = "one", **options: Any) -> dict[str, Any]:
    keywords = {key: options.pop(key) for key in list(options) if key in ("environment", "check_mode")}
    given = {"run_id": run_id, "holder": ME, "purpose": "upgrade", **options}
    return {"fireworks.byoc.operation_lock": given, **keywords}


def go(cluster: Any, folder: Path, *tasks: dict[str, Any], **more: Any) -> Outcome:
    folder.mkdir(exist_ok=True)
    outcome = run_tasks(folder, connection_to(cluster), *tasks, **more)
    assert "Traceback" not in outcome.output
    return outcome


@pytest.mark.floor
def test_it_is_acquired_renewed_and_released(birch: Any, tmp_path: Path) -> None:
    [checked] = go(birch, tmp_path, lock(), flags=("--check",)).results
    assert (checked["changed"], checked["held"]) == (True, False)
    assert there(birch, LEASE) == {}
    taken, again, as_module = go(birch, tmp_path, lock(), lock(), lock(**AS_MODULE)).results
    assert (taken["changed"], taken["held"], taken["holder"], taken["taken_from"]) == (True, True, f"{ME}/one", {})
    assert (again["changed"], again["held"], again["since"]) == (False, True, taken["since"])
    assert {key: as_module[key] for key in again if key not in ("known_at", "expires")} == {
        key: again[key] for key in again if key not in ("known_at", "expires")
    } | {key: as_module[key] for key in ("invocation",) if key in again}
    lease = there(birch, LEASE)
    assert lease["spec"]["holderIdentity"] == f"{ME}/one"
    assert lease["metadata"]["annotations"] == {"byoc.fireworks.ai/purpose": "upgrade"}
    checked, back, nothing = go(
        birch, tmp_path, lock(state="absent", check_mode=True), lock(state="absent"), lock(state="absent")
    ).results
    assert (checked["changed"], back["changed"], back["held"], nothing["changed"]) == (True, True, False, False)
    assert there(birch, LEASE) == {}


def test_whoever_finds_it_held_is_told_by_whom_and_what_to_do(birch: Any, tmp_path: Path) -> None:
    _taken, refused, checked, also, not_mine = go(
        birch,
        tmp_path,
        lock(),
        lock("two"),
        lock("two", check_mode=True),
        lock("two", **AS_MODULE),
        lock("two", state="absent"),
    ).results
    for each in (refused, checked, also):
        assert each["failed"]
        assert each["error"] == "HeldError"
        assert "another operation is at work on this cluster: alice@ctl-1/one, for upgrade, since " in each["msg"]
        assert "-e break_lock=alice@ctl-1/one" in each["msg"]
        assert each["owner"] == "operator"
    assert (not_mine["changed"], not_mine["held_by"]["holder"]) == (False, f"{ME}/one")
    assert there(birch, LEASE)["spec"]["holderIdentity"] == f"{ME}/one"
    print(refused["msg"])


def test_it_is_broken_with_a_reason_and_only_of_whom_was_named(birch: Any, tmp_path: Path) -> None:
    breaking = {"break_holder": f"{ME}/one", "break_reason": "ctl-1 lost its power"}
    _taken, other, broken, late, ended = go(
        birch,
        tmp_path,
        lock(),
        lock("two", break_holder=f"{ME}/zero", break_reason="dead"),
        lock("two", **breaking),
        lock("three", **breaking),
        lock("three", state="absent", break_holder=f"{ME}/two", break_reason="dead too"),
    ).results
    assert "the lock was to be taken from alice@ctl-1/zero, and it is alice@ctl-1/one who holds it" in other["msg"]
    assert broken["taken_from"]["holder"] == f"{ME}/one"
    assert broken["taken_from"]["why"] == "broken"
    assert "was to be taken from alice@ctl-1/one, and it is alice@ctl-1/two" in late["msg"]
    assert ended["changed"]
    assert there(birch, LEASE) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [({"duration": 4}, "lasts 5 s at least"), ({"break_holder": "x"}, "break_reason"), ({"run_id": None}, "run_id")],
)
def test_what_makes_no_sense_is_refused(birch: Any, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    given = {"run_id": "one", "holder": ME, "purpose": "upgrade", **options}
    task = {"fireworks.byoc.operation_lock": {key: value for key, value in given.items() if value is not None}}
    assert message in go(birch, tmp_path, task).result["msg"]
    assert there(birch, LEASE) == {}


def test_where_nothing_of_ours_is_there_is_nothing_to_lock(bed: Any, tmp_path: Path) -> None:
    taken, back = go(bed["cedar"], tmp_path, lock(), lock(state="absent")).results
    assert not taken.get("failed")
    assert (taken["held"], taken["changed"], taken["why"]) == (False, False, "there is no namespace fireworks-system")
    assert not back["changed"]


RACER = """
import json, sys, time
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.operation_lock import OPERATION
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
me, connection, start, rounds = sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
def go(**more):
    given = {"connection": connection, "run_id": me, "holder": "racer", **more}
    checked = ArgumentSpecValidator(dict(OPERATION.argument_spec)).validate(given)
    return OPERATION.attempt(checked.validated_parameters, Context(False, False, lambda text: None))
won = []
for number in range(rounds):
    time.sleep(max(0.0, start + number * 1.0 - time.time()))
    won.append(bool(go().get("held")))
    time.sleep(0.5)
    go(state="absent")
print(json.dumps(won))
"""


@pytest.mark.parametrize("rounds", [5, pytest.param(60, marks=pytest.mark.soak)])
def test_of_two_processes_at_once_exactly_one_wins(birch: Any, tmp_path: Path, rounds: int) -> None:
    start = time.time() + 3.0
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, name, json.dumps(connection_to(birch)), str(start), str(rounds)],
            cwd=ROOT,
            env=ansible_environment(PYTHONPATH=str(ROOT / ".collections")),
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    won = [json.loads(racer.communicate(timeout=120)[0]) for racer in racers]
    assert [sum(each) for each in zip(*won, strict=True)] == [1] * rounds
    print(f"{rounds} rounds: the first process won {sum(won[0])}, the second {sum(won[1])}, never both, never none")


def test_two_playbooks_at_once_one_waits_for_the_other(birch: Any, tmp_path: Path) -> None:
    outcomes: dict[str, Outcome] = {}

    def work(name: str) -> None:
        pause = {"ansible.builtin.wait_for": {"timeout": 3}}
        tasks = (lock(name, wait_timeout=60), pause, lock(name, state="absent"))
        outcomes[name] = go(birch, tmp_path / name, *tasks)

    both = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    taken = [outcome.results[0] for outcome in outcomes.values()]
    assert all(each["held"] for each in taken)
    since = sorted(each["since"] for each in taken)
    assert since[0] < since[1]
    assert [each["taken_from"] for each in taken] == [{}, {}]


# Nothing ever schedules it, so whoever waits for it works on.
NEVER_READY = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "never", "namespace": "fireworks-system"},
    "spec": {
        "selector": {"matchLabels": {"app": "never"}},
        "template": {
            "metadata": {"labels": {"app": "never"}},
            "spec": {"nodeSelector": {"no": "such"}, "containers": [{"name": "main", "image": "x"}]},
        },
    },
}


def long_run(cluster: Any, folder: Path, *, seconds: int, duration: int) -> subprocess.Popen[str]:
    """A playbook that takes the lock and then works on one task for so long."""
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/fireworks.byoc.cluster": {"connection": connection_to(cluster)}},
        "tasks": [
            {**lock("long", duration=duration), "register": "byoc_lock"},
            {
                "name": "Work",
                "fireworks.byoc.apply_set": {"name": "long", "definition": NEVER_READY, "wait_timeout": seconds},
            },
        ],
    }
    playbook = folder / "long.yml"
    playbook.write_text(json.dumps([play]))
    return begin_playbook("-i", "localhost,", "-c", "local", str(playbook))


@pytest.mark.soak
def test_it_outlives_a_long_task_and_not_the_run(birch: Any, tmp_path: Path) -> None:
    duration = 6
    running = long_run(birch, tmp_path, seconds=120, duration=duration)
    try:
        until(lambda: bool(there(birch, LEASE)), "the run never took the lock")
        time.sleep(2.5 * duration)  # one task, much longer than the lock lasts
        refused = go(birch, tmp_path / "two", lock("two")).result
        assert "alice@ctl-1/long" in refused["msg"]
        lease = there(birch, LEASE)
        assert lease["spec"]["renewTime"] > lease["spec"]["acquireTime"]
        assert lease["spec"]["leaseTransitions"] == 1
    finally:
        kill(running)
    killed = time.monotonic()
    taken = go(birch, tmp_path / "two", lock("two", wait_timeout=30)).result
    waited = time.monotonic() - killed
    assert taken["taken_from"]["why"] == "expired"
    assert taken["held"]
    assert waited < duration + 6
    print(f"renewed over {2.5 * duration:.0f} s; after kill -9 free within {waited:.1f} s (it lasts {duration} s)")


@pytest.mark.soak
def test_a_run_whose_lock_is_broken_does_nothing_more(birch: Any, tmp_path: Path) -> None:
    running = long_run(birch, tmp_path, seconds=9, duration=6)
    until(lambda: bool(there(birch, LEASE)), "the run never took the lock")
    breaking = {"break_holder": f"{ME}/long", "break_reason": "it hangs"}
    assert go(birch, tmp_path / "two", lock("two", **breaking)).result["held"]
    output, _none = running.communicate(timeout=60)
    said = " ".join(output.split())
    assert running.returncode == 2
    assert "the lock of this run is lost: alice@ctl-1/two holds it, for upgrade, since" in said, output
    assert "taken by alice@ctl-1/two from alice@ctl-1/long: it hangs" in said


WRITTEN = f"{SYSTEM}/configmaps/written"
WRITER = """
import json, sys, time
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.fireworks.byoc.plugins.module_utils._connection import open_session
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import KubeError
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context, Operation
from ansible_collections.fireworks.byoc.plugins.module_utils._operations import operation_lock
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.lock_keeper import attempt_under_lock
connection, path, last = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
context = Context(False, False, print)
def write(parameters, context):
    session = open_session(parameters["connection"], context)
    for number in range(last):
        try:
            body = {"data": {"number": str(number)}}
            session.request("PATCH", path, body=body, content_type="application/merge-patch+json")
        except KubeError:
            pass  # as what retries does
        time.sleep(0.02)
    return {"ended": True}
given = {"connection": connection, "run_id": "long", "holder": "alice@ctl-1", "purpose": "upgrade", "duration": 5}
taken = ArgumentSpecValidator(dict(operation_lock.ARGUMENT_SPEC)).validate(given).validated_parameters
held = operation_lock.OPERATION.attempt(taken, context)
print(json.dumps(attempt_under_lock(Operation({}, write, {}), {"connection": connection}, context, held)))
"""


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("taken", [True, False])
def test_a_run_that_was_paused_for_longer_than_its_lock_lasts_looks_before_it_writes(
    birch: Any, tmp_path: Path, taken: bool
) -> None:
    birch.request("POST", f"{SYSTEM}/configmaps", {"metadata": {"name": "written"}})
    connection = {**connection_to(birch), "cluster_uid": birch.uid}
    driver = [sys.executable, "-c", WRITER, json.dumps(connection), WRITTEN, "400"]
    running = begin(driver, ansible_environment(PYTHONPATH=str(ROOT / ".collections")))
    try:
        until(lambda: "data" in there(birch, WRITTEN), "the run never wrote")
        os.killpg(running.pid, signal.SIGSTOP)
        if taken:
            assert perform(connection, "fireworks.byoc.operation_lock", **LATER)["taken_from"]["why"] == "expired"
        else:
            time.sleep(6)
        before = there(birch, WRITTEN)
        os.killpg(running.pid, signal.SIGCONT)
        output, _none = running.communicate(timeout=60)
    finally:
        kill(running)
    result = json.loads(output.splitlines()[-1])
    after = there(birch, WRITTEN)
    if taken:
        assert (result["failed"], result["code"], result["owner"]) == (True, "lock_lost", "operator"), result
        assert "bob@ctl-2/two holds it, for upgrade, since" in result["msg"]
        # One that it had begun when it was paused may come late: docs/decisions/0011.
        assert int(after["data"]["number"]) - int(before["data"]["number"]) in (0, 1), "it wrote without the lock"
    else:
        assert (result.get("failed", False), result.get("ended")) == (False, True), result
        assert after["data"] == {"number": "399"}
        assert there(birch, LEASE)["spec"]["holderIdentity"] == f"{ME}/long"


LATER = {"run_id": "two", "holder": "bob@ctl-2", "purpose": "upgrade", "wait_timeout": 30}


def test_an_answer_that_comes_too_late_makes_no_lock(birch: Any, tmp_path: Path) -> None:
    go(birch, tmp_path, lock())
    lease = there(birch, LEASE)
    go(birch, tmp_path, lock(state="absent"))
    with suppress(ApiError):
        birch.request("PUT", LEASE, lease)
    assert there(birch, LEASE) == {}


def test_an_operation_holds_the_lock_and_releases_it(bed: Any, tmp_path: Path) -> None:
    with bare(bed["acme"], tmp_path) as acme:
        contract = agreed(acme)
        apply_presetup(acme, in_full(acme))
        go(acme, tmp_path / "other", lock("other", duration=600))
        for options in ((), ("--check",)):
            refused = onboard(tmp_path, contract, options=("-e", "lock_wait=0", *options))
            assert refused.returncode == 2
            assert "another operation is at work" in ending(refused)
            assert "alice@ctl-1/other, for upgrade, since" in " ".join(refused.stdout.split())
        assert play("status", tmp_path, [contract]).returncode == 0
        breaking = ("-e", f"break_lock={ME}/other", "-e", "break_reason='a test'")
        done = onboard_with_warning(tmp_path, contract, breaking)
        assert " done " in line(done, "acme-eu-1"), done.stdout
        assert there(acme, LEASE) == {}


def onboard_with_warning(folder: Path, contract: Any, options: tuple[str, ...]) -> Any:
    from demo.contracts import write_fleet
    from tests.integration.ansible_runs import run_playbook
    from tests.integration.journey import NO_REQUESTS

    inventory = write_fleet(folder, [contract])
    chosen = ("-e", "clusters=byoc", *NO_REQUESTS, *options)
    done = run_playbook("fireworks.byoc.onboard", "-i", str(inventory), *chosen)
    assert "the lock of alice@ctl-1/other was broken: a test" in " ".join(done.stdout.split())
    return done
