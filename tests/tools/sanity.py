# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-test sanity` over what is shipped, on a machine that reaches package registries only.

ansible-test insists on a real folder ansible_collections/fireworks/byoc. It gets one in the cache, filled from the
built tarball (so what is checked is what is shipped) and the ignore lists. It has a home folder of its own there, so
that nobody's is written to.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from pathlib import Path

from tests.tools.environments import CACHE, ROOT, Environment

# The names that ansible-test gives to the script, in the versions of ansible-core that are supported.
GET_PIP = ("get_pip_24_2.py", "get_pip_25_2.py")
# These check PowerShell, which this collection has none of, and whose tools no registry here carries.
SKIPPED = ("pslint",)


def prepare(tarball: Path, name: str = "all") -> Path:
    """The folder to run in: one for each name, so that two runs may be on their way at once."""
    place = CACHE / "sanity" / name / "ansible_collections" / "fireworks" / "byoc"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with tarfile.open(tarball) as archive:
        archive.extractall(place, filter="data")
    shutil.copytree(ROOT / "tests" / "sanity", place / "tests" / "sanity")
    return place


def command(environment: Environment) -> list[str]:
    version = ".".join(map(str, environment.version))
    skipped = [word for name in SKIPPED for word in ("--skip-test", name)]
    ansible_test = str(environment.bin / "ansible-test")
    return [ansible_test, "sanity", "--venv", "--python", version, "--color", "no", "--truncate", "0", *skipped]


def variables(environment: Environment) -> dict[str, str]:
    """The environment of the run: this Python first on the path, a home of its own, everybody's pip settings."""
    home = CACHE / "sanity" / "home"
    scripts = home / ".ansible" / "test" / "cache"
    scripts.mkdir(parents=True, exist_ok=True)
    for name in GET_PIP:
        shutil.copy(ROOT / "tests" / "tools" / "get_pip_stub.py", scripts / name)
    for settings in (Path(".config/pip"), Path(".pip")):
        link, target = home / settings, Path.home() / settings
        if target.is_dir() and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
    path = os.pathsep.join([str(environment.bin), str(environment.python.parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "HOME": str(home), "PATH": path, "LC_ALL": "C.UTF-8"}


if __name__ == "__main__":
    import subprocess

    from tests.tools.environments import development

    folder = prepare(Path(sys.argv[1]))
    chosen = development()
    sys.exit(subprocess.run(command(chosen), cwd=folder, env=variables(chosen), check=False).returncode)
