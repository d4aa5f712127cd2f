# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images without a registry: one layer with one program, under as many names as are asked for, in one OCI archive."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PROGRAM = "usr/local/bin/standin"
_LINKS = ("usr/local/bin/vllm",)


@dataclass(frozen=True)
class Image:
    """What the stand-in is started as under one image's name. A name with a digest is taken as it is written."""

    name: str
    entrypoint: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def write_archive(path: Path, program: Path, images: Sequence[Image]) -> None:
    """Write an archive for ``ctr images import``; the same bytes for the same program and images."""
    plain = _layer(program.read_bytes())
    layer = gzip.compress(plain, compresslevel=1, mtime=0)
    blobs: dict[str, bytes] = {}
    layer_entry = _put(blobs, layer, "application/vnd.oci.image.layer.v1.tar+gzip")
    manifests = []
    for image in images:
        variables = {"PATH": "/usr/local/bin", **image.environment}
        configuration = {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entrypoint),
                "Env": [f"{name}={value}" for name, value in sorted(variables.items())],
            },
            "rootfs": {"type": "layers", "diff_ids": [_digest(plain)]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _put(blobs, _json(configuration), "application/vnd.oci.image.config.v1+json"),
            "layers": [layer_entry],
        }
        entry = _put(blobs, _json(manifest), str(manifest["mediaType"]))
        manifests.append({**entry, "annotations": {"io.containerd.image.name": image.name}})
    index = {"schemaVersion": 2, "manifests": manifests}
    with tarfile.open(path, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _json(index))
        for digest, data in sorted(blobs.items()):
            _add(archive, "blobs/" + digest.replace(":", "/"), data)


def _layer(program: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        _add(layer, _PROGRAM, program, mode=0o755)
        for name in _LINKS:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, Path(_PROGRAM).name
            layer.addfile(link)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def _put(blobs: dict[str, bytes], data: bytes, media_type: str) -> dict[str, Any]:
    blobs[_digest(data)] = data
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
