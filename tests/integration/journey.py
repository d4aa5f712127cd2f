# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks run over fleets on the testbed, and what the clusters hold afterwards."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

from demo.contracts import H100, Contract, contract, write_fleet
from tests.integration.ansible_runs import run_playbook

PROVIDERS = {"acme": "aws", "birch": "bare_metal", "cedar": "gcp"}
# The testbed's pods are simulated: nothing answers there.
# Where the records end: it moves with every operation, whether that changes anything or not.
LOGS = ("operation-records",)
NO_REQUESTS = ("-e", "validate_http_request=false")
NO_BAKE = ("-e", "model_bake=0")


def agreed(cluster: Any, name: str = "", **more: Any) -> Contract:
    """A contract about a testbed cluster, for 16 GPUs unless said otherwise; its models change without approval."""
    given = {"uid": cluster.uid, "kubeconfig": cluster.kubeconfig, "region": "here", "gpus": {H100: 16}, **more}
    made = contract(name or f"{cluster.name}-eu-1", provider=PROVIDERS[cluster.name], **given)
    made["change"] = {"approvals": {"model_change": "none", "sources": ["cluster", "file"]}}
    return made


def without_approvals() -> dict[str, Any]:
    """A contract's section for tests in which no change needs an approval."""
    return {"approvals": {"stack_upgrade": "none", "model_change": "none"}}


def hardened(cluster: Any, kubeconfig: Any = None, **more: Any) -> Contract:
    """The same, in hardened mode: by default with the administrator's credential."""
    made = agreed(cluster, kubeconfig=kubeconfig or cluster.kubeconfig, **more)
    made["access"]["mode"] = "hardened"
    return made


def as_admin(cluster: Any) -> tuple[str, ...]:
    """The option by which the customer's administrator runs a playbook."""
    return ("-e", f"admin_kubeconfig={cluster.kubeconfig}")


def unreachable(contract: Contract, cluster: Any, folder: Path) -> Contract:
    """The contract with a credential that leads to where nobody listens."""
    away = cluster.kubeconfig_with(folder / "away.kubeconfig", server="https://127.0.0.1:1")
    contract["access"]["credential"] = {"kubeconfig_file": str(away)}
    return contract


def play(
    name: str, folder: Path, contracts: Iterable[Contract], *options: str, clusters: str = "byoc"
) -> subprocess.CompletedProcess[str]:
    """Run ``fireworks.byoc.<name>`` over a fleet."""
    done = run_playbook(*command(name, folder, contracts, *options, clusters=clusters))
    assert "Traceback" not in done.stdout, done.stdout
    warnings = [each for each in done.stdout.splitlines() if "[WARNING]" in each]
    # Whoever comes after a run that was killed is told so.
    assert all("the lock of" in each and "had expired" in each for each in warnings), done.stdout
    assert "[DEPRECATION" not in done.stdout, done.stdout
    return done


def command(
    name: str, folder: Path, contracts: Iterable[Contract], *options: str, clusters: str = "byoc"
) -> tuple[str, ...]:
    """The arguments by which ``ansible-playbook`` does that."""
    chosen = ("-e", f"clusters={clusters}") if clusters else ()
    return (f"fireworks.byoc.{name}", "-i", str(write_fleet(folder, contracts)), *chosen, *options)


def onboard(folder: Path, *contracts: Contract, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return play("onboard", folder, contracts, *NO_REQUESTS, *NO_BAKE, *options)


def offboard(folder: Path, *contracts: Contract, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return play("offboard", folder, contracts, "-e", "confirm=offboard", *options)


def line(done: subprocess.CompletedProcess[str], cluster: str, word: str = "") -> str:
    """The last line about a cluster, in a table or the summary: its name, and a gap. Its result is in small letters."""
    only_table = re.search(r"^(STATUS|HEALTH) ", done.stdout, re.MULTILINE)  # their table has more than their summary
    about = re.compile(rf"{'' if only_table else '(?:[A-Z]+ )*(?:  [✔✘…] )?'}{re.escape(cluster)}  ")
    head = re.compile(r"   [A-Z][A-Z ]+(?: after|$)")
    found = [
        head.sub(lambda result: result.group().lower(), each)
        for each in done.stdout.splitlines()
        if about.match(each) and word in each and not (only_table and head.search(each))
    ]
    found = [each for each in found if "ok=" not in each]
    assert found, done.stdout
    return found[-1]


def ending(done: subprocess.CompletedProcess[str]) -> str:
    """The summary of a run, with what Ansible says after it: from the first line about a cluster."""
    told = done.stdout.rpartition("TASK [Show how it ended]")[2]
    head = re.search(r"^(?:  [✔✘…] \S+ +|[A-Z]+(?: [A-Z]+)* \S+(?: clusters)?   )", told, re.MULTILINE)
    assert head, done.stdout
    return told[head.start() :]


def changes(done: subprocess.CompletedProcess[str], cluster: str) -> int:
    """How many objects the summary says were written, or would be."""
    lines, about = done.stdout.splitlines(), line(done, cluster).lower()
    at = max(number for number, each in enumerate(lines) if each.lower() == about)
    # It wraps where it is long.
    more = takewhile(lambda each: not re.match(r"\s*$|  [✔✘…·FA]", each), lines[at + 1 :])
    deeds = r"(\d+) (?:objects? )?(?:would be )?(?:created|recreated|updated|deleted|evicted|given)"
    return sum(map(int, re.findall(deeds, " ".join(" ".join([lines[at], *more]).split()))))


@contextmanager
def bare(cluster: Any, folder: Path) -> Iterator[Any]:
    """A cluster on which nothing of ours is, before and after."""
    assert (left := ours(cluster)) == {}, f"left by another test: {sorted(left)}"
    try:
        yield cluster
    finally:
        wipe(cluster)


def wipe(cluster: Any) -> None:
    """Remove everything of ours as the administrator of a testbed can: at once. Offboarding has tests of its own."""
    # What guards goes first: it would have a say in what is removed after it.
    for path in sorted(_KINDS, key=lambda path: "admissionregistration" not in path):
        for item in cluster.request("GET", path + _OURS)["items"]:
            name, namespace = item["metadata"]["name"], item["metadata"].get("namespace", "")
            if namespace in _NAMESPACES or path == "/api/v1/namespaces":
                continue  # it goes with its namespace
            group, _slash, plural = path.rpartition("/")
            place = f"{group}/namespaces/{namespace}/{plural}" if namespace else path
            cluster.request("DELETE", f"{place}/{name}")
    cluster.remove_namespaces(*_NAMESPACES)
    deadline = time.monotonic() + 60
    while left := _left(cluster):
        assert time.monotonic() < deadline, f"after 60 s still there: {sorted(left)}"
        time.sleep(0.1)


def _left(cluster: Any) -> set[str]:
    """The namespaces of ours that are there, with or without our label, and any object of ours."""
    there = {item["metadata"]["name"] for item in cluster.request("GET", "/api/v1/namespaces")["items"]}
    return there & _NAMESPACES or set(ours(cluster))


_NAMESPACES = {"fireworks-system", "fireworks-models", "fireworks-setup"}
_OURS = "?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dfireworks-byoc"
_KINDS = (
    "/api/v1/namespaces",
    "/api/v1/configmaps",
    "/api/v1/services",
    "/api/v1/serviceaccounts",
    "/api/v1/resourcequotas",
    "/api/v1/limitranges",
    "/api/v1/persistentvolumeclaims",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/controllerrevisions",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
)


def ours(cluster: Any, as_read: Callable[[str], str] = str) -> dict[str, str]:
    """Every object of ours by its place, with a digest of what was asked for (not of what the cluster did with it).

    :param as_read: what is done with each text first, such as to leave out a time.
    """
    found = {}
    for path in _KINDS:
        for item in cluster.request("GET", path + _OURS)["items"]:
            metadata = item["metadata"]
            if metadata["name"] in LOGS:
                continue
            wanted = {key: value for key, value in item.items() if key not in ("metadata", "status")}
            wanted["labels"] = metadata.get("labels")
            for assigned in ("clusterIP", "clusterIPs"):
                wanted.get("spec", {}).pop(assigned, None)
            text = as_read(json.dumps(wanted, sort_keys=True))
            place = as_read(f"{path} {metadata.get('namespace', '')}/{metadata['name']}")
            found[place] = hashlib.sha256(text.encode()).hexdigest()
    return found


def versions(cluster: Any) -> dict[str, str]:
    """The resource version of each of our objects that no controller touches: it changes with every write."""
    found = {}
    for path in _KINDS:
        if "deployments" in path or "quotas" in path or "budgets" in path:
            continue
        for item in cluster.request("GET", path)["items"]:
            if item["metadata"]["name"] in LOGS:
                continue
            if (item["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == "fireworks-byoc":
                found[item["metadata"]["uid"]] = item["metadata"]["resourceVersion"]
    return found
