# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pattern of clusters is blank, mistyped, or means what it says."""

from __future__ import annotations

import pytest
from ansible.inventory.manager import split_host_pattern

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.host_pattern import pattern_doubts

NAMES = ["acme-eu-1", "acme-us-1", "birch-eu-1", "all", "byoc", "customer_acme", "ring_canary", "access_standard"]


@pytest.mark.parametrize(
    "pattern",
    [
        "acme-eu-1", "byoc", "all", "*", "acme-*", "acme-eu-?", "~acme.*", "acme-eu-1,birch-eu-1", " acme-eu-1 ",
        "ring_canary:&access_standard", "byoc:!acme-eu-1", "byoc,!~acme.*", "customer_acme[0]", "byoc[0:2]", "byoc[-1]",
        "acme-[eu]*",
    ],
)  # fmt: skip
def test_what_names_clusters_or_groups_is_taken(pattern: str) -> None:
    assert pattern_doubts(split_host_pattern(pattern), NAMES) == []


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "it is blank"),
        (" ", "it is blank"),
        ("\t\n", "it is blank"),
        (",", "it is blank"),
        (" , ,", "it is blank"),
        ("!", "it has an empty part ('!')"),
        ("byoc,!", "it has an empty part ('!')"),
        ("&", "it has an empty part ('&')"),
        ("[", "it is blank"),
        ("[]", "there is no cluster and no group '[]'"),
        ("acme-eu1", "there is no cluster and no group 'acme-eu1': did you mean 'acme-eu-1'?"),
        ("byoc:!acme-eu1", "there is no cluster and no group 'acme-eu1': did you mean 'acme-eu-1'?"),
        ("byoc:&ring_canari", "did you mean 'ring_canary'?"),
        ("acme-eu-1,zzz", "there is no cluster and no group 'zzz'"),
        ("zzz*", "there is no cluster and no group 'zzz*'"),
        ("zzz[0]", "there is no cluster and no group 'zzz[0]'"),
        ("~zzz", "no cluster and no group matches '~zzz'"),
        ("~(", "no cluster and no group matches '~('"),
    ],
)
def test_what_is_blank_or_unknown_is_refused_with_the_nearest_name(pattern: str, said: str) -> None:
    [doubt] = pattern_doubts(split_host_pattern(pattern), NAMES)
    assert said in doubt


def test_every_unknown_name_is_told_at_once() -> None:
    assert len(pattern_doubts(split_host_pattern("zzz,byoc,!yyy"), NAMES)) == 2
