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


def run_playbook(name: str, inventory: Path, *options: str) -> int:
    """Run ``fireworks.byoc.<name>``; gives its exit status."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), f"fireworks.byoc.{name}", "-i", str(inventory)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    environment.setdefault("BYOC_RECORDS_DIR", str(ROOT / "build" / "records"))
    environment.pop("KUBECONFIG", None)  # not used; the contract names its credential
    if sys.stdout.isatty():
        environment["ANSIBLE_FORCE_COLOR"] = "1"
    shown = " ".join(["ansible-playbook", *command[1:3], "fleet.byoc.yml", *options])
    print(f"\n$ {shown}", flush=True)
    return subprocess.run([*command, *options], cwd=ROOT, env=environment, check=False).returncode
