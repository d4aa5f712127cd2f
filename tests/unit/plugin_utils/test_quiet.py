# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookups of others are quiet, and the run is as verbose afterwards as it was, in whatever order they end."""

from __future__ import annotations

import contextlib

import pytest
from ansible.utils.display import Display

from ansible_collections.fireworks.byoc.plugins.plugin_utils.quiet import quiet


@pytest.mark.parametrize("first_out", [0, 1])
def test_the_verbosity_is_restored_by_the_last_of_several_that_overlap(
    monkeypatch: pytest.MonkeyPatch, first_out: int
) -> None:
    monkeypatch.setattr(Display(), "verbosity", 4)
    both = [quiet(), quiet()]
    for one in both:
        one.__enter__()
        assert Display().verbosity == 0
    both.pop(first_out).__exit__(None, None, None)
    assert Display().verbosity == 0, "the other one is still at work"
    both.pop().__exit__(None, None, None)
    assert Display().verbosity == 4


def test_the_verbosity_is_restored_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Display(), "verbosity", 4)
    with contextlib.suppress(ValueError), quiet():
        raise ValueError
    assert Display().verbosity == 4
