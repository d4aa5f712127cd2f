# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collections that this one is developed against, put where ansible.cfg looks, without needing Galaxy.

PyPI's `ansible` package carries kubernetes.core whole. It is downloaded once, that one folder is taken out and kept
in the cache, and the rest is thrown away.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from tests.tools.environments import CACHE, PIP, REQUIREMENTS, ROOT, VERIFIED, Environment, SetupError, pins, run

WANTED = PurePosixPath("ansible_collections/kubernetes/core")


def ensure(folder: Path, environment: Environment) -> str:
    """Make `folder/ansible_collections` complete; returns a line that says what is there."""
    kept = _kubernetes_core(environment)
    place = folder / WANTED
    if _version(place) != _version(kept):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(kept, place)
    _link_ours(folder)
    return f"kubernetes.core {_version(place)}, fireworks.byoc (this tree), in {folder.name}/"


def _link_ours(folder: Path) -> None:
    """This tree under its real name, so that it is loaded in place as it will be when installed."""
    link = folder / "ansible_collections" / "fireworks" / "byoc"
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.resolve() == ROOT:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT, target_is_directory=True)


def _kubernetes_core(environment: Environment) -> Path:
    """The collection in the cache, fetched if it is not there."""
    pinned = REQUIREMENTS / "collections.txt"
    version = pins(pinned).get("ansible")
    if version is None:
        raise SetupError(f"requirements/{pinned.name} names no ansible==… to take kubernetes.core from")
    kept = CACHE / "collections" / f"ansible=={version}" / "kubernetes.core"
    if _version(kept):
        return kept
    with tempfile.TemporaryDirectory(prefix="byoc-collections-") as name:
        scratch = Path(name)
        # Whatever Python the rest of the package is for: nothing of it is run here.
        command = [*PIP, "download", *VERIFIED, "--no-deps", "--ignore-requires-python", "-d", name, "-r", str(pinned)]
        run([str(environment.bin / "python"), *command], "downloading kubernetes.core")
        _take_out(next(scratch.glob("ansible-*.whl")), scratch / "taken")
        if not _version(scratch / "taken"):
            raise SetupError(f"ansible {version} holds no {WANTED}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.move(scratch / "taken", kept)
    return kept


def _take_out(wheel: Path, place: Path) -> None:
    """Only the wanted folder of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = PurePosixPath(entry.filename)
            if not entry.is_dir() and path.is_relative_to(WANTED) and ".." not in path.parts:
                target = place / path.relative_to(WANTED)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(entry))


def _version(folder: Path) -> str | None:
    manifest = folder / "MANIFEST.json"
    return json.loads(manifest.read_text())["collection_info"]["version"] if manifest.exists() else None
