# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are on a node, and which address is whose. Pure."""

from __future__ import annotations

from pathlib import Path

CNI_PLUGINS = Path("/usr/lib/cni")
"""Where Debian's containernetworking-plugins are."""

HUB = "198.18.0.1"
"""The control plane, on the bridge that joins all nodes. 198.18.0.0/15 is for benchmarks (RFC 2544): nobody's."""
_PODS = "198.19"
_FIRST_NODE = 10


def node_address(index: int) -> str:
    """The address of a node."""
    return f"198.18.0.{_FIRST_NODE + index}"


def pod_range(index: int) -> str:
    """The addresses of a node's pods."""
    return f"{_PODS}.{index}.0/24"


def inside() -> str:
    """Every address in here. What comes from one of them keeps its own on its way to a Service, as a pod's would:
    kube-proxy gives others a random port of the node, and one that a pod still remembers costs its client a second."""
    return "198.18.0.0/15"


def hub_links(nodes: dict[str, int]) -> str:
    """``ip -batch`` for the hub: a bridge, and a cable to each node, given the process that holds it."""
    lines = [
        "link set lo up",
        "link add nodes address 0a:58:c6:12:00:01 type bridge",
        f"addr add {HUB}/24 dev nodes",
        "link set nodes up",
    ]
    for index, holder in enumerate(nodes.values()):
        lines += [
            f"link add node{index} type veth peer name eth0 netns {holder}",
            f"link set node{index} master nodes up",
            f"route add {pod_range(index)} via {node_address(index)}",
        ]
    return "\n".join(lines) + "\n"


def node_links(index: int, count: int) -> str:
    """``ip -batch`` for one node: its end of the cable, and the way to the other nodes' pods."""
    # A bridge without an address of its own takes one of its ports', another one whenever a pod comes or goes, and what
    # its neighbours remember is wrong for a while: so the pods' bridge is made here, and not by the CNI plugin.
    others = [other for other in range(count) if other != index]
    return "\n".join(
        [
            "link set lo up",
            f"addr add {node_address(index)}/24 dev eth0",
            "link set eth0 up",
            # Where nothing is; but without a route, a process could not even begin to connect to a Service.
            f"route add default via {HUB}",
            f"link add pods address 0a:58:c6:13:{index:02x}:01 type bridge",
            "link set pods up",
            *(f"route add {pod_range(other)} via {node_address(other)}" for other in others),
            "",
        ]
    )
