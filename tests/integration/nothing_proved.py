# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases in which a run of a playbook does nothing and proves nothing, as data. In none of them it may exit 0."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.playbook_variables.declared import VARIABLES
from demo.contracts import H100, contract, write_fleet
from tests.integration.ansible_runs import ROOT

CLUSTER, OTHER = "acme-eu-1", "birch-eu-1"
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
#: They ask no cluster: whatever their limit and their credentials are, they prove what they are for, and say this.
ASK_NO_CLUSTER = {"verify_release": "2026.12.0", "contract_calendar": "Next change", "mirror": "Images"}
NEEDS_NO_INVENTORY = "verify_release"
#: It asks a cluster that no inventory has.
NEW = "new_contract"
WITHOUT_PATTERN = (NEEDS_NO_INVENTORY, NEW, "remediate_node")
UNPARSED = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "false"}


@dataclass(frozen=True)
class Way:
    """One way. ``said``: a part of what the run says. ``asks``: whether the clusters are asked, in vain.

    ``credential``: of the clusters and the administrator. ``inventory``: the sources, ours unless it says otherwise.
    ``unplayed``: Ansible ends the run before the first task, so there is no result.
    """

    name: str
    said: str
    options: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    credential: str = "dead.kubeconfig"
    inventory: Callable[[Path], list[Path]] | None = None
    environment: Callable[[Path], dict[str, str]] = lambda _folder: {}
    asks: bool = False
    unplayed: bool = False

    def sources(self, folder: Path) -> list[Path]:
        return [fleet(folder, self.credential)] if self.inventory is None else self.inventory(folder)


def fleet(folder: Path, credential: str = "dead.kubeconfig") -> Path:
    """Two clusters where nobody listens, or of which the credential is not there."""
    folder.mkdir(exist_ok=True)
    (folder / "dead.kubeconfig").write_text(yaml.safe_dump(_DEAD))
    made = [
        contract(name, uid=uid, kubeconfig=folder / credential, provider="aws", region="here", gpus={H100: 16})
        for name, uid in ((CLUSTER, "0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11"), (OTHER, _UID))
    ]
    for each in made:
        each["access"]["context"] = "dead"  # customers that share a credential name it
    return write_fleet(folder, made)


_UID = "11111111-1111-4111-8111-111111111111"
_DEAD = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "dead", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "dead", "user": {"token": "none"}}],
    "contexts": [{"name": "dead", "context": {"cluster": "dead", "user": "dead"}}],
    "current-context": "dead",
}


def _broken(folder: Path) -> list[Path]:
    broken = fleet(folder / "broken")
    (folder / "broken" / "clusters" / "bad.yml").write_text("version: [")
    return [fleet(folder), broken]


def _without(library: str) -> Callable[[Path], dict[str, str]]:
    def environment(folder: Path) -> dict[str, str]:
        (folder / f"{library}.py").write_text(f"raise ImportError('No module named {library}')\n")
        return {**UNPARSED, "PYTHONPATH": str(folder)}

    return environment


_MISSING = "cannot read the kubeconfig from"
_REFUSED = "the API server did not answer"
WAYS = (
    Way("a limit of one cluster", _REFUSED, ("--limit", f"{CLUSTER},localhost"), asks=True),
    Way("a limit without localhost", _REFUSED, ("--limit", CLUSTER), asks=True),
    Way(
        "a limit without localhost, no credential",
        _MISSING,
        ("--limit", CLUSTER),
        credential="missing.kubeconfig",
        asks=True,
    ),
    Way("no credential", _MISSING, credential="missing.kubeconfig", asks=True),
    Way("an unknown name", "zzz", given={"clusters": "zzz"}),
    Way("an unknown name in the limit", "there is no cluster and no group 'zzz'", ("--limit", f"{CLUSTER},zzz")),
    Way("a blank pattern", "it is blank", given={"clusters": " "}),
    Way("a comma", "it is blank", given={"clusters": ","}),
    Way("a blank limit", "--limit: it is blank", ("--limit", ",")),
    Way("no inventory", "there is no inventory", inventory=lambda _folder: []),
    Way("an inventory that is broken in part", "could not be read", inventory=_broken, environment=lambda _: UNPARSED),
    Way("no library for contracts", "jsonschema", environment=_without("jsonschema")),
    Way("no library for clusters", "urllib3", environment=_without("urllib3"), asks=True),
    Way("a mistyped variable", "there is no variable clutsers", given={"clutsers": CLUSTER}),
    Way("a variable of the scaffold", "byoc_is_recorded is set by", given={"byoc_is_recorded": False}),
    Way("a value of a wrong type", "lock_wait is 'soon'", given={"lock_wait": "soon"}),
    Way("--tags x", "--tags x would run a part of the tasks only", ("--tags", "x"), unplayed=True),
    Way("--skip-tags all", "--skip-tags all would run a part", ("--skip-tags", "all"), unplayed=True),
    Way(
        "--start-at-task",
        "--start-at-task 'Report' would run a part",
        ("--start-at-task", "Report"),
        unplayed=True,
    ),
)


def result(folder: Path) -> Path:
    """Where the result of a run is written."""
    return folder / "result.json"


def asked(playbook: str, way: Way, folder: Path, without: str = "") -> list[str]:
    """The arguments of a run that would do its work, were it not for the way that it is run in.

    :param without: a required variable that is left out.
    """
    values = {**_values(playbook, folder), **dict.fromkeys(_CREDENTIALS, str(folder / way.credential))}
    required = {each.name: values[each.name] for each in VARIABLES if playbook in each.required}
    taken = {each.name for each in VARIABLES if playbook in each.playbooks}
    meant = {
        "cluster" if name == "clusters" and playbook in ("remediate_node", NEW) else name: value
        for name, value in way.given.items()
    }
    given = {**required, **_MORE.get(playbook, lambda _folder: {})(folder), **meant, "result_file": str(result(folder))}
    given.pop(without, None)
    sources = [word for source in way.sources(folder) for word in ("-i", str(source))]
    assert taken or playbook == "operation", f"{playbook} has no variables declared"
    return [f"fireworks.byoc.{playbook}", *sources, "-e", json.dumps(given), *way.options]


REQUIRED = [
    (playbook, each.name) for each in VARIABLES for playbook in each.required if each.name not in ("to", "revision")
]
"""What a playbook cannot do without. Only the cluster knows what the last two may be, so it is asked first."""

_CREDENTIALS = ("admin_kubeconfig", "kubeconfig")
_MORE: dict[str, Callable[[Path], dict[str, Any]]] = {
    "retire_model": lambda _folder: {"confirm": "retire"},
    "support_bundle": lambda folder: {"node": "gpu-7", "bundle_dir": str(folder / "bundles")},
    "fleet_report": lambda folder: {"report_file": str(folder / "fleet.html")},
    "grant_setup_access": lambda folder: {
        "setup_kubeconfig": f"{folder}/{{{{ inventory_hostname }}}}.kubeconfig",
        "grant_until": "2h",
    },
}


def _values(playbook: str, folder: Path) -> dict[str, Any]:
    """A value of each variable that some playbook requires. One that is missing fails the test of a new playbook."""
    return {
        "clusters": "byoc",
        "cluster": CLUSTER,
        "node": "gpu-7",
        "requested_by": "sre@fireworks.example",
        "reason": "a test",
        "confirm": {"offboard": "offboard", "revocation_drill": "drill"}.get(playbook, ""),
        "release": "2026.12.0",
        "kubernetes": "1.37",
        "to": "2026.11.0",
        "model": "llama-3-1-8b",
        "revision": 1,
        "operation": "deploy_models",
        "digest": "0f3b1c2d4e5f",
        "approved_by": "change@acme.example",
        "grantee": "alice",
        "setup_grant": "setup-alice-test-20261124-1800",
        "credentials_dir": str(folder),
        "contract_file": str(folder / "new.yml"),
        "operator_kubeconfig": f"{folder}/{{{{ inventory_hostname }}}}-operator.kubeconfig",
    }
