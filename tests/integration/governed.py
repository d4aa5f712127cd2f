# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A testbed cluster that holds exactly what governs us, by its contract, and nothing else of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import SCHEMA
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.defaults import name_models, with_defaults
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import presetup_annotations
from demo.contracts import Contract
from tests.integration.journey import agreed, ours, wipe
from tests.integration.plays import connection_to, run_tasks

RBAC = "/apis/rbac.authorization.k8s.io/v1"


def in_full(cluster: Any) -> Contract:
    """The contract about a cluster as the inventory reads it, with its defaults."""
    made: Contract = with_defaults(agreed(cluster), SCHEMA)
    name_models(made)
    return made


def apply_presetup(cluster: Any, folder: Path, contract: Contract, **options: Any) -> dict[str, Any]:
    """Apply the set ``presetup`` as the administrator."""
    given = {
        "name": "presetup",
        "definition": presetup_objects(contract),
        "annotations": presetup_annotations(presetup_objects(contract)),
        **options,
    }
    result = run_tasks(folder, connection_to(cluster), {"fireworks.byoc.apply_set": given}).result
    assert not result.get("failed"), result
    return result


@contextmanager
def governed(cluster: Any, folder: Path, **sections: Any) -> Iterator[Contract]:
    """The cluster with its presetup applied, by a contract with more in these sections; afterwards nothing is left."""
    assert (left := ours(cluster)) == {}, f"left by another test: {sorted(left)}"
    contract = in_full(cluster)
    contract.update({name: {**contract[name], **more} for name, more in sections.items()})
    try:
        apply_presetup(cluster, folder, contract)
        yield contract
    finally:
        wipe(cluster)
