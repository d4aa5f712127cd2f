# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs beside the control plane: built from their modules when a test first wants them, and cached like the binary.

Each is built in a copy of its module, so with the very versions that its makers pinned and nobody else's.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .build import SOURCES, cache_folder, compiled, environment, only_builder, say
from .errors import TestbedError
from .gotool import find_go, wanted_version

_PINS = SOURCES / "parts"
_PINS_OF_ALERTING = _PINS / "alerting"


@dataclass(frozen=True)
class Part:
    """Programs of one module.

    :param packages: their main packages. :param about: how many packages they are of. :param tags: build tags.
    :param cut: takes out of the copy what no test needs. :param pins: where its version and hash are written.
    """

    name: str
    module: str
    packages: tuple[str, ...]
    about: int
    tags: str = ""
    cut: Callable[[Path], None] | None = None
    pins: Path = _PINS


#: Of KEDA's scalers, those that our objects name, and what their package needs to be one.
_SCALERS = ("prometheus_scaler.go", "cpu_memory_scaler.go", "scaler.go")
_KEPT = ("cpu", "memory", "prometheus")


def _two_scalers(keda: Path) -> None:
    """Seventy scalers for other services are four fifths of what would be compiled. The rest is left as it is."""
    for path in (keda / "pkg" / "scalers").glob("*.go"):
        if path.name not in _SCALERS:
            path.unlink()
    # Of those that go, one had a word for all.
    (keda / "pkg" / "scalers" / "words.go").write_text('package scalers\n\nconst externalMetricType = "External"\n')
    builder = keda / "pkg" / "scaling" / "scalers_builder.go"
    text = builder.read_text(encoding="utf-8")
    cases = re.compile(r'\tcase "([a-z0-9-]+)":\n\t\treturn scalers\..*\n')
    kept = cases.sub(lambda case: case[0] if case[1] in _KEPT else "", text)
    if kept == text or not all(f'case "{name}":' in kept for name in _KEPT):
        raise TestbedError(f"{builder} is not built as it was; see _two_scalers")
    builder.write_text(kept, encoding="utf-8")


KEDA = Part("keda", "github.com/kedacore/keda/v2", ("./cmd/operator", "./cmd/adapter"), 1900, cut=_two_scalers)
PROMETHEUS = Part(
    "prometheus",
    "github.com/prometheus/prometheus",
    ("./cmd/prometheus",),
    1100,
    tags="netgo,remove_all_sd,enable_kubernetes_sd",
)
ALERTMANAGER = Part(
    "alertmanager",
    "github.com/prometheus/alertmanager",
    ("./cmd/alertmanager", "./cmd/amtool"),
    290,
    pins=_PINS_OF_ALERTING,
)
SLOTH = Part("sloth", "github.com/slok/sloth", ("./cmd/sloth",), 1000, pins=_PINS_OF_ALERTING)
ALL = {part.name: part for part in (KEDA, PROMETHEUS, ALERTMANAGER, SLOTH)}


def program(part: Part, name: str) -> Path:
    """One of its programs, by the last word of its package; builds them all if they are not there."""
    folder = _folder(part)
    if not (folder / name).exists():
        with only_builder():
            if not (folder / name).exists():  # perhaps another process has built it meanwhile
                _build(part, folder)
    return folder / name


def is_built(part: Part) -> bool:
    """Whether all of its programs are there already."""
    return all((_folder(part) / Path(package).name).exists() for package in part.packages)


def definitions(part: Part) -> list[Path]:
    """The custom resource definitions that lie in its module, without building anything."""
    folder = _folder(part).with_suffix(".crds")
    if not folder.exists():
        half = folder.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(_fetched(find_go(cache_folder()), part) / "config" / "crd" / "bases", half)
        half.rename(folder)
    return sorted(folder.glob("*.yaml"))


def installation(part: Part, *files: str) -> list[Path]:
    """Manifests by which its makers install it, out of its module's ``config``."""
    config = _fetched(find_go(cache_folder()), part) / "config"
    return [config / file for file in files]


def _folder(part: Part) -> Path:
    digest = hashlib.sha256(wanted_version().encode())
    for path in (part.pins / "go.mod", part.pins / "go.sum"):
        digest.update(path.read_bytes())
    how = (part.packages, part.tags, inspect.getsource(part.cut) if part.cut else "", _SCALERS, _KEPT)
    digest.update(repr(how).encode())
    return cache_folder() / f"{part.name}-{digest.hexdigest()[:16]}"


def _fetched(go: str, part: Part) -> Path:
    """Where its module lies, as the pinned hashes want it."""
    command = [go, "mod", "download", "-json", part.module]
    done = subprocess.run(command, cwd=part.pins, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise TestbedError(f"{part.module} cannot be fetched: {done.stderr.strip() or done.stdout.strip()}")
    return Path(json.loads(done.stdout)["Dir"])


def _build(part: Part, target: Path) -> None:
    go, started = find_go(cache_folder()), time.monotonic()
    say(f"building {part.name} from its Go module, once: about {part.about} packages")
    half = target.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(_fetched(go, part), half / "source", copy_function=shutil.copyfile)
    try:
        if part.cut:
            part.cut(half / "source")
        flags = [f"-tags={part.tags}", "-ldflags=-s -w", "-o", f"{half}/"]
        compiled(go, half / "source", [*flags, *part.packages], part.about, started)
        shutil.rmtree(half / "source")
        shutil.rmtree(target, ignore_errors=True)
        half.rename(target)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    say(f"built in {time.monotonic() - started:.0f} s: {target}")
