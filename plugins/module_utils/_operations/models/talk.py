# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With which cluster a model's change talks."""

from __future__ import annotations

from dataclasses import dataclass

from ..._kube.discovery import Discovery
from ..._kube.session import Session
from ..._kube.set_options import SetOptions


@dataclass(frozen=True)
class Talk:
    """With which cluster, on whose behalf and how.

    :param unsent: why no requests are sent to replicas; empty where they are.
    """

    session: Session
    discovery: Discovery
    options: SetOptions
    requested_by: str
    reason: str
    unsent: str
