# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot become what is wanted, and has to be deleted and made again: a Service that is to have no address.

The API server keeps a Service's ``clusterIP`` for as long as the Service lives, so it refuses such an update before any
admission policy is asked. What it would say to the new object it is asked under another name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from .objects import Manifest, Ref

HEADLESS = "None"


def has_to_be_replaced(live: Mapping[str, Any] | None, manifest: Mapping[str, Any]) -> bool:
    """Whether a live object is a Service with an address that is to have none."""
    if not live or Ref.of(manifest).group_kind != "Service":
        return False
    now, wanted = ((one.get("spec") or {}).get("clusterIP") for one in (live, manifest))
    return wanted == HEADLESS and bool(now) and now != HEADLESS


def stand_in(manifest: Manifest) -> Manifest:
    """The same object under another name, wherever it says its own: what selects by it does so then, too."""
    name = str(manifest["metadata"]["name"])
    renamed: Manifest = _renamed(manifest, name, _other(name))
    return renamed


def as_itself(answer: Manifest, name: str) -> Manifest:
    """What the server answered to a stand-in, as it would be of the object of this name."""
    renamed: Manifest = _renamed(answer, _other(name), name)
    return renamed


def _other(name: str) -> str:
    return f"{name[:54]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _renamed(value: Any, name: str, other: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _renamed(each, name, other) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, name, other) for each in value]
    return other if value == name else value
