# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the guard prover would notice: under the guardrails of version 1 it finds the kinds of their holes unaided.

The table is build/guard_prover_finds.md.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from byoc_testbed.api import APPLY
from byoc_testbed.errors import ApiError
from tests.guard_prover.proof import exists
from tests.guard_prover.prover import WRITERS, Prover, holes
from tests.guard_prover.sites import onboarded
from tests.integration.ansible_runs import ROOT
from tests.integration.guarded import ADMISSION, AUDIENCES, until

MUTANTS = 3000
"""Of each identity."""
KINDS = {
    *("pod.priority", "pod.volumes", "pod.secrets", "pod.restricted", "pod.placement", "pod.tolerations"),
    *("pod.runtime", "pod.sysctls", "pod.hosts", "pod.nvidia", "pod.dns", "pod.mounts"),
    *("route.hosts", "route.parents", "route.backends", "route.filters"),
    *("scaling.triggers", "scaling.bounds", "scaling.target", "replicas", "budget.selector", "budget.drains"),
    *("name", "labels", "finalizers", "owners", "node.products", "records.head", "service.addresses"),
}
"""Clauses of the oracle that version 1 does not enforce."""
_POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def govern_by_version_1(cluster: Any, contract: Any) -> None:
    """Put the three policies of version 1 in place of all that there are."""
    for plural in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
        for one in cluster.request("GET", f"{ADMISSION}/{plural}")["items"]:
            if one["metadata"]["name"].startswith("fireworks-"):
                cluster.request("DELETE", f"{ADMISSION}/{plural}/{one['metadata']['name']}")
    made = presetup_objects(contract, (), ["registry.acme.example"], AUDIENCES, 1)
    for one in sorted((each for each in made if each["kind"] in _POLICIES), key=lambda each: str(each["kind"])):
        path = f"{cluster.api.collection(one)}/{one['metadata']['name']}"
        cluster.request("PATCH", f"{path}?fieldManager=presetup&force=true", one, APPLY)


def lets_any_name_in(prover: Prover) -> bool:
    """Whether a deployer may write a ConfigMap of any name: version 2 lets them not."""
    caller = prover.caller("deployer")
    path = "/api/v1/namespaces/fireworks-models/configmaps?dryRun=All"
    try:
        caller.api.request("POST", path, {"metadata": {"name": "any"}})
    except ApiError:
        return False
    finally:
        caller.close()
    return True


@pytest.mark.soak
def test_under_the_guardrails_of_version_1_every_kind_of_hole_is_found(tmp_path: Path) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    tried = 0
    for name in ("permissive", "strict"):
        with onboarded(name, tmp_path / name) as (cluster, contract):
            prover = Prover(cluster, contract, name)
            govern_by_version_1(cluster, contract)
            until(lambda here=prover: lets_any_name_in(here), "version 2 is still in force")
            for identity in filter(lambda who, here=prover: exists(here, who), WRITERS):
                report = prover.prove(identity, MUTANTS, "0")
                tried += report.mutants
                for hole in holes(one for one in report.wrong if one.answer.admitted):
                    found[hole.clause].add(hole.kind)
    rows = [f"| {clause} | {', '.join(sorted(kinds))} |" for clause, kinds in sorted(found.items())]
    table = ROOT / "build" / "guard_prover_finds.md"
    table.parent.mkdir(exist_ok=True)
    table.write_text("\n".join([f"Of {tried} mutants:", "", "| clause | of |", "|---|---|", *rows, ""]))
    assert KINDS - set(found) == set()
