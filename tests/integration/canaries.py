# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of which each is told apart, put into every way in which one can come; none may come out again."""

from __future__ import annotations

import base64
import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from demo.contracts import H100, Contract, contract
from tests.integration.plays import AS_MODULE

VERSION = "client.authentication.k8s.io/v1"
LOOKUP = "ansible.builtin.env"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
NOWHERE = "https://127.0.0.1:1"


class Canaries:
    """Each way has one, made when it is first asked for."""

    def __init__(self) -> None:
        self._by_way: dict[str, str] = {}

    def __call__(self, way: str) -> str:
        return self._by_way.setdefault(way, f"canary{len(self._by_way):02}x" + "abcdefgh"[len(self._by_way) % 8] * 9)

    def __len__(self) -> int:
        return len(self._by_way)

    def in_text(self, text: str) -> list[str]:
        """The ways whose secret is in a text, as it is or in base64."""
        return [
            way
            for way, secret in self._by_way.items()
            if secret in text or base64.b64encode(secret.encode()).decode().rstrip("=")[:-1] in text
        ]


class Controller:
    """A fleet whose contracts and credentials are full of secrets, good for nothing or for one testbed's cluster."""

    def __init__(self, folder: Path, cluster: Any) -> None:
        self.folder, self.cluster, self.secret = folder, cluster, Canaries()
        self.environment: dict[str, str] = {}
        self._contracts: list[Contract] = []
        self._ca = base64.b64encode(cluster.ca_file.read_bytes()).decode()
        (folder / "clusters").mkdir(parents=True)
        (folder / "keys").mkdir()
        for put in (self._in_kubeconfigs, self._in_plugins, self._in_tokens, self._in_lookups, self._in_contracts):
            put()
        self.source = self._write()

    # --- what is where -------------------------------------------------------------------------------------------

    def _in_kubeconfigs(self) -> None:
        secret = self.secret
        for way, user in {
            "a token": {"token": secret("a token")},
            "a key": {"client-certificate-data": "Zm9v", "client-key-data": secret("a key")},
            "a key PEM": {"client-certificate-data": "Zm9v", "client-key-data": _base64(secret("a key PEM"))},
            "a password": {"username": "me", "password": secret("a password")},
            "an auth provider": {"auth-provider": {"name": "x", "config": {"id-token": secret("an auth provider")}}},
            "an impersonated user": {"as": secret("an impersonated user")},
            "a key file": {"client-key": "key.pem", "client-certificate": "key.pem"},
            "a token file": {"tokenFile": "kept"},
            "a token that is a list": {"token": [secret("a token that is a list")]},
            "a token that is a key": {"token": {secret("a token that is a key"): True}},
            "an argument that no program can be given": {
                "exec": {"command": "sh", "args": [f"{secret('an argument that no program can be given')}\0"]}
            },
            "a variable that no program can be given": {
                "exec": {
                    "command": "sh",
                    "env": [{"name": "A", "value": f"{secret('a variable that no program can be given')}\0"}],
                }
            },
            "a hint how to install a plugin": {
                "exec": {"command": "sh", "installHint": secret("a hint how to install a plugin")}
            },
            "an extension": {"token": "none", "extensions": [{"name": "x", "extension": secret("an extension")}]},
        }.items():
            self._kubeconfig(way, user)
        (self.folder / "keys" / "key.pem").write_text(secret("a key file"))
        (self.folder / "keys" / "kept").write_text(secret("a token file"))
        for way, cluster in {
            "a server user": {"server": f"https://{secret('a server user')}@127.0.0.1:1"},
            "a server query": {"server": f"{NOWHERE}?token={secret('a server query')}"},
            "a proxy user": {"proxy-url": f"http://me:{secret('a proxy user')}@127.0.0.1:1"},
            "a proxy query": {"proxy-url": f"http://127.0.0.1:1/?key={secret('a proxy query')}"},
            "a proxy of an unknown kind": {"proxy-url": f"socks5://{secret('a proxy of an unknown kind')}@127.0.0.1:1"},
            "an authority": {"certificate-authority-data": secret("an authority")},
            "a port": {"server": f"https://127.0.0.1:{secret('a port')}"},
            "a parameter of a path": {"server": f"{NOWHERE}/x;token={secret('a parameter of a path')}"},
            "a server that is a list": {"server": [secret("a server that is a list")]},
            "a proxy that is a mapping": {"proxy-url": {"a": secret("a proxy that is a mapping")}},
        }.items():
            self._kubeconfig(way, {"token": secret(f"the token beside {way}")}, **cluster)
        for number, tag in enumerate(("int", "float", "bool", "timestamp", "python/name:os.system")):
            way = f"a token that is said to be a {tag}"
            text = f"# {secret('a comment')}\nusers: [{{name: a, user: {{token: !!{tag} {secret(way)}}}}}]"
            (self.folder / "keys" / f"tagged-{number}").write_text(text)
            self._access(way, f"tagged-{number}")
        for way, config in {
            "the name of a user": {"users": [{"name": secret("the name of a user"), "user": {}}]},
            "the user of a context": {
                "contexts": [{"name": "a", "context": {"cluster": "a", "user": secret("the user of a context")}}]
            },
            "the context that is a list": {"current-context": [secret("the context that is a list")]},
        }.items():
            name = f"odd-{way.replace(' ', '-')}"
            whole = {"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]}
            clusters = [{"name": "a", "cluster": {"server": self.cluster.server}}]
            (self.folder / "keys" / name).write_text(yaml.safe_dump({**whole, "clusters": clusters, **config}))
            self._access(way, name)
        broken = self._access("a broken kubeconfig", "broken")
        (self.folder / "keys" / "broken").write_text(f"users: [{secret(broken)}\n:")

    def _in_plugins(self) -> None:
        secret = self.secret
        for way, body in {
            "what a plugin prints": f"echo {secret('what a plugin prints')}",
            "what a plugin complains of": f"echo {secret('what a plugin complains of')} >&2; exit 3",
            "what a plugin answers": _echo(VERSION, {"token": secret("what a plugin answers")}),
            "the version of an answer": _echo(secret("the version of an answer"), {}),
            "a token of a plugin that is a list": _echo(
                VERSION, {"token": [secret("a token of a plugin that is a list")]}
            ),
            "bytes that are no text": f"printf '\\377{secret('bytes that are no text')}'",
        }.items():
            script = self.folder / "keys" / f"{way.replace(' ', '-')}.sh"
            script.write_text(f"#!/bin/sh\n{body}\n")
            script.chmod(stat.S_IRWXU)
            self._kubeconfig(way, {"exec": {"command": str(script), "apiVersion": VERSION}})
        run = {"command": "unlisted", "apiVersion": VERSION}
        args = [secret("a plugin arguments")]
        self._kubeconfig("a plugin arguments", {"exec": {**run, "args": args}})
        variable = {"name": "X", "value": secret("a plugin environment")}
        self._kubeconfig("a plugin environment", {"exec": {**run, "env": [variable]}})

    def _in_tokens(self) -> None:
        way = {"server": self.cluster.server, "ca_file": str(self.cluster.ca_file)}
        self.environment["ACME_TOKEN"] = self.secret("a variable token")
        self._contract("a variable token", {"credential": {"token_env": "ACME_TOKEN"}, **way})
        named = str(self.folder / "keys" / "$ACME_TOKEN")
        self._contract("a variable in the name of a file", {"credential": {"token_file": named}, **way})
        (self.folder / "keys" / "token").write_text(self.secret("a token file"))
        self._contract("a token file", {"credential": {"token_file": str(self.folder / "keys" / "token")}, **way})
        (self.folder / "keys" / "two").write_text(f"{self.secret('a token with a space')} x")
        self._contract("a token with a space", {"credential": {"token_file": str(self.folder / "keys" / "two")}, **way})
        self.environment["ACME_KUBECONFIG"] = f"users: {self.secret('a variable kubeconfig')}"
        self._contract("a variable kubeconfig", {"credential": {"kubeconfig_env": "ACME_KUBECONFIG"}})

    def _in_lookups(self) -> None:
        secret = self.secret
        self.environment["ACME_LOOKUP"] = secret("what a lookup fetches")
        self._lookup("what a lookup fetches", ["ACME_LOOKUP"])
        self._lookup("a field of what a lookup fetches", ["ACME_LOOKUP"], field="secret.kubeconfig")
        self._lookup("a lookup term", [secret("a lookup term")])
        self._lookup("a lookup option", ["ACME_LOOKUP"], options={"default": secret("a lookup option")})
        for where in (f"https://{secret('the user in a lookup')}@v", f"https://v/?x={secret('the query in a lookup')}"):
            self._lookup("a URL in a lookup's term", [where])
            self._lookup("a URL in a lookup's option", ["ACME_LOOKUP"], options={"url": where})
        self._lookup("a term of a lookup that fails", ["ACME_FAILS"], plugin="ansible.builtin.file")

    def _in_contracts(self) -> None:
        secret = self.secret
        ways = {
            "a token in a contract": {"credential": {"token": secret("a token in a contract")}},
            "a token beside it": {"token": secret("a token beside it")},
            "a kubeconfig content": {"credential": {"kubeconfig_env": f"users: {secret('a kubeconfig content')}"}},
            "a key for an authority": {"ca_cert": f"-----BEGIN X-----{secret('a key for an authority')}"},
            "the user in access.server": {"server": f"https://{secret('the user in access.server')}@a"},
            "the query in access.server": {"server": f"https://a/?x={secret('the query in access.server')}"},
            "the user in access.proxy_url": {"proxy_url": f"http://{secret('the user in access.proxy_url')}@a:1"},
            "the query in access.proxy_url": {"proxy_url": f"http://a:1?{secret('the query in access.proxy_url')}"},
            "an unknown key": {f"https://{secret('an unknown key')}@a": 1},
        }
        for way, access in ways.items():
            self._contract(way, {"credential": {"token_env": "ACME_TOKEN"}, **access})
        for uri in (f"https://{secret('the user of weights')}@a/x", f"https://a/x?y={secret('the query of weights')}"):
            self._contract("where weights come from", {"credential": {"kubeconfig_env": "ACME_KUBECONFIG"}})
            [model] = self._contracts[-1]["models"]
            model["source"] = {**model["source"], "uri": uri}

    # --- how it is written ---------------------------------------------------------------------------------------

    def _kubeconfig(self, way: str, user: dict[str, Any], **cluster: str) -> None:
        name = f"kc-{len(self._contracts)}"
        where = {"server": self.cluster.server, "certificate-authority-data": self._ca, **cluster}
        config = {
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "clusters": [{"name": "a", "cluster": where}],
            "users": [{"name": "a", "user": user}],
        }
        (self.folder / "keys" / name).write_text(yaml.safe_dump(config))
        self._access(way, name)

    def _access(self, way: str, kubeconfig: str) -> str:
        self._contract(way, {"credential": {"kubeconfig_file": str(self.folder / "keys" / kubeconfig)}})
        return way

    def _lookup(self, way: str, terms: list[str], *, plugin: str = LOOKUP, **more: Any) -> None:
        lookup = {"plugin": plugin, "terms": terms, "gives": "kubeconfig", **more}
        self._contract(way, {"credential": {"lookup": lookup}})

    def _contract(self, _way: str, access: dict[str, Any]) -> None:
        number = len(self._contracts)
        uid = f"00000000-0000-4000-8000-{number:012}"
        given = {"uid": uid, "kubeconfig": self.folder, "provider": "aws", "region": "here", "gpus": {H100: 8}}
        made = contract(f"acme-{number}", **given)
        made["access"] = access
        self._contracts.append(made)

    def _write(self) -> Path:
        for each in self._contracts:
            path = self.folder / "clusters" / f"{each['identity']['name']}.yml"
            path.write_text(yaml.safe_dump(each))
        lookups = [
            {"plugin": LOOKUP, "terms": ["ACME_*"]},
            {"plugin": "ansible.builtin.file", "terms": ["ACME_*"]},
        ]
        root = {
            "contracts": ["acme-*.yml"],
            "directories": ["keys", str(self.cluster.ca_file.parent)],
            "environment": ["ACME_*"],
            "servers": [self.cluster.server],
            "lookups": lookups,
        }
        scripts = {"sh": ["A"], **{str(path): [] for path in (self.folder / "keys").glob("*.sh")}}
        options = {"credential_roots": {"acme": root}, "exec_plugins": scripts, "on_invalid": "exclude"}
        cached = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(self.cache)}
        source = self.folder / "fleet.byoc.yml"
        source.write_text(json.dumps({"plugin": "fireworks.byoc.fleet", **options, **cached}))
        return source

    @property
    def cache(self) -> Path:
        """Where the inventory's cache is."""
        return self.folder / "cache"

    @cached_property
    def playbook(self) -> Path:
        """Every credential is tried; and what is given by hand, in Ansible's worker and as a module."""
        read = {"fireworks.byoc.cluster_info": {"connection": "{{ byoc_connection }}"}, "ignore_errors": True}
        plays = [
            {"hosts": "byoc", "gather_facts": False, "strategy": "ansible.builtin.free", "tasks": [read]},
            {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": list(self._by_hand())},
        ]
        path = self.folder / "play.yml"
        path.write_text(json.dumps(plays))
        return path

    def _by_hand(self) -> Iterator[dict[str, Any]]:
        secret, ca = self.secret, str(self.cluster.ca_file)
        token = {"token": secret("a token by hand"), "ca_file": ca, "server": self.cluster.server}
        for connection in (
            {"kubeconfig": f"users: [{secret('a kubeconfig by hand')}"},
            token,
            {**token, "server": f"https://{secret('a server user by hand')}@127.0.0.1:1"},
            {**token, "server": f"{NOWHERE}/?x={secret('a server query by hand')}"},
            {**token, "proxy_url": f"http://me:{secret('a proxy user by hand')}@127.0.0.1:1"},
            {**token, "proxy_url": f"socks5://a?x={secret('a proxy query by hand')}"},
        ):
            for way in ({}, AS_MODULE):
                yield {"fireworks.byoc.cluster_info": {"connection": connection}, "ignore_errors": True, **way}
        yield from self._manifests()

    def _manifests(self) -> Iterator[dict[str, Any]]:
        secret = self.secret
        kept = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kept", "namespace": "default"}}
        applied = json.dumps({**kept, "data": {"x": _base64(secret("what kubectl applied"))}})
        made = {
            **kept,
            "data": {"a": _base64(secret("the data of a Secret"))},
            "stringData": {"b": secret("the text of a Secret")},
        }
        made["metadata"] = {
            **kept["metadata"],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied},
        }
        connection = {
            "cluster_name": self.cluster.name,
            "cluster_uid": self.cluster.uid,
            "kubeconfig_file": str(self.cluster.kubeconfig),
        }
        nested = {**kept, "stringData": {"a": {"b": secret("a text of a Secret that is a mapping")}}}
        for manifest in (made, nested, {**made, "spec": 1, "kind": "NoSuchKind"}, self._with_something_of_others()):
            apply = {"name": "kept", "namespace": "default", "definition": [manifest], "connection": connection}
            apply["adopt"] = "unowned"
            for way in ({}, AS_MODULE):
                yield {"fireworks.byoc.apply_set": apply, "ignore_errors": True, **way}

    def _with_something_of_others(self) -> dict[str, Any]:
        """A manifest of ours, in whose live object others have put a token and a note."""
        secret, container = self.secret, {"name": "it", "image": "it:1"}
        metadata = {"name": "of-others", "namespace": "default"}
        token = {"name": "HF_TOKEN", "value": secret("a variable that somebody else has set")}
        notes = {"acme.example/x": secret("an annotation that somebody else has set")}

        def deployment(env: list[dict[str, str]], **more: Any) -> dict[str, Any]:
            template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{**container, "env": env}]}}
            spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
            return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {**metadata, **more}, "spec": spec}

        self.cluster.request("POST", _DEPLOYMENTS, deployment([token], annotations=notes))
        return deployment([{"name": "OURS", "value": "1"}])

    def remove(self) -> None:
        """Leave the cluster as it was."""
        self.cluster.request("DELETE", f"{_DEPLOYMENTS}/of-others")


def _echo(version: str, status: dict[str, Any]) -> str:
    """The body of a plugin that answers so."""
    return f"echo '{json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': status})}'"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@contextmanager
def process_table() -> Iterator[set[str]]:
    """The command lines of all processes that there are meanwhile."""
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()
