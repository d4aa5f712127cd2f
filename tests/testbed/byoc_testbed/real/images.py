# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images without a registry: one program, under as many names as are asked for, in one OCI archive."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import TestbedError

_PROGRAM = "usr/local/bin/standin"
_LINKS = ("usr/local/bin/vllm", "usr/local/bin/nvidia-smi")


@dataclass(frozen=True)
class Image:
    """What the stand-in is started as under one image's name. A name with a digest is taken as it is written.

    tools: programs of this machine, by name or path, that are in it too, with the libraries that they need.
    files: more of its files, by their place in it, each with where it is on this machine.
    """

    name: str
    entrypoint: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    tools: Sequence[str] = ()
    files: Mapping[str, Path] = field(default_factory=dict)


def write_archive(path: Path, program: Path, images: Sequence[Image]) -> None:
    """Write an archive for ``ctr images import``; the same bytes for the same program and images."""
    blobs: dict[str, bytes] = {}
    standin = _put_layer(blobs, _layer({_PROGRAM: program.read_bytes()}, _LINKS))
    manifests = []
    for image in images:
        more = {**_tools(image.tools), **{name: path.read_bytes() for name, path in image.files.items()}}
        layers = [standin, *([_put_layer(blobs, _layer(more))] if more else [])]
        variables = {"PATH": "/usr/local/bin", **image.environment}
        configuration = {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entrypoint),
                "Env": [f"{name}={value}" for name, value in sorted(variables.items())],
            },
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _put(blobs, _json(configuration), "application/vnd.oci.image.config.v1+json"),
            "layers": layers,
        }
        entry = _put(blobs, _json(manifest), str(manifest["mediaType"]))
        manifests.append({**entry, "annotations": {"io.containerd.image.name": image.name}})
    index = {"schemaVersion": 2, "manifests": manifests}
    with tarfile.open(path, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _json(index))
        for digest, data in sorted(blobs.items()):
            _add(archive, "blobs/" + digest.replace(":", "/"), data)


def _layer(programs: Mapping[str, bytes], links: Sequence[str] = ()) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for name, data in programs.items():
            _add(layer, name, data, mode=0o755)
        for name in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, Path(_PROGRAM).name
            layer.addfile(link)
    return buffer.getvalue()


def _tools(names: Sequence[str]) -> dict[str, bytes]:
    """By its place in an image, each program, and each library where its loader looks for it."""
    found: dict[str, bytes] = {}
    for name in names:
        program = shutil.which(name) or name
        found[f"usr/local/bin/{Path(name).name}"] = Path(program).read_bytes()
        found |= {path.lstrip("/"): Path(path).read_bytes() for path in _libraries(program)}
    return found


def _libraries(program: str) -> list[str]:
    """What a program is linked to; nothing where it holds all that it needs, as Go's do."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    if said.returncode and "not a dynamic executable" not in said.stdout + said.stderr:
        raise TestbedError(f"{program} cannot be put into an image: {said.stderr.strip()}")
    return re.findall(r"/\S+(?= \()", said.stdout)


def _put_layer(blobs: dict[str, bytes], layer: bytes) -> dict[str, Any]:
    """A layer as it is: packing and unpacking it would take longer than all else at a node's start."""
    return _put(blobs, layer, "application/vnd.oci.image.layer.v1.tar")


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def _put(blobs: dict[str, bytes], data: bytes, media_type: str) -> dict[str, Any]:
    digest = _digest(data)
    blobs[digest] = data
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
