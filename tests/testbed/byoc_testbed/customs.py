# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom resource definitions that a cluster has from the start."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .api import Api
from .errors import TestbedError
from .files import write_private
from .spec import ClusterSpec

GATEWAY_API = "gateway-api"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def install(api: Api, build: Path, spec: ClusterSpec) -> None:
    """Create the definitions that a cluster's spec names and wait until they are established."""
    wanted = list(spec.crds) + ([GATEWAY_API] if spec.gateway_api and GATEWAY_API not in spec.crds else [])
    definitions = [each for name in wanted for each in _definitions(build / "crds", name)]
    if not definitions:
        return
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda definition: api.request("POST", _CRDS, definition), definitions))
    names = {definition["metadata"]["name"] for definition in definitions}
    deadline = time.monotonic() + 30
    while not names <= _established(api):
        if time.monotonic() > deadline:
            raise TestbedError(f"cluster {spec.name}: not established: {', '.join(sorted(names - _established(api)))}")
        time.sleep(0.05)


def _established(api: Api) -> set[str]:
    return {
        item["metadata"]["name"]
        for item in api.request("GET", _CRDS)["items"]
        for condition in (item.get("status") or {}).get("conditions") or []
        if condition["type"] == "Established" and condition["status"] == "True"
    }


def _definitions(shipped: Path, name: str) -> list[dict[str, Any]]:
    folder = shipped / name
    if not folder.is_dir():
        return _read(Path(name))
    # Converted once: the server is quicker with JSON, and much quicker without descriptions.
    ready = shipped / f"{name}.json"
    if not ready.exists():
        found = [undescribed(each) for path in sorted(folder.glob("*.yaml")) for each in _read(path)]
        write_private(ready, json.dumps(found))
    definitions: list[dict[str, Any]] = json.loads(ready.read_text(encoding="utf-8"))
    return definitions


def _read(path: Path) -> list[dict[str, Any]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"), loader))
    except OSError as error:
        raise TestbedError(f"{path}: {error.strerror}; known by name is only {GATEWAY_API!r}") from None
    except yaml.YAMLError as error:
        raise TestbedError(f"{path}: {error}") from None
    return [each for each in documents if isinstance(each, dict) and each.get("kind") == "CustomResourceDefinition"]


def undescribed(value: Any) -> Any:
    """A definition without its descriptions."""
    if isinstance(value, dict):
        return {
            key: undescribed(item)
            for key, item in value.items()
            if not (key == "description" and isinstance(item, str))
        }
    return [undescribed(item) for item in value] if isinstance(value, list) else value
