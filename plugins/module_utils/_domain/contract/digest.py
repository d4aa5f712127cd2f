# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name for a contract's whole content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def contract_digest(contract: Mapping[str, Any]) -> str:
    """The SHA-256, in hexadecimal, of the contract's canonical JSON; the order of keys does not matter."""
    canonical = json.dumps(contract, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
