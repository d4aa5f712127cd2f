# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Kubernetes for tests: several clusters side by side, with nodes that kwok plays."""

from __future__ import annotations

from .bed import Testbed
from .cluster import Cluster
from .errors import ApiError, TestbedError
from .real import real_nodes_missing
from .real.images import Image
from .spec import ClusterSpec, NodePool, demo_clusters

__all__ = [
    "ApiError",
    "Cluster",
    "ClusterSpec",
    "Image",
    "NodePool",
    "Testbed",
    "TestbedError",
    "demo_clusters",
    "real_nodes_missing",
]
