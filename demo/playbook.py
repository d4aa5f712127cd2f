# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's playbooks as an operator would, with their output live."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


_TOO_LONG = 124
_STOPPED_WITHIN = 30.0


def run_playbook(name: str, inventory: Path, *options: str, seconds: float | None = None) -> int:
    """Run ``fireworks.byoc.<name>``; gives its exit status.

    :param seconds: after which it is stopped. Its own waits have deadlines that are meant for real weights.
    """
    command = [str(Path(sys.executable).parent / "ansible-playbook"), f"fireworks.byoc.{name}", "-i", str(inventory)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    environment.setdefault("BYOC_RECORDS_DIR", str(ROOT / "build" / "records"))
    environment.pop("KUBECONFIG", None)  # not used; the contract names its credential
    if sys.stdout.isatty():
        environment["ANSIBLE_FORCE_COLOR"] = "1"
    shown = " ".join(["ansible-playbook", *command[1:3], "fleet.byoc.yml", *options])
    print(f"\n$ {shown}", flush=True)
    running = subprocess.Popen([*command, *options], cwd=ROOT, env=environment)
    try:
        return running.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"demo: {name} did not end within {seconds:.0f} s, and is stopped", flush=True)
        return _TOO_LONG
    finally:
        _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    """End it where it has not ended: with time to remove what it made, and then without."""
    if running.poll() is None:
        running.terminate()
        try:
            running.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
