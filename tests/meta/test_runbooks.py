# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every code that a run may end with leads to a page that says what to do, or is known to need none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.audit import FINDING_CODES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.remediation.outcome import (
    CAUSES,
    NOT_SAFE,
    REPAIR_FAILED,
    STEP_FAILED,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.runbooks import (
    FOLDER,
    PAGES,
    WITHOUT_PAGE,
    runbook,
)
from docs.playbook_codes import IN_YAML, Codes, said_in
from tests.meta.test_the_tree import TREE

LONGEST = 40


def codes() -> set[str]:
    """Every code in the sources."""
    found = {STEP_FAILED, REPAIR_FAILED, NOT_SAFE, *CAUSES.values(), *FINDING_CODES.values()}
    for path in (TREE.root / "plugins").rglob("*.py"):
        found |= said_in(path.read_text())
    for folder in ("playbooks", "roles"):
        for path in (TREE.root / folder).rglob("*.yml"):
            found.update(IN_YAML.findall(path.read_text()))
    return found


def test_every_code_is_told_of_a_playbook_and_those_that_are_known_of_theirs() -> None:
    """By the sources that each reaches, as the reference has it."""
    reached = Codes(TREE.root, codes())
    found = {path.stem: reached.of(path.stem) for path in TREE.playbooks}
    assert set().union(*found.values()) == codes()
    assert {"rights_too_many", "left_behind", "task_failed"} <= found["audit_access"]
    assert {"step_failed", "approval", "lock_lost"} <= found["remediate"]
    assert not {"step_failed", "rights_too_many", "approval"} & found["status"]


def page(name: str) -> Path:
    return TREE.root / FOLDER / f"{name}.md"


def test_every_code_has_its_page_or_needs_none() -> None:
    mapped = [code for each in PAGES.values() for code in each]
    assert len(mapped) == len(set(mapped)), "a code leads to one page"
    assert not WITHOUT_PAGE.keys() & set(mapped)
    assert codes() == {*WITHOUT_PAGE, *mapped}, "add it to _vocabulary/runbooks.py and to its page"


def test_every_page_is_led_to_and_shown_in_the_list() -> None:
    # Pages of alerts begin with a capital: tests/unit/events/test_alert_rules.py has theirs.
    there = {path.stem for path in (TREE.root / FOLDER).glob("[a-z]*.md")}
    assert there == set(PAGES)
    listed = re.findall(r"\]\(([a-z][\w-]+)\.md\)", (TREE.root / FOLDER / "README.md").read_text())
    assert sorted(listed) == sorted(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_short_and_names_the_codes_that_lead_to_it(name: str) -> None:
    text = page(name).read_text()
    assert len(text.splitlines()) <= LONGEST
    [said] = re.findall(r"^Codes: (.+?)\. Who acts: ", text, re.MULTILINE | re.DOTALL)
    assert re.findall(r"`(\w+)`", said) == list(PAGES[name])
    for part in ("What it means.", "How to see it.", "What to do.", "Safe to rerun."):
        assert f"**{part}**" in text, part
    assert {runbook(code) for code in PAGES[name]} == {f"docs/runbooks/{name}.md"}


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_tells_to_run_is_there(name: str) -> None:
    playbooks = {path.stem for path in TREE.playbooks}
    assert set(re.findall(r"fireworks\.byoc\.(\w+)", page(name).read_text())) <= playbooks
    for other in re.findall(r"\]\(([\w-]+)\.md\)", page(name).read_text()):
        assert page(other).exists(), other


def test_the_pages_are_in_the_collection() -> None:
    """Whoever has only installed it finds them, by the path that is printed."""
    ignored = yaml.safe_load((TREE.root / "galaxy.yml").read_text())["build_ignore"]
    assert not {"docs", "docs/*", FOLDER} & set(ignored)
