# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every request for a token of an account in our namespaces: which are granted, and which layer refuses the others.

The answers land in build/token_requests.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.guardrails import guardrail_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.needs import CONNECTING, IDENTITIES
from byoc_testbed.api import Api
from tests.integration.ansible_runs import ROOT
from tests.integration.guarded import (
    ADMISSION,
    AUDIENCES,
    MISBOUND,
    MODELS,
    RBAC,
    RELEASE_REGISTRY,
    SYSTEM,
    Governed,
    governed,
    image,
    layer_of,
    pod,
    pod_spec,
    refusal,
    until,
)
from tests.integration.plays import AS_MODULE, connection_to, perform, run_tasks
from tests.unit.domain.agreed import contract as agreed

TABLE = ROOT / "build" / "token_requests.md"
LIMIT, HOUR, YEARS = 2 * 3600, 3600, 10 * 365 * 86400
CONTRACT = agreed(access={"token_lifetime": "2h"}, compliance={"registries": [RELEASE_REGISTRY]})
OTHER = "sts.cloud.example"
ADMIN, SETUP = "admin", "a setup grant"
HOMES = {
    each.name: "fireworks-system" if each.home == "fireworks-system" else "fireworks-models" for each in IDENTITIES
}
STRANGER = "stranger"
GRANT = "setup-alice-test-20261124-1800"


@dataclass(frozen=True)
class Request:
    """Who requests a token, for which account, for how many seconds, and for whom."""

    who: str
    account: str
    seconds: int
    audiences: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{HOMES.get(self.account, 'fireworks-system')}/serviceaccounts/{self.account}/token"

    @property
    def body(self) -> dict[str, Any]:
        return {
            "spec": {"expirationSeconds": self.seconds, **({"audiences": self.audiences} if self.audiences else {})}
        }

    @property
    def allowed(self) -> bool:
        """What the contract and the table of needs say, written down a second time."""
        if self.audiences not in ((), AUDIENCES) or self.account == STRANGER:
            return False
        if self.who == ADMIN:
            return self.seconds <= LIMIT
        if self.who == SETUP:
            return self.seconds <= HOUR and self.account in CONNECTING
        return self.who == "operator" and self.seconds <= LIMIT and self.account in CONNECTING


def requests() -> list[Request]:
    """Every identity, and two more, with every lifetime, audience and kind of account."""
    found = []
    for who in (*HOMES, ADMIN, SETUP):
        own = who if who in HOMES else "router"
        accounts = (own, "observer" if own == "operator" else "operator", STRANGER)
        lifetimes = (600, HOUR, HOUR + 1, LIMIT, LIMIT + 1, YEARS)
        audiences = ((), AUDIENCES, (OTHER,), (*AUDIENCES, OTHER))
        found += [Request(who, *each) for each in itertools.product(accounts, lifetimes, audiences)]
    return found


@pytest.fixture(scope="module")
def place(bed: Any) -> Iterator[Governed]:
    """A cluster that is governed, with an account in our namespace that the contract does not know."""
    with governed(bed["cedar"]) as made:
        made.govern(CONTRACT)
        made.cluster.request("POST", f"/api/v1{SYSTEM}/serviceaccounts", {"metadata": {"name": STRANGER}})
        yield made


@pytest.fixture(scope="module")
def setup(place: Governed) -> Iterator[Api]:
    """An account where setup grants are, whose role lets it request any token: only the guardrail holds it."""
    cluster, space = place.cluster, "/api/v1/namespaces/fireworks-setup"
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "fireworks-setup"}})
    cluster.request("POST", f"{space}/serviceaccounts", {"metadata": {"name": GRANT}})
    binding = {
        "metadata": {"name": GRANT},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": GRANT, "namespace": "fireworks-setup"}],
    }
    cluster.request("POST", f"{RBAC}/clusterrolebindings", binding)
    token = cluster.request("POST", f"{space}/serviceaccounts/{GRANT}/token", {"spec": {"expirationSeconds": 3600}})
    api = Api(cluster.server, cluster.ca_file, token["status"]["token"])
    yield api
    api.close()
    cluster.request("DELETE", f"{RBAC}/clusterrolebindings/{GRANT}")
    cluster.remove_namespaces("fireworks-setup")


def test_tokens_are_granted_as_the_contract_says_and_to_nobody_else(place: Governed, setup: Api) -> None:
    asked = requests()
    for who in HOMES:
        place.acting_as(who)

    def answer(each: Request) -> str:
        api = setup if each.who == SETUP else place.acting_as(each.who)
        return refusal(api, "POST", each.path, each.body, dry_run=False)

    with ThreadPoolExecutor(8) as workers:
        said = list(workers.map(answer, asked))
    _write(asked, said)
    wrong = [
        f"{each}: {refused or 'granted'}"
        for each, refused in zip(asked, said, strict=True)
        if each.allowed == bool(refused)
    ]
    assert not wrong, "\n".join(wrong)
    assert {each.who for each in asked if each.allowed} == {"operator", ADMIN, SETUP}
    by_policy = [refused for each, refused in zip(asked, said, strict=True) if each.who == ADMIN and refused]
    assert {layer_of(refused) for refused in by_policy} == {"admission policy"}


def _write(asked: list[Request], said: list[str]) -> None:
    TABLE.parent.mkdir(exist_ok=True)
    rows = [
        f"| {each.who} | {each.account} | {each.seconds} | {', '.join(each.audiences) or 'none named'} "
        f"| {layer_of(refused).replace('none', 'granted')} | {' '.join(refused.split()).replace('|', '')} |"
        for each, refused in zip(asked, said, strict=True)
    ]
    head = ["| as | account | seconds | audiences | granted, or refused by | message |", "|---|---|---|---|---|---|"]
    TABLE.write_text("\n".join([*head, *rows, ""]), encoding="utf-8")


def test_the_guardrail_holds_an_account_of_ours_that_was_bound_to_cluster_admin(place: Governed) -> None:
    api = place.acting_as(MISBOUND)
    for account, seconds, audiences in (("operator", 600, ()), ("operator", YEARS, ()), (STRANGER, 600, (OTHER,))):
        each = Request(MISBOUND, account, seconds, audiences)
        assert layer_of(refusal(api, "POST", each.path, each.body)) == "admission policy"


def test_a_refusal_names_what_is_allowed_and_the_key_of_the_contract(place: Governed) -> None:
    admin = place.acting_as(ADMIN)

    def said(account: str, seconds: int, *audiences: str) -> str:
        each = Request(ADMIN, account, seconds, audiences)
        return refusal(admin, "POST", each.path, each.body)

    assert f"at most {LIMIT} s (access.token_lifetime), not {YEARS} s" in said("operator", YEARS)
    assert f"only for the API server itself, {AUDIENCES[0]}, not for {OTHER}" in said("operator", 600, OTHER)
    assert "only for the accounts of the contract, and stranger is none" in said(STRANGER, 600)


def test_a_kubelets_request_for_its_pod_is_not_touched(place: Governed) -> None:
    """Ten years, an account of a pod: a kubelet is not held. Whom tokens of pods are for, their guardrails say."""
    node, cluster = place.cluster.nodes[0], place.cluster
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    volume = {"name": "token", "projected": {"sources": [token]}}
    made = pod("with-a-token", pod_spec(image(RELEASE_REGISTRY), nodeSelector={"no": "node"}, volumes=[volume]))
    uid = cluster.request("POST", f"/api/v1{MODELS}/pods", made)["metadata"]["uid"]
    binding = {"metadata": {"name": "with-a-token"}, "target": {"kind": "Node", "name": node}}
    cluster.request("POST", f"/api/v1{MODELS}/pods/with-a-token/binding", binding)
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "with-a-token", "uid": uid}
    body = {"spec": {"expirationSeconds": YEARS, "boundObjectRef": bound}}
    as_kubelet = {"Impersonate-User": f"system:node:{node}", "Impersonate-Group": "system:nodes"}
    path = f"/api/v1{MODELS}/serviceaccounts/engine/token"
    try:
        until(
            lambda: not refusal(cluster.api, "POST", path, body, headers=as_kubelet, dry_run=False),
            "the kubelet's request is refused",
            seconds=10,
        )
        assert "ValidatingAdmissionPolicy 'fireworks-tokens'" in refusal(cluster.api, "POST", path, body)
    finally:
        cluster.request("DELETE", f"/api/v1{MODELS}/pods/with-a-token?gracePeriodSeconds=0")


# -- whom tokens are for ---------------------------------------------------------------------------------------------


def test_whom_tokens_are_for_is_asked_of_the_api_server(place: Governed, tmp_path: Path) -> None:
    task: dict[str, Any] = {"fireworks.byoc.token_audience_info": {}}
    done = run_tasks(tmp_path, connection_to(place.cluster), task, {**task, **AS_MODULE}, flags=("--check",))
    for result in done.results:
        assert (result["audiences"], result["changed"]) == (list(AUDIENCES), False), done.output
    assert len(done.results) == 2
    assert "eyJ" not in done.output + str(done.results), "a token is shown"


def test_an_identity_that_may_not_ask_reads_it_from_the_prerequisites_or_its_own_token(place: Governed) -> None:
    cluster = place.cluster
    parent = f"/api/v1{SYSTEM}/configmaps"
    operator = cluster.kubeconfig_for_service_account("fireworks-system", "operator")
    connection = connection_to(cluster, kubeconfig_file=str(operator))
    assert perform(connection, "token_audience_info")["audiences"] == list(AUDIENCES)
    remembered = {"byoc.fireworks.ai/token-audiences": '["https://remembered.example"]'}
    cluster.request("POST", parent, {"metadata": {"name": "presetup", "annotations": remembered}})
    try:
        assert perform(connection, "token_audience_info")["audiences"] == ["https://remembered.example"]
    finally:
        cluster.request("DELETE", f"{parent}/presetup")


def test_prerequisites_made_without_knowing_it_let_no_token_be_issued_and_say_so(place: Governed) -> None:
    path = f"{ADMISSION}/validatingadmissionpolicies/fireworks-tokens"
    [blind] = [
        made
        for made in guardrail_objects(CONTRACT)
        if (made["kind"], made["metadata"]["name"]) == ("ValidatingAdmissionPolicy", "fireworks-tokens")
    ]
    each = Request(ADMIN, "operator", 600, ())
    place.cluster.request("PATCH", f"{path}?fieldManager=presetup&force=true", blind, "application/apply-patch+yaml")
    try:
        until(lambda: "No token is issued" in refusal(place.cluster.api, "POST", each.path, each.body), "it is")
    finally:
        place.govern(CONTRACT)
