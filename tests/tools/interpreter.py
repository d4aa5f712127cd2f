# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python the development environment is made of: the machine's own, unless that one is slow.

Most of a test run is Python. One that was compiled without profiles, as version managers do by default, takes almost
half as long again for it. Where the machine has no better one, CPython is fetched: the python-build-standalone that
tests/tools/python/go.mod pins. ``python -m tests.tools.interpreter`` prints the path of the one to use.

Only the standard library is imported here: this runs before anything is installed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import types
from pathlib import Path

from tests.tools.environments import CACHE, PIP, ROOT, VERIFIED, SetupError, run

PINNED = Path(__file__).with_name("python")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
#: What a stripped Python might lack, and the tests need.
_NEEDED = "import ctypes, ensurepip, sqlite3, ssl, venv"


def main(arguments: list[str]) -> int:
    if arguments == ["fetch"]:
        try:
            _fetch(fetched())
        except (SetupError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    print(chosen())
    return 0


def chosen() -> Path:
    """The Python to use. Where a better one cannot be had it is this one, and a line says so."""
    here, better = Path(sys.executable), fetched() / "bin" / "python3"
    if is_optimized():
        return here
    if not better.exists():
        _say(f"{here} was compiled without optimization; fetching another Python, once (110 MB)")
        try:
            _fetch_with_pip()
        except SetupError as error:
            _say(str(error))
            _say(f"tests run on {here}, which takes them about a third longer; BYOC_PYTHON names a better one")
            return here
    return better


def is_optimized() -> bool:
    """Whether this Python was compiled with profiles. Those of distributions are, by switches of their own."""
    return "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "") or sys.base_prefix == "/usr"


def fetched() -> Path:
    """The folder of the fetched Python, by what is pinned."""
    digest = hashlib.sha256()
    for path in sorted(each for each in PINNED.iterdir() if each.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return CACHE / "python" / digest.hexdigest()[:16]


def _fetch_with_pip() -> None:
    """In a process of a new environment, which has pip whatever the machine's Python has."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        run([sys.executable, "-m", "venv", folder], "making a virtual environment")
        command = [f"{folder}/bin/python", "-m", "tests.tools.interpreter", "fetch"]
        run(command, "fetching a Python that was compiled with optimization")


def _fetch(target: Path) -> None:
    source = _download()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        half = Path(folder) / "python"
        _unpack(source, half)
        _bring_pip(half)
        python = str(half / "bin" / "python3")
        run([python, "-c", _NEEDED], "looking at the fetched Python", cwd=half)
        run([python, "-m", "compileall", "-q", str(half / "lib")], "compiling its library", cwd=half)
        if not target.exists():  # another setup may have been faster
            half.rename(target)


def _download() -> Path:
    """The module's files for this machine, which Go has checked against go.sum."""
    go, settings = _go()
    command = [go, "mod", "download", "-json", "github.com/kluctl/go-embed-python"]
    done = subprocess.run(command, cwd=PINNED, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"a Python cannot be fetched: {done.stderr.strip() or done.stdout.strip()}")
    kind = f"{platform.system().lower()}-{_MACHINES.get(platform.machine(), platform.machine())}"
    source = Path(json.loads(done.stdout)["Dir"]) / "python" / "internal" / "data" / kind
    if not source.is_dir():
        raise SetupError(f"there is no Python to fetch for {kind}")
    return source


def _go() -> tuple[str, dict[str, str]]:
    """The Go that builds the testbed, and its settings."""
    # The package itself would import what is not installed yet; of its modules, those that build need nothing.
    package = types.ModuleType("byoc_testbed")
    package.__path__ = [str(ROOT / "tests" / "testbed" / "byoc_testbed")]
    sys.modules["byoc_testbed"] = package
    from byoc_testbed.build import cache_folder, environment
    from byoc_testbed.errors import TestbedError
    from byoc_testbed.gotool import find_go

    try:
        return find_go(cache_folder()), environment()
    except TestbedError as error:
        raise SetupError(str(error)) from error


def _unpack(source: Path, target: Path) -> None:
    """The module lists its files, of which it compresses those that are large."""
    for listed in json.loads((source / "files.json").read_text())["files"]:
        path, packed = target / listed["name"], source / listed["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if "symlink" in listed:
            path.symlink_to(listed["symlink"])
        elif listed.get("compressed"):
            path.write_bytes(gzip.decompress(packed.with_name(f"{packed.name}.gz").read_bytes()))
        elif packed.is_file():
            path.write_bytes(packed.read_bytes())
        if path.is_file() and not path.is_symlink():
            path.chmod(0o755 if path.parent.name == "bin" else 0o644)


def _bring_pip(python: Path) -> None:
    (library,) = (python / "lib").glob("python3.*")
    (library / "site-packages").mkdir(exist_ok=True)
    ensurepip = library / "ensurepip"
    ensurepip.mkdir()
    (ensurepip / "__init__.py").touch()
    shutil.copyfile(PINNED / "ensurepip.py", ensurepip / "__main__.py")
    wheel = ["--dest", str(ensurepip), "--no-deps", *VERIFIED, "-r", str(PINNED / "pip.txt")]
    run([sys.executable, *PIP, "download", *wheel], "fetching pip")


def _say(text: str) -> None:
    print(f"python       {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
