# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's run as lines and as a summary, against what they should be, letter by letter."""

from __future__ import annotations

import time

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.progress import Progress

FLEET = ("acme-eu-1", "birch-eu-1", "cedar-eu-1", "dogwood-us-1")


def run() -> tuple[Progress, list[str]]:
    """Four clusters: one done, one refused, one that fails after its end, and one that never had its turn."""
    progress, lines = Progress("Onboard", FLEET, 0.0), []
    lines.append(progress.line(0.0))
    for name in FLEET[:3]:
        progress.working(name, "", 1.0)
        progress.working(name, "preflight", 2.0)
    progress.working("acme-eu-1", "", 3.0)  # a task of the playbook itself: still at preflight
    progress.working("nobody", "preflight", 3.0)
    lines.append(progress.ended("birch-eu-1", "refused", "GPUs: 2,\n needed 16", 5.0))
    progress.working("acme-eu-1", "stack", 10.0)
    progress.working("cedar-eu-1", "stack", 12.0)
    lines.append(progress.line(65.0))
    lines.append(progress.ended("acme-eu-1", "done", "", 70.0))
    lines.append(progress.ended("cedar-eu-1", "done", "", 80.0))
    progress.working("cedar-eu-1", "finish operation", 81.0)  # over is over
    lines.append(progress.ended("cedar-eu-1", "failed", "the record was not written", 82.0))
    lines.append(progress.ended("cedar-eu-1", "failed", "again", 83.0))
    lines.append(progress.ended("nobody", "failed", "", 83.0))
    return progress, lines


def test_the_lines_of_a_run() -> None:
    assert run()[1] == [
        "Onboard: 0 of 4 finished, 4 not begun, 0 s elapsed",
        "birch-eu-1 refused at preflight: GPUs: 2, needed 16",
        (
            "Onboard: 1 of 4 finished, 1 with problems, at work: stack 2, 1 not begun, 1:05 min elapsed, "
            "about 3:15 min left"
        ),
        "",
        "",
        "cedar-eu-1 failed at stack: the record was not written",
        "",
        "",
    ]


def test_the_summary_of_a_run() -> None:
    progress, _lines = run()
    progress.finish(90.0)
    assert progress.summary(90.0) == (
        "Onboard: 4 of 4 finished, 3 with problems, 1:30 min elapsed\n"
        "\n"
        "STAGE      CLUSTERS  MEDIAN    LONGEST\n"
        "---------  --------  --------  --------\n"
        "begin             3  1 s       1 s\n"
        "preflight         3  8 s       10 s\n"
        "stack             2  1:04 min  1:08 min"
    )


def test_a_run_that_nothing_is_known_of_and_one_that_went_well() -> None:
    empty = Progress("Status", ("a",), 0.0)
    empty.finish(7300.0)
    assert empty.summary(7300.0).splitlines()[0] == "Status: 1 of 1 finished, 1 with problems, 2:01 h elapsed"
    well = Progress("Status", ("a",), 0.0)
    well.working("a", "read", 0.5)
    well.finish(1.0)
    assert "with problems" not in well.summary(1.0)
    silent = Progress("Status", ("a",), 0.0)
    assert silent.ended("a", "failed", "", 1.0) == "a failed: it did not say why"


def test_a_cluster_that_waits_has_no_problem() -> None:
    progress = Progress("Deploy models", FLEET[:2], 0.0)
    progress.working("acme-eu-1", "decide model change", 1.0)
    assert progress.ended("acme-eu-1", "waiting", "nobody\n approved it", 2.0) == "acme-eu-1 waits: nobody approved it"
    assert progress.ended("acme-eu-1", "waiting", "again", 2.0) == ""
    assert progress.line(3.0).startswith("Deploy models: 1 of 2 finished, 1 waiting, 1 not begun, ")
    late = progress.ended("acme-eu-1", "failed", "the record was not written", 4.0)
    assert late == "acme-eu-1 failed at decide model change: the record was not written"
    assert progress.line(4.0).startswith("Deploy models: 1 of 2 finished, 1 with problems, 1 not begun, ")


def test_a_large_fleet_costs_little() -> None:
    names = [f"c{number}" for number in range(1000)]
    progress = Progress("Upgrade", names, 0.0)
    started = time.perf_counter()
    for stage in range(50):
        for name in names:
            progress.working(name, f"stage {stage % 7}", float(stage))
    seconds = time.perf_counter() - started
    print(f"50,000 events of 1,000 clusters: {seconds:.3f} s, {seconds / 50_000 * 1e6:.1f} µs each")
    assert seconds < 5
    progress.finish(60.0)
    assert len(progress.summary(60.0).splitlines()) == 11
