# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``image_info``: which images a registry has, as far as it may be asked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .._domain.registry_login import Login, UnreadableConfigError, login_for, registry_of
from .._kube.errors import CredentialError
from .._kube.threads import in_threads
from .._operation import Context, Operation
from .._vocabulary.harmless import harmless_data
from .image_registry import UNKNOWN, Asker
from .public_endpoint import Ways

ARGUMENT_SPEC: dict[str, Any] = {
    "images": {"type": "list", "elements": "str", "required": True},
    "docker_config": {"type": "path", "default": ""},
    "timeout": {"type": "int", "default": 15},
}
_THREADS = 8
_LARGEST = 1024 * 1024


def run(parameters: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Ask each registry for its images."""
    return {"images": harmless_data(ask_all(parameters, Ways()))}


def ask_all(parameters: dict[str, Any], ways: Ways) -> list[dict[str, Any]]:
    """Each image with its ``state``, and ``why`` it is not known; ``asked`` where a registry was.

    :raises CredentialError: there is no such docker config.
    """
    path = parameters["docker_config"]
    config = _read(path) if path else ""
    until = time.monotonic() + float(parameters["timeout"])

    def one(image: str) -> dict[str, Any]:
        login = _login(path, config, registry_of(image)[0])
        if isinstance(login, str):
            return {"image": image, "asked": False, "state": UNKNOWN, "why": login}
        return {"asked": True, **Asker(registry_of(image)[0], login, ways, until).state_of(image)}

    return in_threads(one, parameters["images"], _THREADS)


def _login(path: str, config: str, registry: str) -> Login | str:
    if not path:
        return "no docker config is given (preflight_docker_config)"
    try:
        return login_for(config, registry)
    except UnreadableConfigError as error:
        raise _cannot(path, str(error)) from None


def _read(path: str) -> str:
    file = Path(path).expanduser()
    try:
        if file.stat().st_size > _LARGEST:
            raise _cannot(path, "it is too large")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise _cannot(path, error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise _cannot(path, "it is not text") from None


def _cannot(path: str, reason: str) -> CredentialError:
    return CredentialError(
        f"cannot read the docker config {path}: {reason}",
        next_step="give the file that docker login writes (~/.docker/config.json), or none (preflight_docker_config)",
    )


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
