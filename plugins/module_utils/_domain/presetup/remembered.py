# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the presetup remembers on its set: what was compiled, by which bounds, from which API server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.numbers import whole_number
from ..._vocabulary.others_json import read_json
from ..contract.bounds import bounds_of
from ..contract.typed import Contract
from ..names import (
    API_SERVER_ANNOTATION,
    AUDIENCES_ANNOTATION,
    BOUNDS_ANNOTATION,
    PRESETUP_ANNOTATION,
    PRESETUP_VERSION_ANNOTATION,
)
from ..presetup_version import compiled_version

_DIGITS = 16
_BOUNDS_SINCE = 2


def presetup_annotations(
    objects: Sequence[Mapping[str, Any]],
    api_server: Sequence[Mapping[str, Any]] = (),
    audiences: Sequence[str] = (),
    version: int | None = None,
    contract: Contract | None = None,
) -> dict[str, str]:
    """The annotations of the set.

    With them a presetup that was compiled from another contract, or by another version, is told from one that was
    edited; and an identity that cannot read where the API server answers, or whom it takes for itself in tokens,
    compiles the same presetup. The bounds of the contract bind every operation that follows.
    """
    number = compiled_version(version)
    bounds = json.dumps(bounds_of(contract), sort_keys=True) if contract and number >= _BOUNDS_SINCE else ""
    text = json.dumps(list(objects), sort_keys=True, separators=(",", ":"))
    addresses = ",".join(f"[{entry['address']}]:{entry['port']}" for entry in api_server)
    return {
        PRESETUP_ANNOTATION: hashlib.sha256(text.encode()).hexdigest()[:_DIGITS],
        API_SERVER_ANNOTATION: addresses,
        AUDIENCES_ANNOTATION: json.dumps(sorted(audiences)),
        PRESETUP_VERSION_ANNOTATION: str(number),
        **({BOUNDS_ANNOTATION: bounds} if bounds else {}),
    }


def remembered_bounds(annotations: Mapping[str, str]) -> dict[str, Any] | None:
    """The bounds that are in force; None where older prerequisites remember none. Of what cannot be read, none is left,
    so that no contract has the same."""
    if BOUNDS_ANNOTATION not in annotations:
        return None
    try:
        found = read_json(annotations[BOUNDS_ANNOTATION])
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def remembered_api_server(annotations: Mapping[str, str]) -> list[dict[str, Any]]:
    """Where the API server answered when the presetup was made; nothing when that is not remembered."""
    entries = [entry for entry in annotations.get(API_SERVER_ANNOTATION, "").split(",") if entry]
    parts = [entry.rpartition(":") for entry in entries]
    found = [(address.strip("[]"), whole_number(port)) for address, _colon, port in parts]
    return [{"address": address, "port": port} for address, port in found if port is not None]


def remembered_audiences(annotations: Mapping[str, str]) -> list[str]:
    """Whom the API server took for itself in tokens when the presetup was made; nothing when that is not remembered."""
    try:
        found = read_json(annotations.get(AUDIENCES_ANNOTATION, "[]"))
    except ValueError:
        return []
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
