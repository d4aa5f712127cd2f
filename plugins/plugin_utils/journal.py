# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this run wrote in each cluster, kept as it happens: a task that fails inside a role leaves no result to read it
from, and a loop or a rescue leaves only the last one.

Each worker of a run adds to a file in the run's own temporary folder, which Ansible removes when the run ends.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible import constants

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.written import Written, written_once
from ansible_collections.fireworks.byoc.plugins.plugin_utils.run_number import run_id_of

Data = Mapping[str, Any]


def note(task_vars: Data, written: Iterable[Data]) -> None:
    """Add what a task wrote; nothing where no run is numbered, which is where nobody asks for it."""
    lines = "".join(f"{json.dumps(dict(one))}\n" for one in written)
    path = _path(task_vars) if lines else None
    if path:
        with path.open("a", encoding="utf-8") as journal:
            journal.write(lines)


def noted(task_vars: Data) -> list[Written]:
    """What the run has written in the cluster of these variables so far: each object once."""
    path = _path(task_vars)
    if path is None or not path.exists():
        return []
    return written_once(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


def _path(task_vars: Data) -> Path | None:
    run = run_id_of(task_vars.get("hostvars"))
    if not run:
        return None
    name = hashlib.sha256(f"{run}/{task_vars['inventory_hostname']}".encode()).hexdigest()[:16]
    return Path(constants.DEFAULT_LOCAL_TMP) / f"byoc-written-{name}.jsonl"
