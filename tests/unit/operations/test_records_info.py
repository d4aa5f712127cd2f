# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``records_info`` takes for an audit log: any other file would show that nothing was outside the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.record import BODY, canonical, make_record
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.audit_log_files import AuditLogError
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.records_info import run
from tests.unit.domain.agreed import contract

CLUSTER, AT = "acme-eu-1", "2026-11-29T12:00:00Z"
EVENT = {
    "stage": "ResponseComplete", "verb": "get", "requestURI": "/api", "requestReceivedTimestamp": AT,
    "user": {"username": "alice"},
}  # fmt: skip


def compared(folder: Path, log: str) -> dict[str, Any]:
    said = {**dict.fromkeys(BODY, ""), "cluster": CLUSTER, "objects": [], "started": AT, "ended": AT}
    line = canonical(make_record(said, head=None, chain="c", writer="one", last=None))
    (folder / f"{CLUSTER}.jsonl").write_text(line + "\n")
    (folder / "audit.log").write_text(log)
    asked = {
        "connection": {"cluster_name": CLUSTER}, "directories": [str(folder)],
        "audit_log": [str(folder / "audit.log")], "contract": contract(), "contract_digest": "",
    }  # fmt: skip
    return cast(dict[str, Any], run(asked, cast(Context, None))["audit"])


@pytest.mark.parametrize("log", ["", "Nov 29 kubelet started\n", json.dumps({"kind": "EventList", "items": []})])
def test_a_file_without_an_event_is_no_audit_log(tmp_path: Path, log: str) -> None:
    with pytest.raises(AuditLogError, match="is an event of an audit log"):
        compared(tmp_path, log)


def test_one_event_makes_it_one(tmp_path: Path) -> None:
    assert compared(tmp_path, json.dumps(EVENT))["from"] == AT
