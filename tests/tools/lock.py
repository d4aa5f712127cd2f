# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lock`: resolve requirements/*.txt anew, and write what came of it, with the hashes that the index names.

A lock holds for its Python and for newer ones: what only some of them need has a marker.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from tests.tools.environments import PIP, REQUIREMENTS, ROOT, Environment, SetupError, core_pins, pins, run, series

HEAD = """# Every package of {sources} with its needs, as `make lock` resolved them for Python {python} and newer.
# Installed as it is, with --require-hashes: a file that is not one of these is refused.
"""
USES = {"lock": "test.txt", "lock-tools": "tools.txt", "lock-events": "events.txt"}
ALONE = (
    REQUIREMENTS / "locking.txt",
    REQUIREMENTS / "collections.txt",
    ROOT / "tests" / "testbed" / "byoc_testbed" / "go.txt",
    ROOT / "tests" / "tools" / "python" / "pip.txt",
)
"""One package each, without its needs: the hashes are in the file that pins it."""
CLIENT = {"lock-openai.txt": "openai.txt"}
"""What has no Ansible beside it: one lock for every Python."""
PLUGINS, SHIPPED = ROOT / "meta" / "ee-requirements.txt", ROOT / "meta" / "ee-lock.txt"
"""What the plugins import: those who install the collection get the versions that its tests run with."""
# What uv calls the settings of pip.
SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
PLACES = ("global.", "install.", ":env:.")
"""Where pip has a setting from; the last one that has it holds."""


def main() -> int:
    """Each file with one package, and one lock for each series of Python and each use."""
    try:
        for path in ALONE:
            _lock_alone(path)
        for minor in ("3.12", "3.11"):
            version = (3, int(minor.split(".")[1]))
            for prefix, requirements in USES.items():
                sources = [REQUIREMENTS / name for name in (core_pins(version), requirements)]
                _lock(minor, sources, REQUIREMENTS / f"{prefix}-{series(version)}.txt")
        for name, requirements in CLIENT.items():
            _lock("3.11", [REQUIREMENTS / requirements], REQUIREMENTS / name)
        _lock("3.11", [PLUGINS], SHIPPED, "--constraint", str(REQUIREMENTS / "lock-py312.txt"))
    except SetupError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1
    return 0


def _lock(minor: str, sources: list[Path], target: Path, *options: str) -> None:
    resolved = _resolve(minor, *options, *map(str, sources))
    target.write_text(HEAD.format(sources=" and ".join(path.name for path in sources), python=minor) + resolved)
    print(f"{target.name:<24} {len(pins(target))} packages", flush=True)


def _lock_alone(path: Path) -> None:
    """The hashes of the version that it pins."""
    [(name, version)] = pins(path).items()
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    resolved = _resolve("3.12", "--no-deps", "-", stdin=f"{name}=={version}")
    path.write_text("\n".join([*comments, resolved]))
    print(f"{path.name:<24} {name} {version}", flush=True)


def _resolve(minor: str, *arguments: str, stdin: str = "") -> str:
    environment = _resolver()
    command = [
        environment.bin / "uv",
        "pip",
        "compile",
        "--quiet",
        "--no-config",
        "--universal",
        "--python-version",
        minor,
    ]
    said = ["--generate-hashes", "--no-header", "--no-annotate"]
    listing = run([str(environment.bin / "python"), *PIP, "config", "list"], "reading the settings of pip")
    done = subprocess.run(
        [*command, *said, *arguments],
        cwd=ROOT,
        env=settings_of(listing) | os.environ,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SetupError(f"resolving {' '.join(arguments)} failed:\n{done.stderr.strip()}")
    return done.stdout


def _resolver() -> Environment:
    version = sys.version_info[:2]
    python = Path(getattr(sys, "_base_executable", sys.executable))
    made = Environment("locking", python, version, ("locking.txt",), "locking.txt")
    made.ensure()
    return made


def settings_of(listing: str) -> dict[str, str]:
    """The variables by which uv asks the index that pip asks, from ``pip config list``."""
    # uv would take a package only from the first index that has it; to pip they are all one.
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for place in PLACES:
        for line in listing.splitlines():
            key, _equals, value = line.partition("=")
            name = SETTINGS.get(key.removeprefix(place))
            if name and key.startswith(place):
                found[name] = " ".join(ast.literal_eval(value).split())
    return found


if __name__ == "__main__":
    sys.exit(main())
