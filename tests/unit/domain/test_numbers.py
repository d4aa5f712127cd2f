# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in texts that others wrote."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.numbers import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("79", 79),
        ("007", 7),
        ("9" * 18, 10**18 - 1),
        ("9" * 5000, None),  # more digits than int() takes
        ("\u00b2", None),  # isdigit() is true of a superscript
        ("\u2460", None),
        ("\u0667", None),  # an Arabic seven: int() would take it, and no machine of ours writes it
        ("-1", None),
        ("1.5", None),
        (" 1", None),
        ("1\n", None),
        ("", None),
    ],
)
def test_only_plain_digits_are_a_number(text: str, number: int | None) -> None:
    assert whole_number(text) == number
