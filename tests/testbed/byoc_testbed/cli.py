# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line. Every failure is one message, never a traceback."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from .errors import TestbedError

if TYPE_CHECKING:
    from .spec import ClusterSpec

FOLDER_VARIABLE = "BYOC_TESTBED_DIR"


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; gives the exit status."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    try:
        status: int = options.do(options)
        return status
    except TestbedError as error:
        print(f"testbed: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"testbed: Python has no module {error.name}; use the environment that has ansible-core", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="byoc_testbed", description="A real Kubernetes for tests.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    build = verbs.add_parser("build", help="build the binary, and programs beside it, if they are not there")
    build.add_argument("parts", nargs="*", metavar="PART", help="keda, prometheus, alertmanager or sloth")
    build.set_defaults(do=_build)
    up = verbs.add_parser("up", help="start clusters and keep them until Ctrl-C")
    run = verbs.add_parser("run", help="start clusters, run a command with them, stop them")
    for verb in (up, run):
        which = verb.add_mutually_exclusive_group()
        which.add_argument("--clusters", type=Path, metavar="FILE", help="YAML file that describes the clusters")
        which.add_argument("--demo", action="store_true", help="acme, birch and cedar (what you get unasked)")
    up.set_defaults(do=_up)
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run")
    run.set_defaults(do=_run)
    verbs.add_parser("doctor", help="tell what is built and what was left behind").set_defaults(do=_doctor)
    return parser


def _build(options: argparse.Namespace) -> int:
    from . import parts
    from .build import ensure_built

    unknown = sorted(set(options.parts) - set(parts.ALL))
    if unknown:
        raise TestbedError(f"build: unknown {', '.join(unknown)}; known are {', '.join(parts.ALL)}")
    print(ensure_built())
    for part in map(parts.ALL.__getitem__, options.parts):
        for package in part.packages:
            print(parts.program(part, Path(package).name))
    return 0


def _up(options: argparse.Namespace) -> int:
    from .bed import Testbed

    started = time.monotonic()
    with Testbed.start(_specs(options)) as bed:
        print(f"up in {time.monotonic() - started:.1f} s; Ctrl-C stops everything")
        for cluster in bed:
            print(f"  {cluster.name:12} {cluster.server}  export KUBECONFIG={bed.folder}/{cluster.name}.kubeconfig")
        sys.stdout.flush()
        while True:
            signal.pause()


def _run(options: argparse.Namespace) -> int:
    from .bed import Testbed

    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise TestbedError("run: no command; write it after --")
    with Testbed.start(_specs(options)) as bed:
        try:
            return subprocess.run(command, env={**os.environ, FOLDER_VARIABLE: str(bed.folder)}, check=False).returncode
        except OSError as error:
            raise TestbedError(f"{command[0]} does not run: {error.strerror}") from None


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import examine

    for line in examine():
        print(line)
    return 0


def _specs(options: argparse.Namespace) -> list[ClusterSpec]:
    from .spec import demo_clusters, read_clusters

    return read_clusters(options.clusters) if options.clusters else demo_clusters()


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
