# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of GPUs and nodes: signs, a fault policy, and findings that say what to do and who has to act.

``snapshot`` gathers what was read into plain data, ``assess`` judges it by a policy. Both are pure, so that a recorded
snapshot can be judged again, in the same way, at any time.
"""

from __future__ import annotations
