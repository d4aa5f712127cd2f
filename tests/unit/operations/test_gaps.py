# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be read is left out, and told once for each reason."""

from __future__ import annotations

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import KubeError
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.gaps import Gaps


def test_several_sources_that_fail_alike_are_told_together() -> None:
    gaps = Gaps()

    def silent() -> str:
        raise KubeError("no endpoints available")

    assert [gaps.tried(what, silent, "none") for what in ("alerts", "the impact", "alerts")] == ["none"] * 3
    assert gaps.tried("nodes", lambda: "three", "none") == "three"
    gaps.note("records", "this controller wrote none")
    assert gaps.told() == ["alerts, the impact: no endpoints available", "records: this controller wrote none"]
