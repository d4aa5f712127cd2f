# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's Kubernetes audit log, compared with our records and with what the contract allows each identity."""

from __future__ import annotations

from .check import check_audit_log

__all__ = ["check_audit_log"]
