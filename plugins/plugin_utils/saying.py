# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What actions say while they work: it may quote what clusters and contracts hold."""

from __future__ import annotations

from ansible.utils.display import Display

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import VERBOSE
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.harmless import one_line

_display = Display()


def is_verbose() -> bool:
    """Whether somebody looks for what went wrong."""
    return bool(_display.verbosity >= VERBOSE)


def say(text: str) -> None:
    """Show a line."""
    _display.display(one_line(text))


def warn(text: str) -> None:
    """Show a warning."""
    _display.warning(one_line(text))
