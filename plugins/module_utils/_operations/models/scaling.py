# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controllers of what scales models say of it, once a rollout is over and the routers know the models.

A rollout does not wait for it (``watching.awaited_of`` says why), so it must not leave out either that it is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._domain.inventory import scaler
from ..._domain.model.unit import SCALERS, Unit
from ..._domain.validation.scalers import judged
from ..._domain.validation.verdict import PASSED
from ..._kube.errors import NotFoundError
from ..._kube.objects import Ref
from .talk import Talk


def unproven_scaling(talk: Talk, units: Mapping[str, Unit]) -> list[str]:
    """In words, of each model that something scales and that is not seen to be scaled: what was seen instead.

    :param units: by model, the unit that was applied.
    :raises KubeError: what scales a model cannot be read.
    """
    said = []
    for model, unit in sorted(units.items()):
        if not (scalers := [manifest for manifest in unit if manifest.get("kind") in SCALERS]):
            continue
        result, words = judged([model], [live for one in scalers if (live := _facts(talk, one))])
        if result != PASSED:
            said.append(f"that {model} is scaled: {words}")
    return said


def _facts(talk: Talk, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    ref = Ref.of(manifest)
    resource = talk.discovery.find_group_kind(ref.group_kind)
    if resource is None:
        return None
    try:
        return scaler(talk.session.get(resource.path(ref.namespace, ref.name)))
    except NotFoundError:
        return None
