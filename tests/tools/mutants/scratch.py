# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a tree that may be changed: what is loaded from it is its own code, and nothing of it leads back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SITE = Path(__file__).parent / "site"
_COLLECTIONS = Path(".collections/ansible_collections")


@dataclass(frozen=True)
class Ended:
    """How a run of pytest ended; ``code`` is None when its time was over."""

    code: int | None
    output: str
    seconds: float


class Scratch:
    """A copy of a checkout, with the environment and the collections of the original."""

    def __init__(self, tree: Path, place: Path) -> None:
        self.root = place
        self._warm: subprocess.Popen[str] | None = None
        tree = tree.resolve()
        listed = subprocess.run(
            ["git", "-C", str(tree), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True,
            stdout=subprocess.PIPE,
        )
        for name in listed.stdout.decode().split("\0"):
            if name and (tree / name).is_file():
                target = place / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(tree / name, target)
        (place / ".venv").symlink_to((tree / ".venv").resolve(), target_is_directory=True)
        (place / _COLLECTIONS / "fireworks").mkdir(parents=True)
        (place / _COLLECTIONS / "fireworks" / "byoc").symlink_to(place, target_is_directory=True)
        core = tree / _COLLECTIONS / "kubernetes"
        (place / _COLLECTIONS / "kubernetes").symlink_to(core.resolve(), target_is_directory=True)
        # Compiled files are found stale by the second and the size of their source, which a mutant may share; these by
        # its hash, and so are those that Python writes over them.
        self._python("-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "plugins", "tests")

    def _python(self, *arguments: str) -> None:
        python = self.root / ".venv" / "bin" / "python"
        subprocess.run([str(python), *arguments], cwd=self.root, check=True, stdin=subprocess.DEVNULL)

    @contextmanager
    def changed(self, file: str, content: bytes) -> Iterator[None]:
        """The copy with another content of one file, for as long as this lasts."""
        path = self.root / file
        original = path.read_bytes()
        path.write_bytes(content)
        try:
            yield
        finally:
            path.write_bytes(original)

    def pytest(self, files: Iterable[str], *options: str, seconds: float) -> Ended:
        """Run test files of the copy on the copy, one after the other in one process that was warmed up before."""
        if self._warm is None:
            self._warm = self._started([str(SITE / "byoc_warm.py")], {}, stdin=subprocess.PIPE)
        assert self._warm.stdin is not None and self._warm.stdout is not None
        output = self.root.with_name(f"{self.root.name}.output")
        asked = {"arguments": ["-q", *options, *files], "output": str(output), "seconds": seconds}
        started = time.monotonic()
        self._warm.stdin.write(json.dumps(asked) + "\n")
        self._warm.stdin.flush()
        code = json.loads(self._warm.stdout.readline())
        return Ended(code, output.read_text(errors="replace"), time.monotonic() - started)

    def pytest_traced(self, files: Iterable[str], variables: Mapping[str, str], *, seconds: float) -> Ended:
        """The same in a Python of its own, which byoc_tracing sees from its start."""
        options = ["-m", "pytest", "-q", "-p", "byoc_tracing"]
        started = time.monotonic()
        with self._started([*options, *files], variables, stdin=subprocess.DEVNULL) as running:
            try:
                output, _nothing = running.communicate(timeout=seconds)
                code: int | None = running.returncode
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                output, _nothing = running.communicate()
                code = None
        return Ended(code, output, time.monotonic() - started)

    def _started(self, arguments: list[str], variables: Mapping[str, str], *, stdin: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.root / ".venv" / "bin" / "python"), *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root / "tests" / "testbed"), **variables},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if stdin == subprocess.DEVNULL else None,
            text=True,
            start_new_session=True,
        )

    def close(self) -> None:
        """End the process that was kept warm."""
        if self._warm is not None:
            self._warm.communicate()
