# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.fleet_sweep`` over real API servers, one that is offline, and one that takes calls and is silent."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.plugin_utils.processes import processes_for
from tests.integration.ansible_runs import ROOT, run_playbook
from tests.integration.journey import agreed
from tests.integration.plays import connection_to
from tests.integration.troubled import HANDSHAKE, Call, troubled

SECRET = "not-for-anybodys-eyes"


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where calls are taken and nothing is said."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as server:
        yield server.getsockname()[1]


def sweep(folder: Path, hosts: dict[str, dict[str, Any]], *flags: str, **options: Any) -> tuple[dict[str, Any], str]:
    """The result of one sweep over hosts with these connections, and what the run said."""
    answers = folder / "sweep.json"
    answers.unlink(missing_ok=True)
    inventory = folder / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    given = {"operation": "cluster_info", "clusters": list(hosts), **options}
    tasks = [
        {"name": "Sweep", "fireworks.byoc.fleet_sweep": given, "register": "swept", "ignore_errors": True},
        {"ansible.builtin.copy": {"content": "{{ swept | to_json }}", "dest": str(answers), "mode": "0600"},
         "check_mode": False, "diff": False},
    ]  # fmt: skip
    play = folder / "play.yml"
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    done = run_playbook("-i", str(inventory), str(play), *flags)
    assert done.returncode == 0, done.stdout
    return json.loads(answers.read_text()), done.stdout


def test_who_does_not_answer_is_a_result_and_holds_up_nobody(bed: Any, silent: int, tmp_path: Path) -> None:
    acme = connection_to(bed["acme"])
    nobody = {"cluster_name": "cedar", "token": SECRET, "ca_file": str(bed["acme"].ca_file)}
    hosts: dict[str, dict[str, Any]] = {
        "acme": {"byoc_connection": acme, "customer": "Acme"},
        "silent": {"byoc_connection": {**nobody, "server": f"https://127.0.0.1:{silent}"}},
        "offline": {"byoc_connection": {**nobody, "server": "https://127.0.0.1:1"}},
        "unknown": {"byoc_connection": "{{ nothing_of_that_name }}"},
        "wrong": {"byoc_connection": {**acme, "cluster_uid": "11111111-1111-4111-8111-111111111111"}},
        "misspelt": {"byoc_connection": {"servr": "https://127.0.0.1:1", "token": SECRET}},
        "birch": {"byoc_connection": connection_to(bed["birch"])},
    }
    keep = {
        "nodes": "{{ result.facts.nodes.total | default(0) }}",
        "of": "{{ customer | default('?') }}",
        "began": "{{ began is match('20[0-9-]{8}T[0-9:]{8}Z$') }}",
    }
    found, output = sweep(
        tmp_path, hosts, "--check", "-vvv", keep=keep, cluster_timeout=3, parallel=3, timeout=60, interval=1
    )
    assert list(found["clusters"]) == list(hosts) and found["changed"] is False
    assert found["clusters"]["acme"] == {"nodes": 2, "of": "Acme", "began": True}
    assert found["clusters"]["birch"] == {"nodes": 2, "of": "?", "began": True}
    assert found["not_read"] == ["silent", "offline", "unknown", "wrong", "misspelt"]
    said = {name: one.get("msg", "") for name, one in found["clusters"].items()}
    assert "did not answer" in said["silent"] or "it took longer than 3 s" in said["silent"]
    assert "did not answer" in said["offline"]
    assert "nothing_of_that_name" in said["unknown"]
    assert "this is the wrong cluster" in said["wrong"]
    assert "servr" in said["misspelt"]
    assert found["seconds"] < 20
    assert "Sweep: " in output and " of 7 finished" in output
    assert SECRET not in output and SECRET not in json.dumps(found)


def test_the_time_for_all_is_kept_whoever_hangs(bed: Any, silent: int, tmp_path: Path) -> None:
    trusted = {"token": SECRET, "ca_file": str(bed["acme"].ca_file)}
    hangs = {"byoc_connection": {**trusted, "server": f"https://127.0.0.1:{silent}"}}
    hosts = {
        **{f"silent-{number}": hangs for number in range(4)},
        "acme": {"byoc_connection": connection_to(bed["acme"])},
    }
    found, _output = sweep(tmp_path, hosts, timeout=4, parallel=2, keep={"name": "{{ inventory_hostname }}"})
    assert found["seconds"] < 8
    assert [one["name"] for one in found["clusters"].values()] == list(hosts)
    assert "its turn had not come after 4 s" in found["clusters"]["acme"]["msg"]


def test_only_what_reads_is_run_and_options_are_checked(bed: Any, tmp_path: Path) -> None:
    hosts = {"acme": {"byoc_connection": connection_to(bed["acme"])}}
    refused, _ = sweep(tmp_path, hosts, operation="apply_set")
    assert "value of operation must be one of: access_info, cluster_info" in refused["msg"]
    absent, _ = sweep(tmp_path, hosts, clusters=["acme", "nobody"])
    assert "the inventory has no host nobody" in absent["msg"]
    none, _ = sweep(tmp_path, hosts, parallel=0)
    assert "parallel: must be at least 1" in none["msg"]
    unknown, _ = sweep(tmp_path, hosts, keep_by="fireworks.byoc.nothing")
    assert "keep_by: there is no filter fireworks.byoc.nothing" in unknown["msg"]
    both, _ = sweep(tmp_path, hosts, keep={"one": 1}, keep_by="fireworks.byoc.swept_logs")
    assert "keep and keep_by: give one of them" in both["msg"]


def test_a_filter_makes_what_is_kept_of_the_contract_and_of_what_was_read(bed: Any, tmp_path: Path) -> None:
    told = agreed(bed["acme"], "acme")
    hosts = {
        "acme": {"byoc_connection": connection_to(bed["acme"]), "contract": told},
        "offline": {"byoc_connection": {"server": "https://127.0.0.1:1", "token": SECRET}, "contract": told},
        "undefined": {"byoc_connection": connection_to(bed["acme"]), "contract": {**told, "note": "{{ nowhere }}"}},
    }
    options = {"keep_by": "fireworks.byoc.swept_upgrade", "keep_options": {"durations": {"acme": [2.5]}}}
    found, _ = sweep(tmp_path, hosts, **options, cluster_timeout=5)
    of_acme, of_none, _ = (json.loads(found["clusters"][name]["cluster"]) for name in hosts)
    assert of_acme["contract"] == of_none["contract"] == told
    assert of_acme["live"]["durations"] == [2.5] and of_none["live"]["reachable"] is False
    outcomes = {name: each["outcome"] for name, each in found["clusters"].items()}
    assert {name: each["result"] for name, each in outcomes.items()} == {
        "acme": "passed", "offline": "failed", "undefined": "failed"
    }  # fmt: skip
    assert found["not_read"] == ["offline", "undefined"] and "nowhere" in outcomes["undefined"]["what"]


def test_a_result_is_what_its_module_gives(bed: Any, tmp_path: Path) -> None:
    hosts = {"acme": {"byoc_connection": connection_to(bed["acme"])}}
    asked = {"can_i": [{"verb": "list", "resource": "nodes"}]}
    found, _ = sweep(tmp_path, hosts, arguments=asked)
    facts = found["clusters"]["acme"]["facts"]
    assert facts["permissions"][0]["allowed"] is True and facts["uid"] == bed["acme"].uid
    found, _ = sweep(tmp_path, hosts, operation="footprint_info")
    assert found["clusters"]["acme"]["changed"] is False and not found["not_read"]


@pytest.mark.parametrize(
    ("given", "said"), [({"version": 1}, "the contract that was given is not whole"), ("no mapping", "convert to dict")]
)
def test_a_mapping_that_is_not_copied_is_checked_all_the_same(
    bed: Any, tmp_path: Path, given: object, said: str
) -> None:
    hosts = {"acme": {"byoc_connection": connection_to(bed["acme"]), "contract": given}}
    found, _ = sweep(tmp_path, hosts, arguments={"contract": "{{ contract }}"})
    assert found["not_read"] == ["acme"] and said in found["clusters"]["acme"]["msg"]


def shown_by(playbook: str) -> list[str]:
    """The facts that a playbook names."""
    [task] = [line for line in (ROOT / "playbooks" / playbook).read_text().splitlines() if "gather_subset:" in line]
    return list(yaml.safe_load(task.strip())["gather_subset"])


@pytest.mark.parametrize(("playbook", "requests"), [("status.yml", 10), ("tasks/plan_upgrade.yml", 13)])
def test_a_fleet_is_asked_only_for_what_is_shown_over_one_connection_each(
    bed: Any, tmp_path: Path, playbook: str, requests: int
) -> None:
    """Forty clusters, so that they are read in several processes where there are several processors."""
    asked: list[Call] = []

    def note(call: Call) -> None:
        asked.append(call)

    with troubled(bed["acme"], note) as server:
        connection = connection_to(bed["acme"], server=server)
        hosts = {f"acme-{number}": {"byoc_connection": connection} for number in range(40)}
        keep = {"facts": "{{ result.facts }}", "pid": "{{ lookup('ansible.builtin.pipe', 'echo $PPID') }}"}
        found, _output = sweep(tmp_path, hosts, arguments={"gather_subset": shown_by(playbook)}, keep=keep)
    assert found["not_read"] == [] and list(found["clusters"]) == list(hosts)
    every = [one["facts"] for one in found["clusters"].values()]
    assert set(every[0]) == {"uid", "permissions", "scalers", "unreadable", *shown_by(playbook)}
    assert all(one == every[0] for one in every) and every[0]["nodes"]["total"] == 2
    assert len({one["pid"] for one in found["clusters"].values()}) == processes_for(40)
    paths = [call.path for call in asked if call.method != HANDSHAKE]
    assert len(paths) <= requests * len(hosts)
    assert len(asked) - len(paths) == len(hosts)  # a connection each
    assert not [path for path in paths if path in ("/api", "/apis")]  # nobody asks which kinds there are
