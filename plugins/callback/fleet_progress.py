# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a fleet's run as it happens."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_progress
type: stdout
short_description: Show a fleet's run as it happens
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Instead of every task of every cluster, shows how many clusters are at which stage, how many have ended, those that
    did not go well with their reason at once, and an estimate of what is left. At the end, what each stage took.
  - In a terminal that is one line that is painted anew. Elsewhere, as in AWX, a plain line from time to time.
  - A cluster's stage is the role, or the file of tasks, that it is in. Once a task failed, it stays at that stage until
    its outcome is known, whatever tasks deal with the failure.
  - What the run itself prints, such as the reports of this collection, is shown as ever.
options:
  interval:
    description: How many seconds lie between two plain lines.
    type: int
    default: 10
    env:
      - name: BYOC_PROGRESS_INTERVAL
    ini:
      - section: callback_fleet_progress
        key: interval
  live:
    description: Whether to paint one line anew. Unless given, when the output is a terminal.
    type: bool
    env:
      - name: BYOC_PROGRESS_LIVE
    ini:
      - section: callback_fleet_progress
        key: live
requirements:
  - To be enabled, with C(ANSIBLE_STDOUT_CALLBACK=fireworks.byoc.fleet_progress) or C(stdout_callback) in C(ansible.cfg)
"""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.outcome import Result
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.progress import Progress
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.harmless import harmless, harmless_data
from ansible_collections.fireworks.byoc.plugins.plugin_utils.terminal import in_a_terminal

_PAINT_SECONDS = 0.2
_OUTCOME = "byoc_outcome"
#: Set by plays that check or report for the whole run, on whichever host ``--limit`` leaves.
_OF_THE_RUN = "byoc_of_the_run"
_NOT_COMPLETED = "not_completed"
_REFUSED = "run_refused"
_SET_FACT = ("set_fact", "ansible.builtin.set_fact", "ansible.legacy.set_fact")
_DEBUG = ("debug", "ansible.builtin.debug", "ansible.legacy.debug")


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Turns Ansible's events into those of a fleet's run. Each event is a dictionary look-up; lines are rare."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "fireworks.byoc.fleet_progress"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._progress: Progress | None = None
        self._play = ""
        self._failed: dict[str, str] = {}
        self._shown_at = 0.0
        self._painted = False
        self._live = False

    # --- plays -------------------------------------------------------------------------------------

    def v2_playbook_on_play_start(self, play: Any) -> None:
        if play._uuid == self._play:
            return  # another batch of the same play
        self._close()
        self._play = play._uuid
        hosts = play.get_variable_manager().get_vars(play=play).get("ansible_play_hosts_all", [])
        if set(hosts) <= {"localhost"} or play.get_vars().get(_OF_THE_RUN):
            return  # what such a play says, it prints
        live = self.get_option("live")
        self._live = in_a_terminal() if live is None else live
        self._progress = Progress(play.get_name().strip() or "the run", hosts, time.monotonic())
        self._shown_at = time.monotonic()

    def v2_playbook_on_stats(self, _stats: Any) -> None:
        self._close()

    # --- tasks -------------------------------------------------------------------------------------

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        if self._progress:
            now = time.monotonic()
            name = host.get_name()
            # What runs after a failure deals with it, and is not where the cluster failed.
            self._progress.working(name, "" if name in self._failed else _stage(task), now)
            self._show(now)

    def v2_runner_on_ok(self, result: Any) -> None:
        action = result.task.action
        if action in _SET_FACT:
            outcome = (result.result.get("ansible_facts") or {}).get(_OUTCOME)
            if outcome and self._progress:
                self._end(result.host.get_name(), outcome["result"], outcome["what"])
        elif action in _DEBUG:
            self._say(f"{result.host.get_name()}: {result.result.get('msg', '')}")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        name, message, code = result.host.get_name(), str(result.result.get("msg", "")), result.result.get("code")
        if ignore_errors or code == _REFUSED or (code == _NOT_COMPLETED and name != "localhost"):
            return  # what ended the run is said already; of each cluster that is not completed, the summary tells
        if self._progress:
            self._failed[name] = f"{result.task.get_name()}: {message}"  # unless the play comes round it
        else:
            self._say(f"{name} failed at {result.task.get_name()}: {message}")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self.v2_runner_on_failed(result)

    def v2_on_file_diff(self, result: Any) -> None:
        shown = result.result.get("diff")
        if shown:
            self._stay(self._get_diff(harmless_data(shown)))  # which may be coloured

    # --- showing -----------------------------------------------------------------------------------

    def _end(self, name: str, result: str, reason: str) -> None:
        if self._progress:
            self._failed.pop(name, None)
            line = self._progress.ended(name, result, reason, time.monotonic())
            if line:
                self._say(line)

    def _close(self) -> None:
        """The play is over."""
        if not self._progress:
            return
        for name, reason in list(self._failed.items()):
            self._end(name, Result.FAILED, reason)
        now = time.monotonic()
        self._progress.finish(now)
        self._say(self._progress.summary(now) + "\n")
        self._progress = None

    def _show(self, now: float) -> None:
        """How far it is, if it is time to say so again."""
        pause = _PAINT_SECONDS if self._live else self.get_option("interval")
        if not self._progress or now - self._shown_at < pause:
            return
        self._shown_at = now
        line = harmless(self._progress.line(now))
        if not self._live:
            self._display.display(line)
            return
        columns = shutil.get_terminal_size().columns
        sys.stdout.write("\r\x1b[K" + line[: columns - 1])
        sys.stdout.flush()
        self._painted = True

    def _say(self, text: str) -> None:
        """A line that stays."""
        self._stay(harmless(text))

    def _stay(self, text: str) -> None:
        if self._painted:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
            self._painted = False
        self._display.display(text)


def _stage(task: Any) -> str:
    """The role, or the included file, that a task is in; nothing for the tasks of a playbook itself."""
    if task._role:
        return str(task._role.get_name(include_role_fqcn=False))
    path = Path(str(task.get_path() or "").rpartition(":")[0])
    return path.stem.replace("_", " ") if path.parent.name == "tasks" else ""
