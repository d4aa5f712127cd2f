# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work beside the demo's own, which is waited for once and not forever."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Aside:
    """Begins at once, and ends with the process at the latest."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._why = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def problem(self, seconds: float) -> str:
        """Why it is not done, after so many seconds more at the most; empty where it is."""
        self._thread.join(seconds)
        return f"not done after {seconds:.0f} s more" if self._thread.is_alive() else self._why

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 (whatever it was, it is told)
            self._why = str(error) or type(error).__name__
