# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the releases of the stack lie, what is in a release's folder, and what its templates are rendered with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RELEASES = Path(__file__).parents[2] / "roles" / "stack" / "files" / "releases"
_ROLE = RELEASES.parents[1]


def file_hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file below a folder, by its path in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def with_templates(release: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A release's description, with the paths of its components' templates."""
    return {**release, "templates": [str(folder / f"{name}.yml.j2") for name in release["components"]]}


def role_options(loader: Any) -> dict[str, Any]:
    """The defaults and variables of the role ``stack``, which its templates know."""
    found: dict[str, Any] = {}
    for part in ("defaults", "vars"):
        found |= loader.load_from_file(str(_ROLE / part / "main.yml"), trusted_as_template=True)
    return found


def names_of_templates(contract: Any, release: Mapping[str, Any]) -> dict[str, Any]:
    """What the role tells its templates, of one contract and one release."""
    return {
        "stack_contract": contract,
        "stack__contract": contract,
        "stack_release": release,
        "stack__release": release,
    }
