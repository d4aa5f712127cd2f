# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each object that was written counts once."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.written import (
    called,
    counted,
    counted_by_kind,
    written_once,
)


def write(action: str, name: str = "a", kind: str = "Pod", namespace: str = "ns") -> dict[str, str]:
    return {"kind": kind, "namespace": namespace, "name": name, "action": action}


@pytest.mark.parametrize(
    ("actions", "together"),
    [
        ("created", "created"),
        ("created updated", "created"),
        ("created token_issued", "created"),
        ("created deleted", "deleted"),
        ("updated token_issued", "updated"),
        ("token_issued deleted", "deleted"),
        ("deleted created", "recreated"),
        ("deleted created updated token_issued", "recreated"),
        ("deleted created deleted", "deleted"),
        ("updated evicted", "evicted"),
        ("evicted deleted", "deleted"),
        ("deleted deleted", "deleted"),
    ],
)
def test_what_happened_to_an_object_comes_to_one_action(actions: str, together: str) -> None:
    assert written_once(write(action) for action in actions.split()) == [write(together)]


def test_objects_are_counted_by_kind_and_action() -> None:
    found = written_once([write("created"), write("created", "b"), write("updated", kind="Node", namespace="")])
    assert [called(one) for one in found] == ["Pod ns/a", "Pod ns/b", "Node a"]
    assert counted(found) == {"created": 2, "updated": 1}
    assert counted_by_kind(found) == [
        {"kind": "Node", "action": "updated", "count": 1},
        {"kind": "Pod", "action": "created", "count": 2},
    ]
