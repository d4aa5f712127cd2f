# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make setup`: the environment, the collections and the testbed's binary, each made once; one line for each step."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests.tools import collection_path, environments
from tests.tools.environments import ROOT, SetupError


def main() -> int:
    started = time.monotonic()
    try:
        _packages()
        _collections()
        _testbed()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    say("ready", f"in {time.monotonic() - started:.0f} s; next: make demo, make test")
    return 0


def say(step: str, text: str) -> None:
    print(f"{step:<12} {text}", flush=True)


def _packages() -> None:
    env = environments.development()
    if not env.is_ready():
        say("packages", f"installing pinned packages into .venv with {env.python} …")
    seconds = env.ensure()
    version = ".".join(map(str, sys.version_info[:3]))
    say(
        "packages", f"Python {version}, {env.lock}" + (f", installed in {seconds:.0f} s" if seconds else ", up to date")
    )


def _collections() -> None:
    done = collection_path.ensure(ROOT / ".collections", environments.development())
    say("collections", done)


def _testbed() -> None:
    driver = ROOT / "tests" / "testbed" / "byoc_testbed"
    if not (driver / "__main__.py").exists():
        say("testbed", "no driver in this tree, so no binary to build")
        return
    python = str(environments.development().bin / "python")
    env = {**os.environ, "PYTHONPATH": str(driver.parent)}
    build = [python, "-m", "byoc_testbed", "build"]
    # Its progress goes to the screen, since it takes minutes; its answer is where the binary is.
    done = subprocess.run(
        build, cwd=ROOT, env=env, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise SetupError(f"building the testbed's binary failed (exit {done.returncode}); what it said is above")
    say("testbed", f"a real Kubernetes in one binary, {done.stdout.strip()}")


if __name__ == "__main__":
    sys.exit(main())
