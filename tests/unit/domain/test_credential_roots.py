# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contracts of a customer may refer to: a table of who refers to what, and what is said of it."""

from __future__ import annotations

import copy
import json
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.errors import report
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.credentials import (
    exec_plugins_of,
    outside,
    roots_of,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.credentials.patterns import is_too_wide, matches

VAULT = "community.hashi_vault.vault_kv2_get"
LINKS = {"/byoc/acme/link": "/byoc/globex/kc", "/byoc/acme/folder/kc": "/byoc/globex/kc", "~/acme/kc": "/byoc/acme/kc"}
ROOTS: dict[str, Any] = {
    "acme": {
        "contracts": ["acme-*.yml"],
        "directories": ["/byoc/acme"],
        "environment": ["ACME_*"],
        "servers": ["https://api.acme.example:6443"],
        "lookups": [{"plugin": VAULT, "terms": ["byoc/acme/*"], "options": {"engine_mount_point": ["kv"]}}],
    },
    "globex": {"contracts": ["globex-*.yml"], "directories": ["/byoc/globex"], "environment": ["GLOBEX_*"]},
}


def real(path: str) -> str:
    """As the file system would: ways up and links."""
    parts: list[str] = []
    for part in PurePosixPath(LINKS.get(path, path)).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(PurePosixPath(*parts))


def contract(credential: dict[str, Any], customer: str = "acme", **access: Any) -> dict[str, Any]:
    identity = {"name": f"{customer}-1", "uid": "u", "customer": customer}
    return {"identity": identity, "access": {"credential": credential, **access}}


def lookup(*terms: str, gives: str = "kubeconfig", plugin: str = VAULT, **options: Any) -> dict[str, Any]:
    return {"lookup": {"plugin": plugin, "terms": list(terms), "options": options, "gives": gives}}


def said(contracts: dict[str, Any], options: Any = None) -> dict[str, dict[str, str]]:
    """What is said of each file, by place."""
    roots = roots_of(copy.deepcopy(ROOTS if options is None else options), real)
    files = {f"/fleet/clusters/{name}": each for name, each in contracts.items()}
    found = outside(files, roots, real=real, source="fleet.byoc.yml")
    return {PurePosixPath(path).name: {one.where: one.message for one in problems} for path, problems in found.items()}


def token(**credential: str) -> dict[str, Any]:
    return contract(credential, server="https://api.acme.example:6443", ca_cert="PEM")


@pytest.mark.parametrize(
    "made",
    [
        contract({"kubeconfig_file": "/byoc/acme/kc"}),
        contract({"kubeconfig_file": "/byoc/acme/deeper/kc"}, context="any"),
        contract({"kubeconfig_file": "../../byoc/acme/kc"}),
        contract({"kubeconfig_file": "~/acme/kc"}),
        contract({"kubeconfig_env": "ACME_KUBECONFIG"}),
        token(token_env="ACME_TOKEN"),
        token(token_file="/byoc/acme/token"),
        contract({"token_env": "ACME_T"}, server="https://api.acme.example:6443", ca_file="/byoc/acme/ca.pem"),
        contract(lookup("byoc/acme/eu-1")),
        contract(lookup("byoc/acme/eu-1", engine_mount_point="kv")),
    ],
    ids=lambda made: json.dumps(made["access"]),
)
def test_what_is_the_customers_may_be_used(made: dict[str, Any]) -> None:
    assert said({"acme-eu-1.yml": made}) == {}


@pytest.mark.parametrize(
    ("made", "where", "line"),
    [
        (
            contract({"kubeconfig_file": "/byoc/globex/kc"}),
            "credential.kubeconfig_file",
            'directories: ["/byoc/globex"]',
        ),
        (contract({"kubeconfig_file": "/byoc/acme2/kc"}), "credential.kubeconfig_file", 'directories: ["/byoc/acme2"]'),
        (contract({"kubeconfig_file": "/byoc/acme"}), "credential.kubeconfig_file", 'directories: ["/byoc"]'),
        (contract({"kubeconfig_file": "/byoc/acme/../globex/kc"}), "credential.kubeconfig_file", '["/byoc/globex"]'),
        (contract({"kubeconfig_file": "/byoc/acme/link"}), "credential.kubeconfig_file", '["/byoc/globex"]'),
        (contract({"kubeconfig_file": "/byoc/acme/folder/kc"}), "credential.kubeconfig_file", '["/byoc/globex"]'),
        (contract({"kubeconfig_file": "~globex/kc"}), "credential.kubeconfig_file", "directories:"),
        (contract({"kubeconfig_file": "kc"}), "credential.kubeconfig_file", 'directories: ["/fleet/clusters"]'),
        (token(token_file="/byoc/globex/token"), "credential.token_file", 'directories: ["/byoc/globex"]'),
        (
            contract({"token_env": "ACME_T"}, server="https://api.acme.example:6443", ca_file="/etc/ca.pem"),
            "ca_file",
            'directories: ["/etc"]',
        ),
        (contract({"kubeconfig_env": "GLOBEX_KUBECONFIG"}), "credential.kubeconfig_env", '["GLOBEX_KUBECONFIG"]'),
        (contract({"kubeconfig_env": "AACME_X"}), "credential.kubeconfig_env", 'environment: ["AACME_X"]'),
        (token(token_env="acme_token"), "credential.token_env", 'environment: ["acme_token"]'),
        (
            contract({"token_env": "ACME_T"}, server="https://evil.example", ca_cert="PEM"),
            "server",
            'servers: ["https://evil.example"]',
        ),
        (
            contract({"token_env": "ACME_T"}, server="https://api.acme.example:6443.evil.example", ca_cert="PEM"),
            "server",
            "servers:",
        ),
        (contract(lookup("byoc/globex/eu-1")), "credential.lookup", f'lookups: [{{"plugin": "{VAULT}", "terms"'),
        (contract(lookup("byoc/acme/../globex")), "credential.lookup", "lookups:"),
        (contract(lookup("byoc/acme/..")), "credential.lookup", "lookups:"),
        (contract(lookup("byoc/acme/x/y")), "credential.lookup", "lookups:"),
        (contract(lookup("byoc/acme/%2e%2e%2fglobex")), "credential.lookup", "lookups:"),
        (contract(lookup("byoc/acme/x url=evil.example")), "credential.lookup", "lookups:"),
        (contract(lookup("byoc/acme/x", "byoc/globex/x")), "credential.lookup", "lookups:"),
        (contract(lookup("byoc/acme/x", url="https://evil.example")), "credential.lookup", '"options": {"url":'),
        (contract(lookup("byoc/acme/x", engine_mount_point="globex")), "credential.lookup", '"engine_mount_point":'),
        (contract(lookup("byoc/acme/x", validate_certs=False)), "credential.lookup", '"validate_certs":'),
        (contract(lookup("id", plugin="ansible.builtin.pipe")), "credential.lookup", '"ansible.builtin.pipe"'),
    ],
    ids=lambda it: json.dumps(it["access"]) if isinstance(it, dict) else "",
)
def test_what_is_not_the_customers_is_refused_with_the_line_to_add(made: dict[str, Any], where: str, line: str) -> None:
    problems = said({"acme-eu-1.yml": made})["acme-eu-1.yml"]
    assert list(problems) == [f"access.{where}"]
    head, _newline, added = problems[f"access.{where}"].partition(":\n")
    assert head.endswith("If intended, add to fleet.byoc.yml")
    assert line in added
    assert list(yaml.safe_load(added)["credential_roots"]) == ["acme"]


@pytest.mark.parametrize(
    "made",
    [
        contract({"kubeconfig_file": "/byoc/globex/kc"}),
        contract({"kubeconfig_env": "GLOBEX_KUBECONFIG"}, context="acme"),
        contract({"token_env": "T"}, server="https://evil.example", ca_file="/etc/ca.pem"),
        contract({"token_file": "/run/t"}, server="https://evil.example", ca_file="/etc/ca.pem"),
    ],
    ids=lambda made: json.dumps(made["access"]),
)
def test_a_customer_that_was_given_nothing_is_refused_and_the_lines_to_add_are_enough(made: dict[str, Any]) -> None:
    problems = said({"acme-eu-1.yml": made}, {})["acme-eu-1.yml"]
    assert list(problems) == ["identity.customer"]
    _head, _newline, added = problems["identity.customer"].partition(":\n")
    assert said({"acme-eu-1.yml": made}, yaml.safe_load(added)["credential_roots"]) == {}


def test_what_a_lookup_looks_up_is_never_shown() -> None:
    made = {"acme-eu-1.yml": contract(lookup("s3cr3t-term", role_id="s3cr3t-option"))}
    assert "s3cr3t" not in json.dumps([said(made), said(made, {})])


def test_a_contract_cannot_say_that_it_is_another_customers() -> None:
    made = contract({"kubeconfig_file": "/byoc/acme/kc"})
    problems = said({"globex-fra-1.yml": made})["globex-fra-1.yml"]
    assert list(problems) == ["identity.customer"]
    assert 'contracts: ["globex-fra-1.yml"]' in problems["identity.customer"]


def test_a_file_that_may_be_of_two_customers_is_nobodys() -> None:
    roots = {**ROOTS, "initech": {"contracts": ["*-1.yml"]}}
    found = said({"acme-1.yml": contract({"kubeconfig_env": "ACME_A"})}, roots)
    assert "this file may be a contract of initech too" in found["acme-1.yml"]["identity.customer"]


def test_who_may_not_refer_to_a_credential_takes_it_from_nobody() -> None:
    mine, theirs = contract({"kubeconfig_env": "ACME_K"}), contract({"kubeconfig_env": "ACME_K"}, "globex")
    assert list(said({"acme-1.yml": mine, "globex-1.yml": theirs})) == ["globex-1.yml"]
    assert list(said({"acme-1.yml": mine, "evil-1.yml": contract({"kubeconfig_env": "ACME_K"}, "evil")})) == [
        "evil-1.yml"
    ]


SHARED = {
    "acme": {"contracts": ["acme-*.yml"], "environment": ["FLEET"], "contexts": ["acme-*"]},
    "globex": {"contracts": ["globex-*.yml"], "environment": ["FLEET"], "contexts": ["globex-*"]},
}


def fleet(acme: str | None = "acme-eu-1", globex: str | None = "globex-fra-1", **credential: Any) -> dict[str, Any]:
    """Two customers' contracts with the same credential, and a context each."""
    given = credential or {"kubeconfig_env": "FLEET"}
    contexts = {"acme": acme, "globex": globex}
    return {
        f"{name}-1.yml": contract(given, name, **({"context": context} if context else {}))
        for name, context in contexts.items()
    }


def test_one_credential_with_many_contexts_is_shared_by_giving_each_customer_theirs() -> None:
    assert said(fleet(), SHARED) == {}


def test_a_context_of_another_customer_is_refused() -> None:
    found = said(fleet(acme="globex-fra-1"), SHARED)
    assert list(found) == ["acme-1.yml"]
    assert 'contexts: ["globex-fra-1"]' in found["acme-1.yml"]["access.context"]


def test_where_contexts_are_set_the_current_one_is_nobodys() -> None:
    found = said(fleet(acme=None), SHARED)
    assert found == {"acme-1.yml": {"access.context": "is missing: it is one of those of 'acme' (acme-*)"}}


@pytest.mark.parametrize("credential", [{"kubeconfig_env": "FLEET"}, {"kubeconfig_file": "/shared/kc"}, lookup("x")])
def test_a_shared_credential_without_contexts_is_refused(credential: dict[str, Any]) -> None:
    whole = {"environment": ["FLEET"], "directories": ["/shared"], "lookups": [{"plugin": VAULT, "terms": ["x"]}]}
    roots = {name: {"contracts": [f"{name}-1.yml"], **whole} for name in ("acme", "globex")}
    found = said(fleet(**credential), roots)
    assert sorted(found) == ["acme-1.yml", "globex-1.yml"]
    [message] = found["acme-1.yml"].values()
    assert "contracts of globex refer to it too" in message and 'contexts: ["acme-eu-1"]' in message


def test_a_token_of_two_customers_is_refused_and_there_is_no_line_that_allows_it() -> None:
    roots = {
        name: {"contracts": [f"{name}-1.yml"], "environment": ["T"], "servers": ["https://a"]}
        for name in ("acme", "globex")
    }
    files = {f"{name}-1.yml": contract({"token_env": "T"}, name, server="https://a", ca_cert="P") for name in roots}
    found = said(files, roots)
    assert sorted(found) == ["acme-1.yml", "globex-1.yml"]
    for problems in found.values():
        [message] = problems.values()
        assert "a token is for one server" in message and "add to" not in message


def test_two_contracts_of_one_customer_may_share_a_credential() -> None:
    made = contract({"kubeconfig_file": "/byoc/acme/kc"})
    assert said({"acme-1.yml": made, "acme-2.yml": made}) == {}


def test_who_runs_the_fleet_is_asked_and_not_the_customer() -> None:
    files = {"/c/acme-1.yml": contract({"kubeconfig_env": "X"})}
    [problems] = outside(files, {}, real=real, source="fleet.byoc.yml").values()
    head = report(problems).splitlines()[0]
    assert head == (
        "/c/acme-1.yml: 1 problem. Whoever operates the fleet decides whether to allow it; nothing is done on its "
        "cluster until then."
    )


@pytest.mark.parametrize(
    ("pattern", "text", "matched"),
    [
        ("ACME_*", "ACME_KUBECONFIG", True),
        ("ACME_*", "ACME_", True),
        ("ACME_*", "XACME_A", False),
        ("byoc/acme/*", "byoc/acme/eu-1.kubeconfig", True),
        ("byoc/acme/*", "byoc/acme/a/b", False),
        ("byoc/acme/**", "byoc/acme/a/b", False),
        ("byoc/acme/*/*", "byoc/acme/../globex", False),
        ("byoc/acme/*", "byoc/acme/.", False),
        ("byoc/acme/*", "byoc/acme/x token=y", False),
        ("byoc/acme/*", "byoc/acme/x:y", False),
        ("byoc/acme/*", "byoc/acme/x\n", False),
        ("arn:aws:eks:eu:1:cluster/acme-*", "arn:aws:eks:eu:1:cluster/acme-eu", True),
        ("admin@acme", "admin@acme", True),
        ("a?c", "abc", False),
        ("[a]", "a", False),
        ("a b ../c", "a b ../c", True),
    ],
)
def test_a_pattern_matches_what_its_author_sees_in_it(pattern: str, text: str, matched: bool) -> None:
    assert matches([pattern], text) is matched


def test_a_pattern_without_a_letter_names_nobodys() -> None:
    assert [each for each in ("*", "**", "_*", "*/*", "a*", "*1") if is_too_wide(each)] == ["*", "**", "_*", "*/*"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "credential_roots is not a mapping of names"),
        ({"acme": []}, "credential_roots.acme is not a mapping of names"),
        ({"acme": {"contracts": "acme.yml"}}, "credential_roots.acme.contracts is not a list of texts"),
        ({"acme": {"contracts": [""]}}, "credential_roots.acme.contracts is not a list of texts"),
        ({"acme": {"environment": ["*"]}}, "credential_roots.acme.environment has the pattern '*'"),
        ({"acme": {"contexts": ["*"]}}, "credential_roots.acme.contexts has the pattern '*'"),
        ({"acme": {"files": []}}, "credential_roots.acme has files, which is unknown: known are contexts, contracts"),
        ({"acme": {"lookups": {}}}, "credential_roots.acme.lookups is not a list"),
        ({"acme": {"lookups": [{"terms": []}]}}, "credential_roots.acme.lookups[0].plugin is not a list of texts"),
        ({"acme": {"lookups": [{"plugin": "a", "terms": ["*"]}]}}, "lookups[0] has the pattern '*'"),
        ({"acme": {"lookups": [{"plugin": "a", "options": ["url"]}]}}, "options is not a mapping"),
        ({"acme": {"lookups": [{"plugin": "a", "options": {"url": ["*"]}}]}}, "lookups[0] has the pattern '*'"),
    ],
)
def test_an_option_that_is_wrong_is_one_message_with_its_place(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match="credential_roots") as caught:
        roots_of(options, real)
    assert message in str(caught.value)


def test_the_commands_of_kubeconfigs_have_lists_of_variables() -> None:
    assert exec_plugins_of({"aws": ["AWS_PROFILE"], "/opt/get-token": None}) == {
        "aws": ["AWS_PROFILE"],
        "/opt/get-token": [],
    }
    for wrong in ([], {"aws": "AWS_PROFILE"}, {"aws": [1]}):
        with pytest.raises(ValueError, match="exec_plugins"):
            exec_plugins_of(wrong)
