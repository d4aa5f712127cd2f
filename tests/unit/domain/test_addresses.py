# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as people may read them: whatever is in one, no secret of it is shown."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.addresses import (
    NOT_SHOWN,
    holds_more,
    shown_address,
)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://api.acme.example:6443", "https://api.acme.example:6443"),
        ("https://[2001:db8::1]:6443/k8s/c-1", "https://[2001:db8::1]:6443/k8s/c-1"),
        ("proxy:3128", "proxy:3128"),
        ("", ""),
        ("https://s3cr3t@a.example/x", "https://a.example/x"),
        ("https://me:s3cr3t@a.example:1/x", "https://a.example:1/x"),
        ("me:s3cr3t@a.example", "a.example"),
        ("https://a.example?s3cr3t", "https://a.example"),
        ("https://a.example/x?y=s3cr3t#s3cr3t", "https://a.example/x"),
        ("https://a.example#s3cr3t", "https://a.example"),
        ("https://a.example/x;y=s3cr3t", "https://a.example/x"),
        ("https://a.example:s3cr3t", NOT_SHOWN),
        ("https://[s3cr3t]:1", NOT_SHOWN),
        ("https://s3cr3t?s3cr3t@a.example", NOT_SHOWN),
        ("https://me:s3/cr3t@a.example", NOT_SHOWN),
        ("https://me:s3cr3t@s3cr3t@a.example", NOT_SHOWN),
        ("https://a.example/?x=1@s3cr3t", NOT_SHOWN),
        ("https://a.example\n?s3cr3t", NOT_SHOWN),
    ],
)
def test_user_info_query_and_fragment_are_not_shown(address: str, shown: str) -> None:
    assert shown_address(address) == shown
    assert holds_more(address) is (shown != address)
