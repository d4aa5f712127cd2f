# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a replica of a model may take until it serves."""

from __future__ import annotations

from .contract.defaults import said
from .contract.durations import parse_duration
from .contract.schema_models import MODEL
from .contract.typed import Model

_PULL_SECONDS = 600
"""An engine's image is 10 GB: what a node may take to pull it, on top of loading the weights."""


def load_seconds(model: Model) -> int:
    """Seconds that a replica may take from its start until it serves."""
    return int(parse_duration(str(said(model, MODEL, "load_timeout"))).total_seconds())


def load_deadline(model: Model) -> int:
    """Seconds that all replicas of a model may take to become ready, pulling included; they load side by side."""
    return load_seconds(model) + _PULL_SECONDS
