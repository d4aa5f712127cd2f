# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom resource definitions that a cluster has from the start."""

from __future__ import annotations

import re
from pathlib import Path

from .api import Api
from .errors import TestbedError
from .spec import ClusterSpec

GATEWAY_API = "gateway-api"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def install(api: Api, build: Path, spec: ClusterSpec) -> None:
    """Create the definitions that a cluster's spec names and wait until they are served."""
    wanted = list(spec.crds) + ([GATEWAY_API] if spec.gateway_api and GATEWAY_API not in spec.crds else [])
    for each in wanted:
        folder = build / "crds" / each
        for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else [Path(each)]:
            _create(api, path)


def _create(api: Api, path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TestbedError(f"{path}: {error.strerror}; known by name is only {GATEWAY_API!r}") from None
    # The server reads YAML itself, and much faster than Python does.
    for document in re.split(r"(?m)^---\s*$", text):
        if re.search(r"(?m)^kind: CustomResourceDefinition\s*$", document):
            api.request("POST", _CRDS, document.encode(), "application/yaml")
