# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments of pinned packages, made once and found again.

The development environment is `.venv` in the tree. The others (tools, and the versions at the ends of what is
supported) are kept outside it, by the hash of their pins, so that a fresh clone finds them ready.

Only the standard library is imported here: this runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fireworks-byoc"
STALE_AFTER_DAYS = 7
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "-q")
# Wheels only: to build another package, pip would run it, with build tools whose hashes nobody checks.
VERIFIED = ("--require-hashes", "--only-binary", ":all:")


class SetupError(Exception):
    """Something that the person at the keyboard can act on."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment: which Python, and which pins."""

    name: str
    python: Path
    version: tuple[int, int]
    requirements: tuple[str, ...]
    lock: str
    fixed_folder: Path | None = None

    @property
    def key(self) -> str:
        """A hash of everything that decides what is installed."""
        digest = hashlib.sha256(f"{self.python}|{self.version}".encode())
        for path in sorted([*self._requirement_files(), self.lock_file]):
            if path.exists():
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]

    @property
    def folder(self) -> Path:
        return self.fixed_folder or CACHE / "venvs" / f"{self.name}-{self.key}"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def lock_file(self) -> Path:
        return REQUIREMENTS / self.lock

    @property
    def stamp(self) -> Path:
        return self.folder / ".byoc-stamp"

    def is_ready(self) -> bool:
        return self.stamp.exists() and self.stamp.read_text() == self.key

    def ensure(self) -> float:
        """Make it if it is not there; returns the seconds that it took."""
        if self.is_ready():
            os.utime(self.stamp)
            return 0.0
        with _locked(self.folder):
            if self.is_ready():
                return 0.0
            started = time.monotonic()
            self._build()
            self._forget_stale_ones()
            return time.monotonic() - started

    def _build(self) -> None:
        self.stamp.unlink(missing_ok=True)
        self.require_that_the_lock_holds_the_pins()
        if not (self.bin / "python").exists():
            run([str(self.python), "-m", "venv", "--clear", str(self.folder)], "making a virtual environment")
        # pip checks hashes of requirements, not of constraints: so the whole lock is what is installed.
        command = [*PIP, "install", *VERIFIED, "-r", str(self.lock_file)]
        run([str(self.bin / "python"), *command], f"installing the packages of {self.name}")
        self.stamp.write_text(self.key)

    def require_that_the_lock_holds_the_pins(self) -> None:
        locked = pins(self.lock_file).items() if self.lock_file.exists() else ()
        missing = {pin for path in self._requirement_files() for pin in pins(path).items()} - set(locked)
        if missing:
            named = ", ".join(sorted("==".join(pin) for pin in missing))
            raise SetupError(f"{self.lock_file.name} does not hold {named}. Write it anew with make lock")

    def _requirement_files(self) -> set[Path]:
        """The requirement files, and those that they name."""
        todo, seen = [REQUIREMENTS / name for name in self.requirements], set()
        while todo:
            path = todo.pop()
            seen.add(path)
            words = (line.split("#")[0].split() for line in path.read_text().splitlines())
            todo += [REQUIREMENTS / line[1] for line in words if len(line) == 2 and line[0] == "-r"]
        return seen

    def _forget_stale_ones(self) -> None:
        if self.fixed_folder:
            return
        for other in self.folder.parent.glob(f"{self.name}-*"):
            stamp = other / ".byoc-stamp"
            if other == self.folder or not other.is_dir():
                continue
            if not stamp.exists() or time.time() - stamp.stat().st_mtime > STALE_AFTER_DAYS * 86400:
                shutil.rmtree(other, ignore_errors=True)


def development() -> Environment:
    """`.venv`, made with the Python that runs this."""
    version = sys.version_info[:2]
    return Environment(
        name="development",
        python=Path(getattr(sys, "_base_executable", sys.executable)),
        version=version,
        requirements=(core_pins(version), "test.txt"),
        lock=f"lock-{series(version)}.txt",
        fixed_folder=ROOT / ".venv",
    )


def tools() -> Environment:
    """The tools that check the collection, with needs of their own."""
    base = development()
    return Environment(
        name="tools",
        python=base.python,
        version=base.version,
        requirements=(core_pins(base.version), "tools.txt"),
        lock=f"lock-tools-{series(base.version)}.txt",
    )


def events() -> Environment:
    """What the event path runs on: ansible-rulebook beside ansible-core. Most work here does not need it."""
    base = development()
    return Environment(
        name="events",
        python=base.python,
        version=base.version,
        requirements=(core_pins(base.version), "events.txt"),
        lock=f"lock-events-{series(base.version)}.txt",
    )


def openai() -> Environment:
    """A stock client of the API that models serve. Only tests of what clients see need it."""
    base = development()
    return Environment("openai", base.python, base.version, ("openai.txt",), "lock-openai.txt")


def supported(minor: str) -> Environment | None:
    """The newest supported set that runs on another Python, such as 3.11; None where there is no such Python."""
    python = find_python(minor)
    if python is None:
        return None
    major, _dot, small = minor.partition(".")
    version = (int(major), int(small))
    return Environment(
        name=f"python{minor}",
        python=python,
        version=version,
        requirements=(core_pins(version), "test.txt"),
        lock=f"lock-{series(version)}.txt",
    )


def find_python(*minors: str) -> Path | None:
    """A Python of one of these minor versions that runs."""
    script = ROOT / "tests" / "tools" / "find_python.sh"
    found = subprocess.run(["sh", str(script), *minors], capture_output=True, text=True, check=False).stdout.strip()
    return Path(found) if found else None


def run(command: list[str], doing: str, *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a step of the setup; a failure is one message that ends with what the command said last."""
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise SetupError(f"{doing} failed ({' '.join(command[:6])} …, exit {done.returncode}):\n{said}")
    return done.stdout


def pins(path: Path) -> dict[str, str]:
    """The packages that a requirement file or a lock pins, by their names as indexes normalize them."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", path.read_text(), re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def core_pins(version: tuple[int, int]) -> str:
    """The newest ansible-core needs 3.12; below it the supported floor is what can run."""
    return "runtime.txt" if version >= (3, 12) else "floor.txt"


def series(version: tuple[int, int]) -> str:
    return "py312" if version >= (3, 12) else "py311"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two runs side by side must not build the same environment into one another."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = CACHE / "locks" / (hashlib.sha256(str(folder).encode()).hexdigest()[:16] + ".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
