# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make release` makes can be verified with gpg, sha256sum and ansible-galaxy, and nothing else is released."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.tools import release
from tests.tools.environments import ROOT

KEY = "release@fireworks.example"


@pytest.fixture
def signed(tmp_path: Path, tarball: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """What is released, signed by a key that nobody else has."""
    if not shutil.which("gpg"):
        pytest.skip("there is no gpg here")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key", KEY, "ed25519", "sign", "never"]
    subprocess.run(make, check=True, capture_output=True)
    made = tmp_path / "out" / tarball.name
    made.parent.mkdir()
    shutil.copy(tarball, made)
    yield release.sign(made, KEY)
    subprocess.run(["gpgconf", "--kill", "all"], check=False, capture_output=True)


def verifies(folder: Path, name: str) -> bool:
    done = subprocess.run(["gpg", "--verify", f"{name}.asc", name], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def sums_hold(folder: Path) -> bool:
    done = subprocess.run(["sha256sum", "--check", release.SUMS], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def test_who_has_the_key_can_verify_every_byte_and_sees_what_was_altered(signed: list[Path]) -> None:
    made, folder = signed[0], signed[0].parent
    assert sums_hold(folder) and verifies(folder, release.SUMS) and verifies(folder, "MANIFEST.json")
    made.write_bytes(made.read_bytes() + b"\0")
    assert not sums_hold(folder)
    sums = folder / release.SUMS
    sums.write_text(sums.read_text().replace("0", "1"))
    assert not verifies(folder, release.SUMS)


def test_ansible_galaxy_accepts_the_signature_of_the_manifest_and_no_other(
    signed: list[Path], development, tmp_path: Path
) -> None:
    made, folder = signed[0], signed[0].parent
    ring = tmp_path / "ring.kbx"
    public = subprocess.run(["gpg", "--export", KEY], check=True, capture_output=True).stdout
    subprocess.run(["gpg", "--no-default-keyring", "--keyring", ring, "--import"], input=public, check=True)
    galaxy, place = [development.bin / "ansible-galaxy", "collection"], tmp_path / "installed"
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(place), "ANSIBLE_CONFIG": ""}
    subprocess.run([*galaxy, "install", "--offline", "--no-deps", "-p", place, made], check=True, env=env, cwd=tmp_path)

    def verifies_installed(signature: Path) -> bool:
        words = ["verify", "--offline", "--keyring", ring, "--signature", signature.as_uri()]
        words += ["--required-valid-signature-count", "+all", "fireworks.byoc"]
        done = subprocess.run([*galaxy, *words], check=False, capture_output=True, env=env, cwd=tmp_path)
        return done.returncode == 0

    assert verifies_installed(folder / "MANIFEST.json.asc")
    assert not verifies_installed(folder / f"{release.SUMS}.asc")
    (place / "ansible_collections" / "fireworks" / "byoc" / "README.md").write_text("altered")
    assert not verifies_installed(folder / "MANIFEST.json.asc")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda _root: None, ""),
        (lambda root: (root / "galaxy.yml").write_text("version: 9.9.9\n"), "the changelog has no version 9.9.9"),
        (lambda root: (root / "changelogs" / "fragments" / "x.yml").write_text("---\n"), "there are fragments"),
        (lambda root: (root / "new.txt").write_text("x"), "1 files are not committed"),
    ],
)
def test_only_what_is_committed_and_in_the_changelog_is_released(tmp_path: Path, change, why: str) -> None:
    (tmp_path / "changelogs" / "fragments").mkdir(parents=True)
    (tmp_path / "galaxy.yml").write_text("version: 1.0.0\n")
    (tmp_path / "changelogs" / "changelog.yaml").write_text(yaml.safe_dump({"releases": {"1.0.0": {}}}))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t.example"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    change(tmp_path)
    if why in ("the changelog has no version 9.9.9", "there are fragments"):
        for words in (["add", "."], ["commit", "-qm", "y"]):
            subprocess.run([*git, *words], cwd=tmp_path, check=True)
    found = "; ".join(release.not_ready(tmp_path))
    assert (why in found) and bool(found) is bool(why)


def test_what_certification_asks_of_the_readme_is_in_it() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    wanted = (
        "Description",
        "Requirements",
        "Installation",
        "Use Cases",
        "Testing",
        "Support",
        "Release Notes",
        "License Information",
    )
    headings = {line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("## ")}
    assert set(wanted) <= headings
    for name in ("SECURITY.md", "SUPPORT.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md"):
        assert name in text and (ROOT / name).is_file()
