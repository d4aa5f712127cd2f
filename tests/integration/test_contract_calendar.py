# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.contract_calendar`` over two clusters that nobody could reach: it reads the contracts only."""

from __future__ import annotations

import json
from pathlib import Path

from demo.contracts import H100, contract, write_fleet
from tests.integration.ansible_runs import run_playbook

LEAP = {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=2", "duration": "3h", "time_zone": "UTC"}
WEEKLY = {"weekly": ["tue"], "start": "02:00", "duration": "3h", "time_zone": "Europe/Berlin"}
FREEZE = {"from": "2026-12-18", "until": "2027-01-04", "time_zone": "Europe/Berlin", "reason": "year-end trading"}
UIDS = {"acme-eu-1": "0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11", "birch-eu-1": "11111111-1111-4111-8111-111111111111"}


def fleet(folder: Path) -> Path:
    made = [
        contract(
            name, uid=uid, kubeconfig=folder / "missing.kubeconfig", provider="aws", region="here", gpus={H100: 16}
        )
        for name, uid in UIDS.items()
    ]
    for one in made:
        one["access"]["context"] = "none"  # customers that share a credential name it
    made[0]["change"] = {"windows": [WEEKLY, LEAP], "freezes": [FREEZE]}
    made[1]["change"] = {}
    return write_fleet(folder, made)


def test_it_prints_twelve_openings_of_each_window_without_asking_any_cluster(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    given = ("-i", str(fleet(tmp_path)), "-e", "moment=2026-12-15T12:00:00Z", "-e", f"result_file={file}", "--check")
    done = run_playbook("fireworks.byoc.contract_calendar", *given)
    assert done.returncode == 0, done.stdout
    told = json.loads(file.read_text())
    assert told["result"] == "passed"
    upcoming, openings, doubts, *_rest = told["reports"]
    assert [row["next_change"] for row in upcoming["rows"]] == ["2027-01-05 02:00 Europe/Berlin", "now"]
    assert [row["windows"] for row in upcoming["rows"]] == [2, "none: at any time outside the freezes"]
    assert len([row for row in openings["rows"] if row["window"].startswith("tue")]) == 12
    first = openings["rows"][0]
    assert (first["opens_utc"], first["frozen"]) == ("2026-12-22 01:00 UTC", "all of it (year-end trading)")
    assert "acme-eu-1: change.windows[1].rrule: does not open within 400 days" in doubts["text"]
    for shown in ("2026-12-22 02:00 Europe/Berlin", "all of it (year-end trading)", "2028-02-29 02:00 UTC"):
        assert shown in done.stdout, done.stdout
    # Whoever wrote it is told by each inventory that is made of it, too.
    assert "clusters/acme-eu-1.yml: change.windows[1].rrule: does not open within 400 days" in "".join(
        " ".join(text.split()) for text in (done.stdout, done.stderr or "")
    )


def test_a_moment_that_is_none_is_refused(tmp_path: Path) -> None:
    done = run_playbook("fireworks.byoc.contract_calendar", "-i", str(fleet(tmp_path)), "-e", "moment=tomorrow")
    assert done.returncode != 0
    assert "moment is 'tomorrow'" in done.stdout and "Traceback" not in done.stdout, done.stdout
