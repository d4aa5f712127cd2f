# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that are real: a kubelet, containerd and kube-proxy in each, in namespaces of this machine. Needs root."""

from __future__ import annotations

from .missing import real_nodes_missing

__all__ = ["real_nodes_missing"]
