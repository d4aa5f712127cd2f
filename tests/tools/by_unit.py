# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole units of tests for each worker of pytest-xdist: tests/tools/sampling.py says what a unit is."""

from __future__ import annotations

from xdist.scheduler.loadfile import LoadFileScheduling

from tests.tools import sampling


class ByUnit(LoadFileScheduling):
    """The units come with the names of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return sampling.unit_in(nodeid)
