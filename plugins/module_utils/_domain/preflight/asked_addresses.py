# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses may be asked for a customer's endpoint.

Contracts and gateways are written by others. Neither may direct our requests at the machine that the operator works
on, at its cloud's metadata service, or at what else stands in its network.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_MOST = 3
"""An address that does not answer costs a whole deadline."""

#: They hand out credentials or answer for the cloud, and are not link-local: AWS and Google (IPv6), Alibaba, Azure,
#: Oracle, by each one's documentation of its instances' metadata.
_METADATA = tuple(
    map(
        ip_network,
        ("fd00:ec2::/32", "fd20:ce::/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
    )
)
#: RFC 1918, RFC 6598, RFC 4193.
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
_OUTSIDE = "a private address, asked only from the customer's network (preflight_ask_private_addresses)"
_GLOBAL_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")


def plain_address(text: str) -> str:
    """An address in its usual form, without a zone; empty where it is none."""
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return ""


def to_ask(resolved: Sequence[str], entry: Sequence[str], *, private: bool) -> tuple[list[str], str]:
    """The entry point's addresses that may be asked, those to which the name leads first; and why there is none."""
    if not entry:
        return [], "the addresses of the entry point are not known"
    reasons = {address: why_not(address, private=private) for address in entry}
    allowed = [address for address, reason in reasons.items() if not reason]
    if not allowed:
        return [], "; ".join(f"{address} is {reason}" for address, reason in list(reasons.items())[:_MOST])
    return sorted(allowed, key=lambda address: address not in resolved)[:_MOST], ""


def why_not(text: str, *, private: bool) -> str:
    """What an address is that may not be asked; empty where it may be.

    :param private: whether the operator works in the customer's network.
    """
    plain = plain_address(text)
    if not plain:
        return "no address"
    address = _leads_to(ip_address(plain))
    if address.is_link_local or any(address in network for network in _METADATA):
        return "an address of a cloud's own services"
    if address.is_loopback or address.is_unspecified:
        return "the asking machine itself"
    if address.is_multicast:
        return "the address of a group"
    if any(address in network for network in _PRIVATE):
        return "" if private else _OUTSIDE
    public = address.is_global and (address.version == 4 or address in _GLOBAL_UNICAST)
    return "" if public else "no public address"


def _leads_to(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address within an IPv6 one, where there is one: packets end up there."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
