# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses may be asked: a table, each row an address, and why it may not be, from outside and from inside."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight.asked_addresses import to_ask, why_not

CLOUD = "an address of a cloud's own services"
SELF = "the asking machine itself"
GROUP = "the address of a group"
PRIVATE = "a private address, asked only from the customer's network (preflight_ask_private_addresses)"
NOT_PUBLIC = "no public address"

OUTSIDE_AND_INSIDE = {
    "8.8.8.8": ("", ""),
    "2600:1901::1": ("", ""),
    "64:ff9b::808:808": ("", ""),
    "10.0.0.7": (PRIVATE, ""),
    "172.31.0.1": (PRIVATE, ""),
    "192.168.1.1": (PRIVATE, ""),
    "100.64.0.1": (PRIVATE, ""),
    "fd12::1": (PRIVATE, ""),
    "::ffff:10.0.0.7": (PRIVATE, ""),
    "64:ff9b::a00:7": (PRIVATE, ""),
    "2002:a00:7::1": (PRIVATE, ""),
    "169.254.169.254": (CLOUD, CLOUD),
    "::ffff:169.254.169.254": (CLOUD, CLOUD),
    "64:ff9b::a9fe:a9fe": (CLOUD, CLOUD),
    "2002:a9fe:a9fe::1": (CLOUD, CLOUD),
    "fe80::1": (CLOUD, CLOUD),
    "fe80::1%eth0": (CLOUD, CLOUD),
    "fd00:ec2::254": (CLOUD, CLOUD),
    "fd20:ce::254": (CLOUD, CLOUD),
    "100.100.100.200": (CLOUD, CLOUD),
    "168.63.129.16": (CLOUD, CLOUD),
    "192.0.0.192": (CLOUD, CLOUD),
    "127.0.0.1": (SELF, SELF),
    "127.9.9.9": (SELF, SELF),
    "::1": (SELF, SELF),
    "::ffff:127.0.0.1": (SELF, SELF),
    "0.0.0.0": (SELF, SELF),  # noqa: S104 (refused)
    "::": (SELF, SELF),
    "224.0.0.1": (GROUP, GROUP),
    "ff02::1": (GROUP, GROUP),
    "255.255.255.255": (NOT_PUBLIC, NOT_PUBLIC),
    "240.0.0.1": (NOT_PUBLIC, NOT_PUBLIC),
    "198.18.0.1": (NOT_PUBLIC, NOT_PUBLIC),
    "203.0.113.7": (NOT_PUBLIC, NOT_PUBLIC),
    "2001:db8::1": (NOT_PUBLIC, NOT_PUBLIC),
    "::7f00:1": (NOT_PUBLIC, NOT_PUBLIC),
    "fec0::1": (NOT_PUBLIC, NOT_PUBLIC),
    "0177.0.0.1": ("no address", "no address"),
    "2130706433": ("no address", "no address"),
    "localhost": ("no address", "no address"),
    "": ("no address", "no address"),
}


def test_only_public_addresses_are_asked_and_private_ones_from_inside() -> None:
    found = {text: (why_not(text, private=False), why_not(text, private=True)) for text in OUTSIDE_AND_INSIDE}
    assert found == OUTSIDE_AND_INSIDE


@pytest.mark.parametrize(
    ("resolved", "entry", "asked", "why"),
    [
        (["8.8.8.8"], [], [], "the addresses of the entry point are not known"),
        (["8.8.4.4"], ["8.8.8.8", "8.8.4.4"], ["8.8.4.4", "8.8.8.8"], ""),
        (["9.9.9.9"], ["8.8.8.8"], ["8.8.8.8"], ""),
        (["10.0.0.7"], ["8.8.8.8", "10.0.0.7"], ["8.8.8.8"], ""),
        (["127.0.0.1"], ["127.0.0.1"], [], f"127.0.0.1 is {SELF}"),
        ([], [f"8.8.8.{n}" for n in range(9)], ["8.8.8.0", "8.8.8.1", "8.8.8.2"], ""),
    ],
)
def test_only_the_entry_points_addresses_are_asked_and_few_of_them(
    resolved: list[str], entry: list[str], asked: list[str], why: str
) -> None:
    assert to_ask(resolved, entry, private=False) == (asked, why)
