# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python imports this at its start: with byoc_tracing's variables set, the functions that it runs are written down."""

from __future__ import annotations

import byoc_tracing

byoc_tracing.start()
