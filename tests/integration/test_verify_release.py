# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.verify_release`` renders releases as they are applied, and says everything that is wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.integration.ansible_runs import ROOT, run_playbook

RELEASES = ROOT / "roles" / "stack" / "files" / "releases"


def test_the_releases_that_there_are_are_right_in_check_mode_too() -> None:
    done = run_playbook("fireworks.byoc.verify_release", "--check")
    assert done.returncode == 0, done.stdout
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith("2026.")}
    assert {path.parent.name for path in RELEASES.glob("*/release.yml")} == set(lines)
    assert all(line.split()[-1] == "none" for line in lines.values()), done.stdout


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    made = tmp_path / "releases"
    shutil.copytree(RELEASES, made)
    folder = made / "2026.12.0"
    router = folder / "router.yml.j2"
    router.write_text(
        router.read_text().replace("{{ stack_images.router }}", "docker.io/lmcache/lmstack-router:latest")
    )
    alerts = folder / "alerts.yml.j2"
    alerts.write_text(alerts.read_text().replace("{{ stack_images.alerts }}", "{{ stack_images.alert }}"))
    description = folder / "release.yml"
    text = description.read_text().replace("[2026.11.0]", "[2026.10.0]")
    description.write_text(text.replace("group: autoscaling, resources: [horiz", "group: batch, resources: [horiz"))
    file = tmp_path / "result.json"
    given = ("-e", f"releases={made}", "-e", "release=2026.12.0", "-e", f"result_file={file}")
    done = run_playbook("fireworks.byoc.verify_release", *given)
    assert done.returncode != 0
    told = json.loads(file.read_text())
    assert (told["result"], told["code"], told["owner"]) == ("failed", "release_not_whole", "fireworks")
    assert told["reports"][0]["rows"][0]["problems"] > 0
    assert "Traceback" not in done.stdout
    for problem in (
        "runs docker.io/lmcache/lmstack-router:latest, which the release does not name by digest",
        "alerts.yml.j2: does not render for aws, standard, health.events",
        "horizontalpodautoscalers.autoscaling in fireworks-system is used, and not declared",
        "upgrades_from names 2026.10.0, and there is no such release",
        "a release that was published never changes",
        "Action required by: Fireworks.",
    ):
        assert problem in done.stdout, done.stdout


def test_a_release_that_there_is_not_is_told() -> None:
    done = run_playbook("fireworks.byoc.verify_release", "-e", "release=2020.1.0")
    assert done.returncode != 0
    assert "there is no stack release 2020.1.0; there are 2026.11.0" in done.stdout
