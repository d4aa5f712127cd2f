# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin of pytest: which tests a run takes, and in which order its workers take them.

``@pytest.mark.soak(sample=2)`` marks what is long by nature; all in tests/soak is. ``--soak=sample`` takes what the
seed chooses of it (always so many cases of each function as ``sample`` says) beside all other tests, ``--soak=only``
nothing else, and of that one shard, without what has passed on this very tree before. Without the option every
test that is named runs. With ``together=8`` on the mark only eight of its cases in a row must be on one worker and in
one shard. tests/conftest.py names it as a plugin.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tools import sampling

ROOT = Path(__file__).resolve().parents[2]
SECONDS = ROOT / "tests" / "tools" / "seconds.json"
STATE = ROOT / "build" / "soak"
#: What the sample takes of the workers, in their seconds together, unless what the markers ask for is more already.
SAMPLE_SECONDS = 90.0
_SEED, _KNOWN, _DEADLINE = "BYOC_SOAK_SEED", "BYOC_SOAK_KNOWN", "BYOC_SOAK_DEADLINE"
_TREE, _UNITS = "BYOC_SOAK_TREE", "BYOC_SOAK_UNITS"
LEFT = "left for the next run: the time for soaking is over"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("soak")
    group.addoption("--soak", choices=("all", "sample", "only"), default="all", help="which of the long tests to run")
    group.addoption("--shard", default="1/1", help="with --soak=only: which of how many shards, such as 2/4")
    group.addoption("--minutes", type=float, default=0.0, help="with --soak=only: begin no test later than this")


def pytest_configure(config: pytest.Config) -> None:
    """What all workers must agree on is settled once, where the run begins."""
    config.stash[_GATHERED] = {}
    if hasattr(config, "workerinput"):
        return
    os.environ[_SEED] = os.environ.get("SEED") or _commit()
    os.environ[_UNITS] = str(STATE / f"units-{os.getpid()}.json")
    if config.option.soak == "only":
        os.environ[_TREE] = tree_hash()
        os.environ[_KNOWN] = str(len(_passed()))
        minutes = config.option.minutes
        os.environ[_DEADLINE] = str(time.time() + 60 * minutes if minutes else float("inf"))


_GATHERED = pytest.StashKey[dict[str, Any]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seconds = sampling.Seconds(json.loads(SECONDS.read_text()) if SECONDS.exists() else {})
    together = {item.nodeid: number for item in items if (number := _said(item, "together"))}
    units = sampling.units([item.nodeid for item in items], together)
    if hasattr(config, "workerinput"):
        _tell(units, Path(os.environ[_UNITS]))
    if config.option.soak != "all":
        kept = _kept(config, items, seconds, units)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
        items[:] = [item for item in items if item.nodeid in kept]
    if len({sampling.file_of(item.nodeid) for item in items}) > 1:
        order = sampling.longest_first({item.nodeid: units[item.nodeid] for item in items}, seconds)
        place = {unit: number for number, unit in enumerate(order)}
        items.sort(key=lambda item: place[units[item.nodeid]])


def _kept(
    config: pytest.Config, items: list[pytest.Item], seconds: sampling.Seconds, units: dict[str, str]
) -> set[str]:
    """The names of the tests that this run takes."""
    soaking = {item.nodeid: _said(item, "sample") for item in items if item.get_closest_marker("soak")}
    gathered = {"all": len(soaking)}
    if config.option.soak == "sample":
        chosen = sampling.sample(soaking, seconds, os.environ[_SEED], SAMPLE_SECONDS)
        kept = chosen | {item.nodeid for item in items if item.nodeid not in soaking}
    else:
        number, _slash, of = config.option.shard.partition("/")
        chosen = sampling.shard({name: units[name] for name in soaking}, seconds, int(number), int(of))
        gathered["before"] = len(chosen & _known())
        kept = chosen = chosen - _known()
    gathered |= {"chosen": len(chosen), "seconds": round(seconds.all_of(chosen))}
    config.stash[_GATHERED] = gathered
    if hasattr(config, "workeroutput"):
        config.workeroutput["soak"] = gathered
    return kept


def _tell(units: dict[str, str], file: Path) -> None:
    """A worker can give the scheduler nothing but its tests' names. All of them write the same."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_suffix(f".{os.getpid()}")
    written.write_text(json.dumps(units))
    written.replace(file)


def _said(item: pytest.Item, key: str) -> int:
    """What the test's own mark says."""
    marker = item.get_closest_marker("soak")
    return int(marker.kwargs.get(key, 0)) if marker else 0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.option.dist != "loadfile":
        return None
    from tests.tools.by_unit import ByUnit  # where pytest-xdist is

    return ByUnit(config, log, Path(os.environ[_UNITS]))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        Path(os.environ[_UNITS]).unlink(missing_ok=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.config.option.soak == "only" and time.time() > float(os.environ[_DEADLINE]):
        pytest.skip(LEFT)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What has passed on this tree is noted at once: a run that is stopped goes on where it was."""
    if _TREE in os.environ and report.when == "call" and report.passed and "PYTEST_XDIST_WORKER" not in os.environ:
        STATE.mkdir(parents=True, exist_ok=True)
        with _state_file().open("a") as noted:
            noted.write(report.nodeid + "\n")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    node.config.stash[_GATHERED] = getattr(node, "workeroutput", {}).get("soak", {})


def pytest_report_header(config: pytest.Config) -> list[str]:
    if config.option.soak == "all":
        return []
    shard = f", shard {config.option.shard} on tree {os.environ[_TREE][:12]}" if config.option.soak == "only" else ""
    return [f"soak: seed {os.environ[_SEED]} (SEED={os.environ[_SEED]} chooses the same again){shard}"]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    gathered = config.stash[_GATHERED]
    if config.option.soak == "all" or not gathered:
        return
    said = f"soak: seed {os.environ[_SEED]}: {gathered['chosen']} of {gathered['all']} long cases"
    said += f", about {gathered['seconds']} s of work"
    if "before" in gathered:
        said += f"; {gathered['before']} had passed on this tree before"
    terminalreporter.write_line(said)
    left = [each.nodeid for each in terminalreporter.stats.get("skipped", []) if LEFT in str(each.longrepr)]
    if left:
        terminalreporter.write_line("\n".join([f"soak: {len(left)} left, the time is over:", *left]))


def tree_hash() -> str:
    """A hash of every file that git knows or would take; where git is not, no two trees are the same."""
    try:
        listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    except (OSError, subprocess.CalledProcessError):
        return f"unknown-{time.time():.0f}"
    digest = hashlib.sha256()
    for name in sorted(set(listed)):
        path = ROOT / name
        if path.is_file():
            digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _commit() -> str:
    try:
        return _git("rev-parse", "--short=8", "HEAD").strip()
    except (OSError, subprocess.CalledProcessError):
        return "0"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _state_file() -> Path:
    return STATE / f"passed-{os.environ[_TREE][:16]}.txt"


def _passed() -> list[str]:
    return _state_file().read_text().splitlines() if _state_file().exists() else []


def _known() -> set[str]:
    """What had passed when the run began: workers that start later must collect the same."""
    return set(_passed()[: int(os.environ[_KNOWN])])
