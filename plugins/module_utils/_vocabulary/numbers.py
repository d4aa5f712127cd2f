# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in texts that others wrote: headers, annotations, log lines."""

from __future__ import annotations

import re

#: No digits but these: ``str.isdigit`` is also true of "²", which ``int`` refuses, as it does a number of 5,000 digits.
_WHOLE = re.compile(r"[0-9]{1,18}")


def whole_number(text: str) -> int | None:
    """The number that a text is, and nothing else; None where it is none, or longer than any that means something."""
    return int(text) if _WHOLE.fullmatch(text) else None
