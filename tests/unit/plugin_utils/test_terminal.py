# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is painted anew is for eyes; a runner's terminal has none."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.fireworks.byoc.plugins.plugin_utils.terminal import in_a_terminal


@pytest.mark.parametrize(("tty", "runner", "painted"), [(True, "", True), (True, "/runner", False), (False, "", False)])
def test_a_terminal_of_ansible_runner_is_looked_at_by_nobody(
    monkeypatch: pytest.MonkeyPatch, tty: bool, runner: str, painted: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: tty)
    monkeypatch.delenv("AWX_ISOLATED_DATA_DIR", raising=False)
    if runner:
        monkeypatch.setenv("AWX_ISOLATED_DATA_DIR", runner)
    assert in_a_terminal() is painted
