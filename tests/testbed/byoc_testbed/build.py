# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the binary, once for each state of its sources, outside the tree. Standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .errors import TestbedError
from .gotool import find_go, wanted_version

SOURCES = Path(__file__).resolve().parent.parent
_BINARY = "byoc-testbed"
_PACKAGES = 2790
_KEPT_BUILDS = 3


def cache_folder() -> Path:
    """Where builds lie."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "fireworks-byoc" / "testbed"


def binary_path() -> Path:
    """Where the binary of the present sources is, or would be."""
    digest = hashlib.sha256(wanted_version().encode())
    for path in [*_sources(SOURCES), *_sources(SOURCES / "crds")]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return cache_folder() / digest.hexdigest()[:16] / _BINARY


def ensure_built() -> Path:
    """The binary of the present sources; builds it if it is not there."""
    binary = binary_path()
    if not binary.exists():
        with only_builder():
            if not binary.exists():  # perhaps another process has built it meanwhile
                _build(binary)
    os.utime(binary.parent)
    return binary


def _sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".go" or path.name in ("go.mod", "go.sum"))


@contextmanager
def only_builder() -> Iterator[None]:
    """Of all processes one builds at a time, and the others wait."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another process is building; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(binary: Path) -> None:
    go = find_go(cache_folder())
    started = time.monotonic()
    say("building Kubernetes' control plane from Go modules, once: 5 to 9 minutes on 2 cores (fetches about 0.5 GB)")
    half = binary.parent.with_name(f"{binary.parent.name}.{os.getpid()}")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    try:
        arguments = ["-trimpath", f"-ldflags={_link_flags()}", "-o", str(half / _BINARY), "."]
        compiled(go, SOURCES, arguments, _PACKAGES, started)
        _copy_definitions(go, half / "crds")
        shutil.rmtree(binary.parent, ignore_errors=True)
        half.rename(binary.parent)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    say(f"built in {time.monotonic() - started:.0f} s: {binary}")
    _forget_old_builds()


def compiled(go: str, folder: Path, arguments: Sequence[str], about: int, started: float) -> None:
    """Run ``go build`` in a folder, and show how many of about so many packages are done."""
    process = subprocess.Popen(
        [go, "build", "-v", "-mod=readonly", "-buildvcs=false", *arguments],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        complaints = _follow(process.stderr, about, started)
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()
    if process.returncode:
        raise TestbedError("the build failed:\n" + "\n".join(complaints[-15:]))


def _follow(lines: Iterator[str], about: int, started: float) -> list[str]:
    """Show how far the build is; gives every line that does not name a package."""
    complaints: list[str] = []
    compiled, shown = 0, 0.0
    interval = 0.5 if sys.stderr.isatty() else 15.0
    for line in lines:
        if re.fullmatch(r"[\w./~-]+\n", line):
            compiled += 1
        elif not line.startswith("go: downloading"):
            complaints.append(line.rstrip())
        if time.monotonic() - shown > interval:
            shown = time.monotonic()
            what = f"{compiled} of about {about} packages" if compiled else "fetching modules"
            say(f"{what}, {shown - started:.0f} s", over=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return complaints


def _copy_definitions(go: str, target: Path) -> None:
    """Copy the Gateway API's custom resource definitions out of its module."""
    done = subprocess.run(
        [go, "mod", "download", "-json", "sigs.k8s.io/gateway-api"],
        cwd=SOURCES / "crds",
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise TestbedError(f"the Gateway API's module cannot be fetched: {done.stderr.strip() or done.stdout.strip()}")
    source = Path(json.loads(done.stdout)["Dir"]) / "config" / "crd" / "standard"
    folder = target / "gateway-api"
    folder.mkdir(parents=True)
    for path in source.glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())


def _link_flags() -> str:
    """Strip the binary, and tell it the version that it was built from."""
    found = re.search(r"k8s\.io/kubernetes v(\d+)\.(\d+)\.(\S+)", (SOURCES / "go.mod").read_text(encoding="utf-8"))
    if not found:
        raise TestbedError(f"{SOURCES / 'go.mod'} does not require k8s.io/kubernetes")
    major, minor, patch = found.groups()
    values = {"gitVersion": f"v{major}.{minor}.{patch}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(["-s -w", *(f"-X {place}.{name}={value}" for place in places for name, value in values.items())])


def environment() -> dict[str, str]:
    """What a build sees: nothing that the machine is set to may choose another Go, or other modules."""
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}


def _forget_old_builds() -> None:
    builds = sorted(cache_folder().glob(f"*/{_BINARY}"), key=lambda path: path.parent.stat().st_mtime, reverse=True)
    for path in builds[_KEPT_BUILDS:]:
        shutil.rmtree(path.parent, ignore_errors=True)


def say(text: str, over: bool = False) -> None:
    """Show how far a build is."""
    if over and sys.stderr.isatty():
        print(f"\r\x1b[Ktestbed: {text}", end="", file=sys.stderr, flush=True)
    else:
        print(f"testbed: {text}", file=sys.stderr, flush=True)
