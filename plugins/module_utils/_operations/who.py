# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs this, for locks and records: never a credential, only a name for people."""

from __future__ import annotations

import getpass
import os
import platform


def who_runs(user: str = "") -> str:
    """user@machine; the number of a user who has no name, as in a container.

    :param user: who it is, where a scheduler knows that better than the machine.
    """
    try:
        user = user or getpass.getuser()
    except (KeyError, OSError):
        user = f"uid-{os.getuid()}"
    return f"{user}@{platform.node()}"
