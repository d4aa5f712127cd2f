# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``report_info`` and ``fireworks.byoc.fleet_report`` on real API servers, and its page in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.fleet import fleet_report
from ansible_collections.fireworks.byoc.plugins.plugin_utils.report_page import report_page
from tests.fleet_parts import MADE, agreed, parts
from tests.integration.ansible_runs import ROOT
from tests.integration.chromium import MISSING, PROGRAM, Tab, chromium
from tests.integration.journey import agreed as contract_of
from tests.integration.journey import offboard, onboard, play, unreachable
from tests.integration.plays import connection_to, perform, run_tasks

POLICY = yaml.safe_load((ROOT / "roles/stack/files/faults.yml").read_text(encoding="utf-8"))
IN_A_BROWSER = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


# -- what is read ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def onboarded(bed: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder, contract = tmp_path_factory.mktemp("onboarded"), contract_of(bed["acme"])
    contract["models"][0]["objectives"] = {"availability": 0.99}
    done = onboard(folder, contract)
    assert done.returncode == 0, done.stdout
    yield contract
    offboard(folder, contract)


def test_all_of_a_cluster_is_read_by_the_observer(bed: Any, onboarded: dict[str, Any]) -> None:
    acme = bed["acme"]
    kubeconfig = str(acme.kubeconfig_for_service_account("fireworks-system", "observer"))
    made = perform(
        connection_to(acme, kubeconfig_file=kubeconfig), "fireworks.byoc.report_info", contract=onboarded,
        policy=POLICY, credential_files=[kubeconfig, "/no/such/file"],
    )  # fmt: skip
    assert not made["failed"] and not made["changed"], made
    part = made["report"]
    assert (part["cluster"], part["nodes"]) == ("acme-eu-1", "2/2")
    [gpus] = part["gpus"]
    assert (gpus["capacity"], gpus["ours"]) == (16, 2)
    assert [(row["model"], row["revision"], row["ready"]) for row in part["models"]] == [("llama-3-1-8b", "1", 2)]
    assert [(row["of"], row["change"], row["state"]) for row in part["rollouts"]] == [
        ("llama-3-1-8b", "revision 1", "good")
    ]
    # Nobody answers where telemetry is simulated: that is no budget that is left, and it is said.
    assert [row["state"] for row in part["budgets"]] == ["not measured"]
    assert [what for what in part["unread"] if what.startswith("error budgets: ")]
    mine, file = part["credentials"]
    assert (mine["user"], mine["until"]) == ("observer", file["until"]) and mine["state"] == "valid"


def test_incidents_are_in_it_while_they_are_open(bed: Any, onboarded: dict[str, Any]) -> None:
    acme, given = bed["acme"], {"contract": onboarded, "policy": POLICY}

    def incidents() -> list[Any]:
        made = perform(connection_to(acme), "fireworks.byoc.report_info", **given)
        return [(row["incident"], row["asked"]) for row in made["report"]["incidents"]]

    kept = {"contract": onboarded, "by": "sre@fireworks.example"}
    perform(connection_to(acme), "fireworks.byoc.incident", do="open", note="slow", model="llama-3-1-8b", **kept)
    asked = {"owner": "customer", "topic": "networking", "ask": "Look at the switch."}
    perform(connection_to(acme), "fireworks.byoc.incident", do="note", number=1, **asked, **kept)
    assert incidents() == [(1, "Look at the switch.")]
    perform(connection_to(acme), "fireworks.byoc.incident", do="close", number=1, note="over", **kept)
    assert incidents() == []


@pytest.mark.soak
def test_as_a_module_and_in_check_mode_it_is_the_same(bed: Any, tmp_path: Path) -> None:
    given = {"fireworks.byoc.report_info": {"contract": contract_of(bed["acme"]), "policy": POLICY}}
    tasks = [given, {**given, "environment": {"BYOC_TEST": "module"}}, {**given, "check_mode": True}]
    results = run_tasks(tmp_path, connection_to(bed["acme"]), *tasks).results
    for result in results:
        assert not result.get("failed"), result
    shown = [{key: result["report"][key] for key in ("cluster", "gpus", "models", "rollouts")} for result in results]
    assert shown[0] == shown[1] == shown[2]


def test_the_playbook_writes_a_page_and_the_data(bed: Any, onboarded: dict[str, Any], tmp_path: Path) -> None:
    silent = unreachable(contract_of(bed["birch"]), bed["birch"], tmp_path)
    page, told = tmp_path / "reports" / "fleet.html", tmp_path / "result.json"
    given = ("-e", f"report_file={page}", "-e", f"result_file={told}", "-e", f"credentials_dir={tmp_path}")
    checked = play("fleet_report", tmp_path / "fleet", [onboarded, silent], *given, "--check")
    assert checked.returncode == 0 and not page.parent.exists(), checked.stdout
    assert "It would be written to" in checked.stdout
    done = play("fleet_report", tmp_path / "fleet", [onboarded, silent], *given)
    assert done.returncode == 0, done.stdout
    report = json.loads(page.with_suffix(".json").read_text())
    by_name = {one["cluster"]: one for one in report["clusters"]}
    assert by_name["birch-eu-1"]["state"] == "unreachable" and "127.0.0.1:1" in by_name["birch-eu-1"]["reason"]
    assert by_name["acme-eu-1"]["drift"] == []
    assert report["totals"]["clusters"] == 2 and report["totals"]["states"]["unreachable"] == 1
    for path in (page, page.with_suffix(".json")):
        assert path.stat().st_mode & 0o777 == 0o600
    text = page.read_text()
    assert "acme-eu-1" in text and "unreachable" in text and "<td>revision 1</td>" in text
    results = {one["cluster"]: one["result"] for one in json.loads(told.read_text())["clusters"]}
    assert results == {"acme-eu-1": "unproven", "birch-eu-1": "failed"}


def test_a_fleet_of_which_nobody_answers_is_no_report(bed: Any, tmp_path: Path) -> None:
    silent = unreachable(contract_of(bed["birch"]), bed["birch"], tmp_path)
    page = tmp_path / "fleet.html"
    done = play("fleet_report", tmp_path / "fleet", [silent], "-e", f"report_file={page}")
    assert done.returncode == 2 and "no cluster answered" in done.stdout


def test_a_page_of_the_data_s_name_is_refused_before_anything_is_read(bed: Any, tmp_path: Path) -> None:
    page = tmp_path / "fleet.json"
    done = play("fleet_report", tmp_path / "fleet", [contract_of(bed["acme"])], "-e", f"report_file={page}")
    assert done.returncode == 2 and "is the name of the data" in done.stdout, done.stdout
    assert not page.exists()


# -- the page in a browser ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    folder = tmp_path_factory.mktemp("browser")
    count = 1000
    report = fleet_report(parts(count), {agreed(n)["identity"]["name"]: agreed(n) for n in range(count)}, [], MADE)
    (folder / "fleet.html").write_text(report_page(report))
    with chromium(folder) as opened:
        opened.open(folder / "fleet.html")
        yield opened


def cells(tab: Tab, table: str, column: int) -> list[str]:
    rows = f"[...document.querySelectorAll('#{table} tbody tr')]"
    return list(tab.evaluate(f"{rows}.map((row) => row.cells[{column}].textContent)"))


def sorted_as(tab: Tab, table: str, column: int) -> str | None:
    head = f"document.querySelectorAll('#{table} th')[{column}]"
    return tab.evaluate(f"{head}.getAttribute('aria-sort')")


@IN_A_BROWSER
def test_a_page_of_a_thousand_clusters_has_no_error_and_asks_nobody(tab: Tab) -> None:
    assert len(cells(tab, "clusters", 0)) == 1000
    assert tab.told == []
    assert [address for address in tab.asked if not address.startswith(("file:", "data:"))] == []


@IN_A_BROWSER
def test_a_table_is_sorted_by_keyboard_alone_both_ways_and_by_number(tab: Tab) -> None:
    tab.evaluate("document.querySelector('#findings .scroll').focus()")
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Cluster", "the headings come one after the other"
    tab.press("Enter")
    names = cells(tab, "findings", 0)
    assert sorted_as(tab, "findings", 0) == "ascending"
    numbers = [int(name.rpartition("-")[2]) for name in names]
    assert numbers == sorted(numbers) and numbers != sorted(numbers, key=str), "10 comes after 9"
    tab.press("Enter")
    assert sorted_as(tab, "findings", 0) == "descending"
    assert cells(tab, "findings", 0) == names[::-1] or sorted(numbers, reverse=True) == [
        int(name.rpartition("-")[2]) for name in cells(tab, "findings", 0)
    ]
    tab.press("Tab")
    tab.press("Enter")
    assert (sorted_as(tab, "findings", 0), sorted_as(tab, "findings", 1)) == (None, "ascending")
    severities = cells(tab, "findings", 1)
    assert severities == sorted(severities)
    tab.evaluate("document.querySelectorAll('#rollouts th button')[8].click()")
    places = tab.evaluate("[...document.querySelectorAll('#rollouts td.t')].map((cell) => Number(cell.dataset.v))")
    assert places == sorted(places)
    assert tab.told == []


@IN_A_BROWSER
@pytest.mark.soak
def test_it_fits_a_phone_and_is_seen_where_the_focus_is(tab: Tab) -> None:
    tab.resize(390, 844, phone=True)
    wide = tab.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, "tables scroll by themselves, not the page"
    tab.evaluate("document.querySelector('#models .scroll').focus()")
    tab.press("Tab")
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    tab.resize(1280, 900)


@IN_A_BROWSER
@pytest.mark.soak
def test_it_can_be_printed_without_what_is_for_screens(tab: Tab) -> None:
    tab.call("Emulation.setEmulatedMedia", {"media": "print"})
    assert tab.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert tab.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    tab.call("Emulation.setEmulatedMedia", {"media": ""})
