# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contracts that try to draw a credential of ours to a server of their author's. It hears all that arrives there."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.contracts import H100, Contract, contract
from tests.integration.ansible_runs import ansible_environment, run_inventory, run_playbook
from tests.integration.listening import Listener, listening

#: Our credentials for the clusters of the customer that is robbed, and what else lies about on the controller.
VICTIMS = ("acme-token-in-a-file", "acme-token-in-a-variable", "acme-token-in-a-kubeconfig", "acme-token-of-a-lookup")
#: What the robber's own contracts may use: it arrives, so the robber's server does hear.
OWN = "globex-own-token"


@dataclass(frozen=True)
class Place:
    """The controller: a folder for each customer, and the servers of both."""

    folder: Path
    acme: Listener
    globex: Listener

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def token_at_globex(self, **credential: str) -> dict[str, Any]:
        """A token that is to be sent to the robber's server, which its own authority vouches for."""
        return {"credential": credential, "server": self.globex.server, "ca_file": self.path("globex/ca.crt")}


@dataclass(frozen=True)
class Attempt:
    """One hostile contract: what it says of its access, and what is said of it."""

    name: str
    access: Callable[[Place], dict[str, Any]]
    said: str
    identity: dict[str, str] = field(default_factory=dict)


ATTEMPTS = (
    Attempt(
        "a server instead of a kubeconfig's",
        lambda at: {"credential": {"kubeconfig_file": at.path("globex/kc")}, "server": at.globex.server},
        "access.server: belongs to a token",
    ),
    Attempt(
        "a proxy in front of a kubeconfig's server, with an authority of its own",
        lambda at: {
            "credential": {"kubeconfig_file": at.path("globex/kc")},
            "proxy_url": at.globex.proxy,
            "ca_file": at.path("globex/ca.crt"),
        },
        "access.proxy_url: belongs to a token",
    ),
    Attempt(
        "another customer's kubeconfig",
        lambda at: {"credential": {"kubeconfig_file": at.path("acme/kc")}},
        "access.credential.kubeconfig_file: is not among the credentials of 'globex'",
    ),
    Attempt(
        "another customer's token file",
        lambda at: at.token_at_globex(token_file=at.path("acme/token")),
        "access.credential.token_file: is not among the credentials of 'globex'",
    ),
    Attempt(
        "a way up to it",
        lambda at: at.token_at_globex(token_file=at.path("globex/../acme/token")),
        "access.credential.token_file: is not among the credentials of 'globex'",
    ),
    Attempt(
        "a link to it",
        lambda at: at.token_at_globex(token_file=at.path("globex/link")),
        "access.credential.token_file: is not among the credentials of 'globex'",
    ),
    Attempt(
        "another customer's environment variable",
        lambda at: at.token_at_globex(token_env="ACME_TOKEN"),
        "access.credential.token_env: is not among the credentials of 'globex'",
    ),
    Attempt(
        "another customer's name",
        lambda at: at.token_at_globex(token_env="ACME_TOKEN"),
        "identity.customer: the fleet's owner has not said that this file may be a contract of 'acme'",
        identity={"customer": "acme"},
    ),
    Attempt(
        "another customer's term of an allowed lookup",
        lambda at: {
            **at.token_at_globex(),
            "credential": {"lookup": {"plugin": "ansible.builtin.env", "terms": ["ACME_LOOKUP"], "gives": "token"}},
        },
        "access.credential.lookup: is not among the credentials of 'globex'",
    ),
    Attempt(
        "an option of an allowed lookup",
        lambda at: {
            **at.token_at_globex(),
            "credential": {
                "lookup": {
                    "plugin": "ansible.builtin.env",
                    "terms": ["GLOBEX_NONE"],
                    "options": {"default": "x", "url": at.globex.server},
                    "gives": "token",
                }
            },
        },
        "access.credential.lookup: is not among the credentials of 'globex'",
    ),
    Attempt(
        "a kubeconfig of its own that names another customer's file",
        lambda at: {"credential": {"kubeconfig_file": at.path("globex/reading")}},
        "the kubeconfig's `tokenFile` is",
    ),
    Attempt(
        "a kubeconfig of its own that runs a command",
        lambda at: {"credential": {"kubeconfig_file": at.path("globex/running")}},
        "which is not listed in the fleet's `exec_plugins`",
    ),
    Attempt(
        "a kubeconfig of its own that sets where a listed command is found",
        lambda at: {"credential": {"kubeconfig_file": at.path("globex/misleading")}},
        "the kubeconfig sets PATH for the command 'get-token', which is not listed for it",
    ),
    Attempt(
        "a variable in the name of a file, so that the message shows what is in it",
        lambda at: at.token_at_globex(token_file=at.path("globex/$ACME_TOKEN")),
        "globex/$ACME_TOKEN: No such file",
    ),
    Attempt(
        "one whose value leads up",
        lambda at: at.token_at_globex(token_file=at.path("globex/${UP}/acme/token")),
        "globex/${UP}/acme/token: No such file",
    ),
    Attempt(
        "one in the name of an authority's file",
        lambda at: {**at.token_at_globex(token_env="GLOBEX_TOKEN"), "ca_file": at.path("globex/$ACME_TOKEN")},
        "cannot read `ca_file`",
    ),
    Attempt(
        "a folder that is a link",
        lambda at: {"credential": {"kubeconfig_file": at.path("globex/folder/kc")}},
        "access.credential.kubeconfig_file: is not among the credentials of 'globex'",
    ),
    Attempt(
        "a file that is reached through the process itself",
        lambda at: at.token_at_globex(token_file=f"/proc/self/root{at.path('acme/token')}"),
        "access.credential.token_file: is not among the credentials of 'globex'",
    ),
    Attempt(
        "all variables of the process",
        lambda at: at.token_at_globex(token_file="/proc/self/environ"),
        "access.credential.token_file: is not among the credentials of 'globex'",
    ),
    Attempt(
        "a pipe to which nobody writes",
        lambda at: {"credential": {"kubeconfig_file": at.path("globex/pipe")}},
        "globex/pipe: it is no regular file",
    ),
    Attempt(
        "a kubeconfig of its own with a pipe for a token",
        lambda at: {"credential": {"kubeconfig_file": at.path("globex/piping")}},
        "globex/pipe: it is no regular file",
    ),
    Attempt(
        "a context that is an expression",
        lambda at: {
            "credential": {"kubeconfig_file": at.path("globex/kc")},
            "context": "{{ lookup('ansible.builtin.env', 'ACME_TOKEN') }}",
        },
        "has no context named \"{{ lookup('ansible.builtin.env', 'ACME_TOKEN') }}\"",
    ),
    Attempt(
        "a variable whose name is an expression",
        lambda at: at.token_at_globex(token_env="{{ lookup('ansible.builtin.env', 'ACME_TOKEN') }}"),
        "access.credential.token_env: the value (not shown) cannot be used here",
    ),
    Attempt(
        "an address with a slash more than the one that is allowed",
        lambda at: {**at.token_at_globex(token_env="GLOBEX_TOKEN"), "server": f"{at.globex.server}/"},
        "access.server: no token of 'globex' may be sent there",
    ),
    Attempt(
        "another customer's name, written with letters that only look like it",
        lambda at: at.token_at_globex(token_env="ACME_TOKEN"),
        "identity.customer: '\u0430cme' cannot be used here",
        identity={"customer": "\u0430cme"},
    ),
    Attempt(
        "a term of an allowed lookup that goes on in another line",
        lambda at: {
            **at.token_at_globex(),
            "credential": {
                "lookup": {"plugin": "ansible.builtin.env", "terms": ["GLOBEX_X\nACME_LOOKUP"], "gives": "token"}
            },
        },
        "access.credential.lookup.terms[0]: the value (not shown) cannot be used here",
    ),
    Attempt(
        "a kubeconfig of its own whose token is said to be a number",
        lambda at: {"credential": {"kubeconfig_file": at.path("globex/numbered")}},
        "the kubeconfig is not YAML",
    ),
    Attempt(
        "a kubeconfig of its own whose authority is another customer's file",
        lambda at: {"credential": {"kubeconfig_file": at.path("globex/trusting")}},
        "the kubeconfig's `certificate-authority` is",
    ),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("controller")
    with listening(folder, "of-acme") as acme, listening(folder, "of-globex") as globex:
        yield furnished(Place(folder, acme, globex))


def furnished(at: Place) -> Place:
    """Credentials of both customers, and two commands that give away what they find."""
    for name, listener in (("acme", at.acme), ("globex", at.globex)):
        (at.folder / name).mkdir()
        (at.folder / name / "ca.crt").write_bytes(listener.ca_file.read_bytes())
    (at.folder / "acme" / "token").write_text(VICTIMS[0])
    (at.folder / "globex" / "link").symlink_to(at.folder / "acme" / "token")
    (at.folder / "globex" / "folder").symlink_to(at.folder / "acme")
    os.mkfifo(at.folder / "globex" / "pipe")
    (at.folder / "globex" / "numbered").write_text(f"users: [{{name: a, user: {{token: !!int {VICTIMS[2]}}}}}]")
    kubeconfig(at, "globex/piping", at.globex, {"tokenFile": at.path("globex/pipe")})
    kubeconfig(at, "globex/trusting", at.globex, {"token": OWN}, **{"certificate-authority": "../acme/token"})
    kubeconfig(at, "acme/kc", at.acme, {"token": VICTIMS[2]})
    kubeconfig(at, "globex/kc", at.acme, {"token": VICTIMS[2]})  # one that is ours, for the server it says
    kubeconfig(at, "globex/reading", at.globex, {"tokenFile": at.path("acme/token")})
    for folder in ("globex", "bin"):
        command(at.folder / folder / "get-token", at.path("acme/token"))
    version = "client.authentication.k8s.io/v1"
    run = {"command": at.path("globex/get-token"), "apiVersion": version}
    kubeconfig(at, "globex/running", at.globex, {"exec": run})
    path = [{"name": "PATH", "value": at.path("globex")}]
    kubeconfig(at, "globex/misleading", at.globex, {"exec": {**run, "command": "get-token", "env": path}})
    return at


def command(path: Path, file: str) -> None:
    path.parent.mkdir(exist_ok=True)
    answer = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}'
    path.write_text(f"#!/bin/sh\nprintf '{answer}' \"$(cat {file})\"\n")
    path.chmod(stat.S_IRWXU)


def kubeconfig(at: Place, name: str, listener: Listener, user: dict[str, Any], **trust: str) -> None:
    authority = base64.b64encode(listener.ca_file.read_bytes()).decode()
    config = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [
            {
                "name": "a",
                "cluster": {"server": listener.server, **(trust or {"certificate-authority-data": authority})},
            }
        ],
        "users": [{"name": "a", "user": user}],
    }
    (at.folder / name).write_text(yaml.safe_dump(config))


def agreed(at: Place, name: str, number: int, access: dict[str, Any], **identity: str) -> Contract:
    made = contract(
        name,
        uid=f"00000000-0000-4000-8000-{number:012}",
        kubeconfig=at.folder,
        provider="aws",
        region="here",
        gpus={H100: 8},
    )
    made["access"], made["identity"] = {"mode": "standard", **access}, {**made["identity"], **identity}
    return made


def options(at: Place) -> dict[str, Any]:
    """What a careful owner of the fleet allows each customer."""
    lookup = {"plugin": "ansible.builtin.env", "terms": ["GLOBEX_*"]}
    roots = {
        "acme": {
            "contracts": ["acme-*.yml"],
            "directories": [at.path("acme")],
            "environment": ["ACME_*"],
            "servers": [at.acme.server],
        },
        "globex": {
            "contracts": ["globex-*.yml"],
            "directories": [at.path("globex")],
            "environment": ["GLOBEX_*"],
            "servers": [at.globex.server],
            "lookups": [lookup],
        },
    }
    return {"credential_roots": roots, "exec_plugins": {"get-token": []}, "on_invalid": "exclude"}


def fleet(at: Place, folder: Path, contracts: list[Contract], **more: Any) -> Path:
    (folder / "clusters").mkdir()
    for each in contracts:
        (folder / "clusters" / f"{each['identity']['name']}.yml").write_text(yaml.safe_dump(each))
    source = folder / "fleet.byoc.yml"
    source.write_text(json.dumps({"plugin": "fireworks.byoc.fleet", **options(at), **more}))
    return source


def environment(at: Place) -> dict[str, str]:
    path = ansible_environment()["PATH"]
    proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), at.globex.proxy)
    own = {"ACME_TOKEN": VICTIMS[1], "ACME_LOOKUP": VICTIMS[3], "GLOBEX_TOKEN": OWN, "UP": ".."}
    return ansible_environment(**own, **proxies, PATH=f"{at.path('bin')}:{path}")


def test_what_was_issued_for_one_customers_server_reaches_no_other(place: Place, tmp_path: Path) -> None:
    hostile = [
        agreed(place, f"globex-eu-{number}", number, each.access(place), **each.identity)
        for number, each in enumerate(ATTEMPTS, 1)
    ]
    honest = [
        agreed(place, "globex-eu-98", 98, place.token_at_globex(token_env="GLOBEX_TOKEN")),
        agreed(
            place,
            "acme-eu-99",
            99,
            {
                "credential": {"token_file": place.path("acme/token")},
                "server": place.acme.server,
                "ca_file": place.path("acme/ca.crt"),
            },
        ),
    ]
    source = fleet(place, tmp_path, [*hostile, *honest])
    tasks = [{"fireworks.byoc.cluster_info": {"connection": "{{ byoc_connection }}"}}]
    play = {"hosts": "byoc", "gather_facts": False, "strategy": "ansible.builtin.free", "tasks": tasks}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    done = run_playbook("-i", str(source), str(tmp_path / "play.yml"), "-f", "20", environment=environment(place))
    said = " ".join(done.stdout.split())
    for each in ATTEMPTS:
        assert each.said in said, (each.name, done.stdout)
    for secret in VICTIMS:
        assert secret.encode() not in place.globex.heard, secret
        assert secret not in done.stdout, secret
    assert OWN.encode() in place.globex.heard, "the robber's server heard nothing at all"
    assert VICTIMS[0].encode() in place.acme.heard, "an honest contract works no more"
    assert OWN.encode() not in place.acme.heard


def test_a_fleet_that_was_told_nothing_refuses_every_contract_with_the_lines_to_add(
    place: Place, tmp_path: Path
) -> None:
    made = agreed(place, "acme-eu-1", 1, {"credential": {"kubeconfig_file": place.path("acme/kc")}})
    source = fleet(place, tmp_path, [made], credential_roots={}, on_invalid="fatal")
    listed = run_inventory("-i", str(source), "--list", environment=ansible_environment(COLUMNS="10000"))
    assert listed.returncode != 0
    head, _newline, added = listed.stderr.partition("may use. If intended, add to fleet.byoc.yml:\n")
    assert "Whoever operates the fleet decides whether to allow it" in head
    lines = [each for each in added.splitlines() if each.startswith("      ")]
    allowed = yaml.safe_load("\n".join(lines))
    assert allowed == {
        "credential_roots": {"acme": {"contracts": ["acme-eu-1.yml"], "directories": [place.path("acme")]}}
    }
    source.write_text(json.dumps({"plugin": "fireworks.byoc.fleet", **allowed}))
    assert run_inventory("-i", str(source), "--list", environment=ansible_environment()).returncode == 0
