# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done to an object, in requests, records, results and summaries."""

from __future__ import annotations

CREATED, UPDATED, RECREATED, DELETED = "created", "updated", "recreated", "deleted"
EVICTED, TOKEN_ISSUED = "evicted", "token_issued"
ACTIONS = (CREATED, UPDATED, RECREATED, DELETED, EVICTED, TOKEN_ISSUED)
