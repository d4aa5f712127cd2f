# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A testbed cluster that has exactly the prerequisites of its contract, and nothing else of ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import SCHEMA
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.defaults import name_models, with_defaults
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import BOUNDS_ANNOTATION
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import presetup_annotations
from byoc_testbed.api import APPLY
from byoc_testbed.errors import ApiError
from demo.contracts import Contract
from tests.integration.guarded import AUDIENCES, until, workload
from tests.integration.journey import agreed, ours, wipe
from tests.integration.plays import connection_to, perform

#: Pods that share the node's network.
_SHARED = workload("Deployment", "probe", {"hostNetwork": True, "containers": [{"name": "it", "image": "it:1"}]})
_SHARED["metadata"]["namespace"] = "fireworks-models"
PRESETUP = "/api/v1/namespaces/fireworks-system/configmaps/presetup"
MERGE = "application/merge-patch+json"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def in_full(cluster: Any, contract: Contract | None = None) -> Contract:
    """The contract about a cluster as the inventory reads it, with its defaults."""
    made: Contract = with_defaults(contract or agreed(cluster), SCHEMA)
    name_models(made)
    return made


def compiled(contract: Contract, api_server: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """The prerequisites as the playbooks compile them, for a testbed cluster."""
    return presetup_objects(contract, api_server, audiences=AUDIENCES)


def apply_presetup(cluster: Any, contract: Contract, **options: Any) -> dict[str, Any]:
    """Apply the set ``presetup`` as the administrator."""
    given = {
        "name": "presetup",
        "definition": compiled(contract),
        "annotations": presetup_annotations(compiled(contract), (), AUDIENCES, contract=contract),
        **options,
    }
    result = perform(connection_to(cluster), "fireworks.byoc.apply_set", **given)
    assert not result.get("failed"), result
    return result


def bounds_in_force(cluster: Any, contract: Contract) -> Contract:
    """The contract; where there are prerequisites, with its bounds in force, though nothing is compiled anew."""
    notes = presetup_annotations([], contract=in_full(cluster, contract))
    body = {"metadata": {"annotations": {BOUNDS_ANNOTATION: notes[BOUNDS_ANNOTATION]}}}
    try:
        cluster.request("PATCH", PRESETUP, body, MERGE)
    except ApiError as error:
        assert error.status == 404, error
    return contract


def without_bounds(cluster: Any) -> None:
    """As under prerequisites that remember no bounds yet."""
    cluster.request("PATCH", PRESETUP, {"metadata": {"annotations": {BOUNDS_ANNOTATION: None}}}, MERGE)


def refused(cluster: Any, made: dict[str, Any]) -> bool:
    """Whether a guardrail says no to it. One that was just made does so a moment later."""
    query = "fieldManager=test&dryRun=All&force=true"
    try:
        cluster.request("PATCH", f"{cluster.api.collection(made)}/{made['metadata']['name']}?{query}", made, APPLY)
    except ApiError as error:
        return "ValidatingAdmissionPolicy" in str(error)
    return False


@contextmanager
def governed(cluster: Any, **sections: Any) -> Iterator[Contract]:
    """The cluster with its presetup applied, by a contract with more in these sections; afterwards nothing is left."""
    assert (left := ours(cluster)) == {}, f"left by another test: {sorted(left)}"
    contract = in_full(cluster)
    more = {name: {**contract[name], **part} if isinstance(part, dict) else part for name, part in sections.items()}
    contract.update(more)
    try:
        apply_presetup(cluster, contract)
        until(lambda: refused(cluster, _SHARED), "the guardrails do not refuse yet")
        yield contract
    finally:
        wipe(cluster)
