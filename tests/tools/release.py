# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make release KEY=…`: check everything, build the tarball, and sign what it is.

The changelog of the version is written and committed before, by `make changelog`: what is built is what was committed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import yaml

from tests.tools.environments import ROOT, SetupError, development, run, tools

OUT = ROOT / "build" / "release"
SUMS = "SHA256SUMS"
#: Settings of the importer by which collections are certified: ansible-lint, ansible-test and the checks of the README.
CERTIFICATION = """\
[galaxy-importer]
CHECK_REQUIRED_TAGS = True
CHECK_RUNTIME_FILE = True
CHECK_CHANGELOG = True
REQUIRE_V1_OR_GREATER = True
RUN_ANSIBLE_DOC = True
RUN_ANSIBLE_LINT = True
RUN_ANSIBLE_TEST = False
OFFLINE_ANSIBLE_LINT = True
LOG_LEVEL_MAIN = INFO
"""


def main() -> int:
    """Each step needs those before it; the first that fails says what to do."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--key", required=True, help="the GPG key that signs, by its fingerprint or address")
    parser.add_argument("--checked", action="store_true", help="the tests of this commit have passed elsewhere")
    options = parser.parse_args()
    try:
        if problems := not_ready(ROOT):
            raise SetupError("; ".join(problems))
        if not options.checked:
            run(["make", "test"], "testing")
        made = build(OUT)
        print(import_as_certified(made))
        for path in sign(made, options.key):
            print(f"release      {path.relative_to(ROOT)}")
    except SetupError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def not_ready(root: Path) -> list[str]:
    """Why the tree cannot be released; nothing where it can."""
    version = str(yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))["version"])
    released = yaml.safe_load((root / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"] or {}
    found = []
    if version not in released:
        found.append(f"the changelog has no version {version}: run make changelog, and commit what it writes")
    if list((root / "changelogs" / "fragments").glob("*.y*ml")):
        found.append("there are fragments of changes that the changelog does not have: run make changelog")
    if dirty := _git(root, "status", "--porcelain"):
        found.append(f"{len(dirty.splitlines())} files are not committed: commit them, or put them back")
    return found


def build(out: Path) -> Path:
    """The tarball, alone in its folder."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    program = str(development().bin / "ansible-galaxy")
    run([program, "collection", "build", "--output-path", str(out), str(ROOT)], "building the tarball")
    [made] = out.glob("*.tar.gz")
    return made


def import_as_certified(made: Path) -> str:
    """Import it as Automation Hub would. Raises SetupError with every finding."""
    checker = tools()
    checker.ensure()
    settings = made.with_name("galaxy-importer.cfg")
    settings.write_text(CERTIFICATION, encoding="utf-8")
    path = os.pathsep.join([str(checker.bin), os.environ.get("PATH", os.defpath)])
    env = {**os.environ, "PATH": path, "GALAXY_IMPORTER_CONFIG": str(settings)}
    command = [str(checker.bin / "python"), "-m", "galaxy_importer.main", str(made)]
    done = subprocess.run(command, cwd=made.parent, env=env, capture_output=True, text=True, check=False)
    settings.unlink()
    said = done.stdout + done.stderr
    if findings := [line for line in said.splitlines() if line.startswith(("WARNING", "ERROR"))]:
        raise SetupError("the importer has findings:\n" + "\n".join(findings))
    if done.returncode:
        raise SetupError(f"the importer ended with {done.returncode}:\n{said[-2000:]}")
    return "importer     no finding, by the settings of certification"


def sign(made: Path, key: str) -> list[Path]:
    """The checksums of what is released, and signatures: of them, and of the manifest for ``ansible-galaxy``.

    The manifest has the checksum of the list of files, and that of each file: who trusts it trusts all of them.
    """
    manifest = made.with_name("MANIFEST.json")
    with tarfile.open(made) as archive:
        member = archive.extractfile("MANIFEST.json")
        assert member is not None, "a collection has a manifest"
        manifest.write_bytes(member.read())
    sums = made.with_name(SUMS)
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in (manifest, made))
    sums.write_text("".join(lines), encoding="ascii")
    signed = []
    for path in (manifest, sums):
        signature = path.with_name(f"{path.name}.asc")
        command = ["gpg", "--batch", "--yes", "--local-user", key, "--armor", "--detach-sign", "--output"]
        run([*command, str(signature), str(path)], f"signing {path.name}")
        signed.append(signature)
    return [made, manifest, sums, *signed]


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
