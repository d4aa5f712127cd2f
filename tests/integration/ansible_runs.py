# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ``ansible-playbook`` and ``ansible-inventory``: their own ``main``, in a process forked from one that has
loaded Ansible already.

A run takes a second and a half less so, which is a third of most. One with settings of its own for Ansible starts anew,
and so does one of a script, whose main module a forked process would run once more.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: What the playbooks record is kept out of the home of the user that runs the tests. Tests that run side by side have
#: clusters of the same names.
RECORDS = {"BYOC_RECORDS_DIR": str(ROOT / "build" / "records" / os.environ.get("PYTEST_XDIST_WORKER", "alone"))}
_PROGRAM = str(Path(sys.executable).with_name("ansible-playbook"))
_INVENTORY = str(Path(sys.executable).with_name("ansible-inventory"))
_SETTINGS = {
    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",  # with what each task says
}
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.integration.warmed"])
#: multiprocessing looks at all children wherever one starts: of two threads that find the same one ended, the second
#: would read no exit status and say 255.
_LOOKING_AT_CHILDREN = threading.Lock()


def ansible_environment(**more: str) -> dict[str, str]:
    """The environment of a run: this checkout's collection, and nothing of the user's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "KUBE"))}
    return {**kept, **_SETTINGS, **RECORDS, **more}


def run_playbook(
    *arguments: str,
    environment: dict[str, str] | None = None,
    seconds: float = 300,
    prepare: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """``ansible-playbook`` with these arguments, of the interpreter that runs the tests.

    :param prepare: called in the process of a forked run before anything else.
    :raises subprocess.TimeoutExpired: it took longer than so many seconds, and was killed.
    """
    environment = environment or ansible_environment()
    if _is_as_loaded(environment):
        return _forked(list(arguments), environment, seconds, prepare)
    assert prepare is None, "only a forked run can be prepared"
    return run_command([_PROGRAM, *arguments], environment, seconds)


def run_command(
    command: Sequence[str], environment: Mapping[str, str], seconds: float = 300, folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Any command, run without input in a folder, which is the root of the checkout unless another is named.

    Its standard output has its errors, too.

    :raises subprocess.TimeoutExpired: it took longer than so many seconds, and was killed.
    """
    return subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


def run_script(script: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a page tells to run, as a person would who has activated this virtual environment."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return run_command(["bash", "-euc", script], ansible_environment(PATH=path, **environment), folder=folder)


def commands_of(page: Path) -> list[str]:
    """What a page tells to run in a shell, in its order."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [command for block in blocks for command in block.replace("\\\n", " ").splitlines()]


def run_inventory(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """``ansible-inventory`` with these arguments, of the interpreter that runs the tests.

    :raises subprocess.TimeoutExpired: it took longer than two minutes, and was killed.
    """
    command = [_INVENTORY, *arguments]
    if _is_as_loaded(environment):
        running = Forked(_inventory, list(arguments), environment=environment, apart=True)
        return subprocess.CompletedProcess(command, running.wait(120), running.said, running.complained)
    return subprocess.run(
        command,
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _is_as_loaded(environment: Mapping[str, str]) -> bool:
    """Whether a forked run may have this environment: Ansible's settings are read where it is first imported."""
    settings = {key: value for key, value in environment.items() if key.startswith("ANSIBLE_")}
    same_modules = environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH")
    return settings == _SETTINGS and same_modules and "PYTEST_CURRENT_TEST" in os.environ


class Forked:
    """A function that runs in a process forked from one that has loaded Ansible and this collection.

    :param what: a function of a module. What it prints is kept. :param apart: what it writes to standard error is kept
        apart, in :attr:`complained`.
    """

    def __init__(
        self, what: Callable[..., None], *arguments: Any, environment: Mapping[str, str], apart: bool = False
    ) -> None:
        self._output = tempfile.NamedTemporaryFile()  # noqa: SIM115
        self._errors = tempfile.NamedTemporaryFile() if apart else self._output  # noqa: SIM115
        given = (what, arguments, dict(environment), self._output.name, self._errors.name)
        self._process = _forks.Process(target=_become, args=given)
        with _LOOKING_AT_CHILDREN:
            self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def said(self) -> str:
        return Path(self._output.name).read_text(errors="replace")

    @property
    def complained(self) -> str:
        return Path(self._errors.name).read_text(errors="replace")

    def wait(self, seconds: float) -> int:
        """Its exit status.

        :raises subprocess.TimeoutExpired: it took longer than so many seconds, and was killed.
        """
        ended = bool(wait_for([self._process.sentinel], seconds))
        with _LOOKING_AT_CHILDREN:
            if not ended:
                self._process.kill()
            self._process.join()
        if not ended:
            raise subprocess.TimeoutExpired(str(self._process), seconds, output=self.said)
        assert self._process.exitcode is not None
        return self._process.exitcode


def begin_forked_playbook(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    prepare: Callable[[], None] | None = None,
    apart: bool = False,
) -> Forked:
    """Start ``ansible-playbook`` with these arguments.

    :param prepare: called in its process before anything else.
    :param apart: what it writes to standard error is kept apart, in :attr:`Forked.complained`.
    """
    return Forked(_playbook, list(arguments), prepare, environment=environment or ansible_environment(), apart=apart)


def _forked(
    arguments: list[str], environment: dict[str, str], seconds: float, prepare: Callable[[], None] | None
) -> subprocess.CompletedProcess[str]:
    running = begin_forked_playbook(*arguments, environment=environment, prepare=prepare)
    return subprocess.CompletedProcess([_PROGRAM, *arguments], running.wait(seconds), running.said)


def _become(
    what: Callable[..., None], arguments: Sequence[Any], environment: Mapping[str, str], output: str, errors: str
) -> None:
    """In the forked process: become what a command is."""
    nothing, written = os.open(os.devnull, os.O_RDONLY), os.open(output, os.O_WRONLY)
    complaints = written if errors == output else os.open(errors, os.O_WRONLY)
    for descriptor, place in ((nothing, 0), (written, 1), (complaints, 2)):
        os.dup2(descriptor, place)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    what(*arguments)


def _playbook(arguments: list[str], prepare: Callable[[], None] | None) -> None:
    sys.argv = [_PROGRAM, *arguments]

    if prepare:
        prepare()

    from ansible.cli.playbook import main

    main(sys.argv)


def _inventory(arguments: list[str]) -> None:
    sys.argv = [_INVENTORY, *arguments]

    from ansible.cli.inventory import main

    main(sys.argv)
