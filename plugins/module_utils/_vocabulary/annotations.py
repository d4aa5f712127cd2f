# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Annotations that reading a cluster and deciding about it both know."""

from __future__ import annotations

REPLACED_ANNOTATION = "byoc.fireworks.ai/replaced-by"
"""On a pod that leaves a sick node once its replacement is Ready: whose pod it was, and how many of them served."""
