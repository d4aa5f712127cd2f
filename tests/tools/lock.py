# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lock`: resolve requirements/*.txt anew, and write what came of it into requirements/lock-*.txt."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path

from tests.tools.environments import Environment, SetupError, core_pins, find_python, run, series

HEAD = """# Every package of {sources} with its needs, as `make lock` resolved them on Python {python}.
# Used as constraints: a package that is not needed elsewhere is not installed.
"""


def main() -> int:
    """One lock for each series of Python and each use."""
    try:
        for minor in ("3.12", "3.11"):
            _lock(minor, "test.txt", "lock")
            _lock(minor, "tools.txt", "lock-tools")
            _lock(minor, "events.txt", "lock-events")
    except SetupError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1
    return 0


def _lock(minor: str, requirements: str, prefix: str) -> None:
    python = find_python(minor)
    if python is None:
        raise SetupError(f"Python {minor} is needed to resolve its packages, and none was found")
    version = (3, int(minor.split(".")[1]))
    sources = (core_pins(version), requirements)
    target = Environment("lock", python, version, sources, f"{prefix}-{series(version)}.txt")
    with tempfile.TemporaryDirectory(prefix="byoc-lock-") as name:
        fresh = dataclasses.replace(target, fixed_folder=Path(name) / "venv", lock="none")
        fresh.ensure()
        pip = [str(fresh.bin / "python"), "-m", "pip", "--disable-pip-version-check"]
        frozen = run([*pip, "freeze", "--exclude", "pip", "--exclude", "setuptools"], "listing what was installed")
    target.lock_file.write_text(HEAD.format(sources=" and ".join(sources), python=minor) + frozen)
    print(f"{target.lock_file.name:<24} {len(frozen.splitlines())} packages", flush=True)


if __name__ == "__main__":
    sys.exit(main())
