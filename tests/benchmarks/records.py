# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verify the records of a cluster on which a great deal was done, over several controllers.

make bench, or python -m tests.benchmarks many_records.
"""

from __future__ import annotations

import json
import time
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record import (
    BODY,
    canonical,
    digest,
    head_after,
    make_record,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record_check import check_records

RECORDS, CONTROLLERS, OBJECTS_EACH = 10_000, 3, 20


def body(number: int) -> dict[str, Any]:
    """An upgrade that changed some objects."""
    objects = [
        {"object": f"Deployment fireworks-system/part-{each}", "action": "updated", "before": digest(number),
         "after": digest(each)}
        for each in range(OBJECTS_EACH)
    ]  # fmt: skip
    made: dict[str, Any] = dict.fromkeys(BODY, "x")
    return {**made, "cluster": "acme-eu-1", "operation": "upgrade", "run": str(number), "objects": objects}


def written() -> tuple[dict[str, list[str]], dict[str, Any] | None]:
    """The lines of each controller, and where the chains end."""
    files: dict[str, list[str]] = {f"ctl-{each}": [] for each in range(CONTROLLERS)}
    head: dict[str, Any] | None = None
    last: dict[str, dict[str, Any]] = {}
    for number in range(RECORDS):
        writer = f"ctl-{number % CONTROLLERS}"
        record = make_record(body(number), head=head, chain="c", writer=writer, last=last.get(writer))
        head, last[writer] = head_after(record, head), record
        files[writer].append(canonical(record))
    return files, head


def main() -> None:
    files, head = written()
    size = sum(len(line) for lines in files.values() for line in lines) / 2**20
    started = time.process_time()
    whole = check_records(files, head, "acme-eu-1")
    seconds = time.process_time() - started
    print(f"{RECORDS} records of {CONTROLLERS} controllers ({size:.0f} MiB, {OBJECTS_EACH} objects each) verified in "
          f"{seconds:.2f} s of processor time: ok {whole['ok']}, unproven {whole['unproven']}")  # fmt: skip
    middle = RECORDS // CONTROLLERS // 2
    spoiled = json.loads(files["ctl-1"][middle])
    files["ctl-1"][middle] = canonical({**spoiled, "reason": "another"})
    started = time.process_time()
    broken = check_records(files, head, "acme-eu-1")
    print(f"one changed in its middle: found in {time.process_time() - started:.2f} s: {broken['broken']}")
