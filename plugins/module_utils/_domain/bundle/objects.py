# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a release renders to is ours, complete, and of nothing but what the release names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..contract.typed import Contract
from ..names import (
    COMPONENT_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    NAME_LABEL,
    PART_OF_LABEL,
    RELEASE_LABEL,
    ROUTER_MODELS,
    STACK_SET,
)
from ..names import SYSTEM_NAMESPACE as OURS
from ..release import component_images

Data = Mapping[str, Any]
Objects = Sequence[tuple[Contract, str, Data]]
"""Of each object the contract and the component that it was rendered for."""


def object_problems(release: Data, objects: Objects) -> list[str]:
    """What is wrong with the objects of a release, each problem once."""
    found = [
        f"{component}: {_name(manifest)} {problem}"
        for contract, component, manifest in objects
        for problem in (
            *_label_problems(release, component, manifest),
            *_settings_problems(component, manifest),
            *_image_problems(release, contract, manifest),
        )
    ]
    return [*dict.fromkeys(found), *_unused_images(release, objects), *_api_problems(release, objects)]


def _label_problems(release: Data, component: str, manifest: Data) -> Iterable[str]:
    metadata = manifest.get("metadata") or {}
    ours = {MANAGED_BY_LABEL: MANAGED_BY, PART_OF_LABEL: STACK_SET, NAME_LABEL: component}
    yield from _lacking(metadata, ours)
    if metadata.get("namespace") != OURS:
        yield f"is in namespace {metadata.get('namespace') or 'none'}, not in {OURS}"
    template = pod_template(manifest)
    if template is not None:
        running = {COMPONENT_LABEL: component, RELEASE_LABEL: str(release["version"])}
        yield from _lacking(metadata, running)
        for problem in _lacking(template.get("metadata") or {}, {**ours, **running}):
            yield f"{problem}, on its pods"


def _settings_problems(component: str, manifest: Data) -> Iterable[str]:
    """A guardrail keeps the content of settings: others need another name, and so pods that name it.

    Which models the router knows is no setting of a release: a guardrail of its own says what may be there.
    """
    name = str((manifest.get("metadata") or {}).get("name"))
    if manifest.get("kind") != "ConfigMap" or name == ROUTER_MODELS:
        return
    if not re.fullmatch(rf"{re.escape(component)}-[0-9a-f]{{10}}", name):
        yield f"is not named {component}-<the first ten digits of a digest of it>"


def _lacking(metadata: Data, wanted: Mapping[str, str]) -> list[str]:
    labels = metadata.get("labels") or {}
    return [f"lacks the label {key}: {value}" for key, value in wanted.items() if labels.get(key) != value]


def _image_problems(release: Data, contract: Contract, manifest: Data) -> Iterable[str]:
    named = set(component_images(contract, release).values())
    for image in images_of(manifest):
        if image not in named:
            yield f"runs {image}, which the release does not name by digest"


def _unused_images(release: Data, objects: Objects) -> list[str]:
    run = {image.rpartition("/")[2] for _contract, _component, manifest in objects for image in images_of(manifest)}
    return [
        f"images.{name}: nothing runs it"
        for name, entry in release["images"].items()
        if f"{entry['name']}@{entry['digest']}" not in run
    ]


def _api_problems(release: Data, objects: Objects) -> list[str]:
    used = {str(manifest["apiVersion"]) for _contract, _component, manifest in objects}
    named = set(release["requires"]["apis"])
    return [
        *(f"requires.apis: {api} is used, and not named" for api in sorted(used - named)),
        *(f"requires.apis: {api} is named, and not used" for api in sorted(named - used)),
    ]


def pod_template(manifest: Data) -> Data | None:
    """The pods that an object makes; None when it makes none."""
    found = (manifest.get("spec") or {}).get("template")
    return found if isinstance(found, Mapping) else None


def images_of(manifest: Data) -> list[str]:
    """The images of an object's pods."""
    spec = (pod_template(manifest) or {}).get("spec") or {}
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return [str(container.get("image", "")) for container in containers]


def _name(manifest: Data) -> str:
    return f"{manifest.get('kind')} {(manifest.get('metadata') or {}).get('name')}"
