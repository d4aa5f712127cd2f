# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-lint, with its syntax checks forked from one process that has loaded Ansible.

It starts ``ansible-playbook --syntax-check`` for each of some seventy playbooks, and for each that another imports by
its full name, which is most of its processor time. Run it with the Python of the tools: ``python -m
tests.rails.forking_lint --offline``.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from tests.integration.ansible_runs import begin_forked_playbook


def _run(command: Sequence[str], *, env: Mapping[str, str], **options: Any) -> subprocess.CompletedProcess[str]:
    """As :func:`subprocess.run` runs it."""
    if command[0] != "ansible-playbook":
        return subprocess.run(command, env=env, **options)
    running = begin_forked_playbook(*command[1:], environment=env, apart=True)
    return subprocess.CompletedProcess(command, running.wait(120), running.said, running.complained)


if __name__ == "__main__":
    from ansible_compat import runtime
    from ansiblelint import runner
    from ansiblelint.__main__ import _run_cli_entrypoint

    runner.subprocess = runtime.subprocess = SimpleNamespace(run=_run, PIPE=subprocess.PIPE)
    _run_cli_entrypoint()
