# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody looks at a terminal while a run goes on."""

from __future__ import annotations

import os
import sys

#: ansible-runner gives its runs a terminal that nobody looks at: AWX keeps what is painted there as lines. So does
#: ansible-navigator.
_RUNNERS = "AWX_ISOLATED_DATA_DIR"


def in_a_terminal() -> bool:
    """Whether what is printed is painted on a screen, and not kept."""
    return sys.stdout.isatty() and _RUNNERS not in os.environ
