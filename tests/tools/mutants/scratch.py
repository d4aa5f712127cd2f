# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a tree that may be changed: what is loaded from it is its own code, and nothing of it leads back."""

from __future__ import annotations

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
        # Compiled files are found stale by the second and the size of their source, which a mutant may both share.
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

    def pytest(
        self, files: Iterable[str], *options: str, seconds: float, variables: Mapping[str, str] | None = None
    ) -> Ended:
        """Run test files of the copy on the copy, one after the other in one process."""
        python = str(self.root / ".venv" / "bin" / "python")
        command = [python, "-m", "pytest", "-q", *options, *files]
        driver = str(self.root / "tests" / "testbed")
        environment = {**os.environ, "PYTHONPATH": driver, "PYTHONDONTWRITEBYTECODE": "1", **(variables or {})}
        started = time.monotonic()
        # A session of its own, so that what is late is ended with all that it started.
        with subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as running:
            try:
                output, _nothing = running.communicate(timeout=seconds)
                code: int | None = running.returncode
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                output, _nothing = running.communicate()
                code = None
        return Ended(code, output, time.monotonic() - started)
