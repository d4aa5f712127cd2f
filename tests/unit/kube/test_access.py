# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials: what is accepted, what is refused, and that no message repeats a secret."""

from __future__ import annotations

import base64
import itertools
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fireworks.byoc.plugins.module_utils._connection import CONNECTION_SPEC
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.access import resolve_access
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import CredentialError

SECRET = "s3cr3t-token"


def kubeconfig(cluster: Any = None, user: Any = None, **top: Any) -> str:
    return yaml.safe_dump(
        {
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://a.example", **(cluster or {})}}],
            "users": [{"name": "u", "user": user if user is not None else {"token": SECRET}}],
            **top,
        }
    )


def test_a_kubeconfig_gives_server_and_token() -> None:
    access = resolve_access({"kubeconfig": kubeconfig()}, {})
    assert (access.server, access.token) == ("https://a.example", SECRET)


def test_a_kubeconfig_may_come_from_a_named_environment_variable() -> None:
    access = resolve_access({"kubeconfig_env": "ACME"}, {"ACME": kubeconfig()})
    assert access.server == "https://a.example"


def test_ambient_credentials_are_never_used(tmp_path: Path) -> None:
    stray = tmp_path / "config"
    stray.write_text(kubeconfig())
    ambient = {"KUBECONFIG": str(stray), "KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOME": str(tmp_path)}
    with pytest.raises(CredentialError, match="exactly one credential must be named, found none"):
        resolve_access({"cluster_name": "acme"}, ambient)


def test_files_named_in_a_kubeconfig_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("PEM")
    text = kubeconfig({"certificate-authority": "ca.pem"}, {"tokenFile": "token"})
    (tmp_path / "kc").write_text(text)
    access = resolve_access({"kubeconfig_file": str(tmp_path / "kc")}, {})
    assert access.ca_pem == "PEM"
    assert access.token_file == str(tmp_path / "token")


def test_inline_data_beats_a_file_as_in_kubectl() -> None:
    data = base64.b64encode(b"inline").decode()
    text = kubeconfig({"certificate-authority": "/nowhere", "certificate-authority-data": data})
    assert resolve_access({"kubeconfig": text}, {}).ca_pem == "inline"


TOKEN = {"token": SECRET, "server": "https://a.example", "ca_cert": "PEM"}


def test_a_token_goes_to_its_server_by_its_own_way() -> None:
    access = resolve_access({**TOKEN, "tls_server_name": "b", "proxy_url": "http://p:1"}, {})
    assert (access.server, access.ca_pem, access.tls_server_name, access.proxy_url) == (
        "https://a.example",
        "PEM",
        "b",
        "http://p:1",
    )


@pytest.mark.parametrize("key", ["server", "ca_file", "ca_cert", "tls_server_name", "proxy_url"])
@pytest.mark.parametrize("credential", ["kubeconfig", "kubeconfig_file", "kubeconfig_env"])
def test_nothing_takes_the_place_of_what_a_kubeconfig_says(tmp_path: Path, credential: str, key: str) -> None:
    (tmp_path / "kc").write_text(kubeconfig())
    values = {"kubeconfig": kubeconfig(), "kubeconfig_file": str(tmp_path / "kc"), "kubeconfig_env": "K"}
    connection = {credential: values[credential], key: "https://evil.example"}
    with pytest.raises(CredentialError, match=f"`{credential}` is given with `{key}`"):
        resolve_access(connection, {"K": kubeconfig()})


def plugin(path: Path, command: str, *variables: str) -> dict[str, Any]:
    """A connection by a kubeconfig that runs a command, with these environment variables."""
    env = [{"name": name, "value": SECRET} for name in variables]
    path.write_text(kubeconfig(user={"exec": {"command": command, "apiVersion": "v1", "env": env}}))
    return {"cluster_name": "acme", "kubeconfig_file": str(path)}


def executable(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return path


def test_an_exec_plugin_runs_only_where_it_is_listed_and_is_found_on_our_own_path(tmp_path: Path) -> None:
    command, other = executable(tmp_path / "bin" / "aws"), executable(tmp_path / "beside" / "aws")
    environ = {"PATH": str(command.parent)}
    for named, found in (("aws", command), ("./beside/aws", other)):
        connection = plugin(tmp_path / "kc", named, "AWS_PROFILE")
        listed = "aws" if named == "aws" else str(tmp_path / "beside" / "aws")
        allowed = {"exec_plugins": {listed: ["AWS_PROFILE"]}}
        assert resolve_access({**connection, **allowed}, environ).exec_spec["command"] == str(found)


@pytest.mark.parametrize(
    ("listed", "command", "variables", "message"),
    [
        ({}, "aws", ["AWS_PROFILE"], 'exec_plugins: {"aws": ["AWS_PROFILE"]}'),
        ({"aws": []}, "/tmp/aws", [], 'exec_plugins: {"/tmp/aws": []}'),
        ({"aws": []}, "./aws", [], "/aws', which is not listed"),
        ({"aws": ["AWS_REGION"]}, "aws", ["AWS_REGION", "LD_PRELOAD"], "sets LD_PRELOAD for the command 'aws'"),
        ({"aws": []}, "aws", ["PATH"], 'exec_plugins: {"aws": ["PATH"]}'),
        ({"aws": []}, "aws", [], "is not on this machine"),
        ({"": []}, "", [], "is not on this machine"),
    ],
)
def test_an_exec_plugin_that_is_not_allowed_is_refused_with_the_line_to_add(
    tmp_path: Path, listed: dict[str, list[str]], command: str, variables: list[str], message: str
) -> None:
    connection = plugin(tmp_path / "kc", command, *variables)
    with pytest.raises(CredentialError) as caught:
        resolve_access({**connection, "exec_plugins": listed}, {"PATH": str(tmp_path)})
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        "aws",
        {"command": "aws", "env": [SECRET]},
        {"command": "aws", "env": [{"value": SECRET}]},
        {"command": "aws", "env": SECRET},
        {"command": "aws", "env": [{"name": "A", "value": f"{SECRET}\0"}]},
        {"command": "aws", "args": SECRET},
        {"command": "aws", "args": [f"{SECRET}\0"]},
        {"command": "aws", "args": [{"a": SECRET}]},
        {"command": [SECRET]},
        {"command": "aws", "apiVersion": [SECRET]},
    ],
)
def test_an_exec_section_that_is_none_is_one_message(spec: Any) -> None:
    connection = {"kubeconfig": kubeconfig(user={"exec": spec}), "exec_plugins": {"aws": []}}
    with pytest.raises(CredentialError, match=r"is not a mapping|is no list of|is no text") as caught:
        resolve_access(connection, {})
    assert SECRET not in str(caught.value)


def test_a_scheme_may_be_in_capitals() -> None:
    """RFC 3986, 3.1."""
    assert resolve_access({**TOKEN, "server": "HTTPS://a.example"}, {}).server == "HTTPS://a.example"


@pytest.mark.parametrize("key", ["certificate-authority", "tokenFile", "client-certificate", "client-key"])
@pytest.mark.parametrize("place", ["elsewhere", "a link to elsewhere", "a way up", "inline"])
def test_a_kubeconfig_draws_no_file_of_somebody_elses(tmp_path: Path, key: str, place: str) -> None:
    own, other = tmp_path / "acme", tmp_path / "globex"
    for folder in (own, other):
        folder.mkdir()
        (folder / "secret").write_text(SECRET)
    (own / "link").symlink_to(other / "secret")
    names = {"elsewhere": str(other / "secret"), "a link to elsewhere": "link", "a way up": "../globex/secret"}
    name = names.get(place, str(own / "secret"))
    user = {key: name, **({"client-key": name} if key == "client-certificate" else {})}
    text = kubeconfig({key: name}) if key == "certificate-authority" else kubeconfig(user=user)
    (own / "kc").write_text(text)
    connection = {"kubeconfig": text} if place == "inline" else {"kubeconfig_file": str(own / "kc")}
    with pytest.raises(
        CredentialError, match="neither beside the kubeconfig nor in a directory of this customer"
    ) as caught:
        resolve_access(connection, {})
    assert SECRET not in str(caught.value)
    home = own if place == "inline" else other
    assert resolve_access({**connection, "credential_directories": [str(home)]}, {}).server == "https://a.example"


@pytest.mark.parametrize(
    ("connection", "environ", "message"),
    [
        ({"token": SECRET, "kubeconfig": "x", "server": "https://a"}, {}, "found kubeconfig and token"),
        ({"token": SECRET}, {}, "`token` needs `server`"),
        ({"token": SECRET, "server": "https://a"}, {}, "`token` needs one of `ca_file` and `ca_cert`"),
        ({**TOKEN, "ca_file": "/nowhere/ca"}, {}, "`token` needs only one of `ca_file` and `ca_cert`"),
        ({**TOKEN, "server": "http://a.example"}, {}, "must be an https:// URL"),
        (
            {**TOKEN, "server": f"https://{SECRET}@a.example"},
            {},
            "without user info and query, not 'https://a.example'",
        ),
        (
            {**TOKEN, "server": f"https://a.example?x={SECRET}"},
            {},
            "without user info and query, not 'https://a.example'",
        ),
        ({**TOKEN, "proxy_url": f"socks5://u:{SECRET}@p:1"}, {}, "http:// or https:// URL, not 'socks5://p:1'"),
        ({**TOKEN, "proxy_url": f"{SECRET}@p:port"}, {}, "http:// or https:// URL, not 'an address (not shown)'"),
        ({"kubeconfig": kubeconfig({"server": f"https://{SECRET}@a"})}, {}, "not 'https://a'"),
        ({"kubeconfig": kubeconfig({"proxy-url": f"ftp://{SECRET}@p?{SECRET}"})}, {}, "not 'ftp://p'"),
        ({"token_env": "T", "server": "https://a", "ca_cert": "P"}, {"T": " "}, "variable T is not set or empty"),
        ({"kubeconfig_env": "K"}, {}, "environment variable K is not set or empty"),
        ({"kubeconfig_file": "~no-such-user/kc"}, {}, "cannot read the kubeconfig from"),
        ({"kubeconfig_file": "/nowhere/kc"}, {}, "cannot read the kubeconfig from /nowhere/kc: No such file"),
        ({"token": SECRET, "server": "https://a", "ca_file": "/nowhere/ca"}, {}, "cannot read `ca_file`"),
        ({"kubeconfig": f"users: [{SECRET}\n:"}, {}, "is not YAML at line"),
        ({"kubeconfig": SECRET}, {}, "is not a mapping"),
        ({"kubeconfig": kubeconfig(), "context": "b"}, {}, "no context named 'b' (it has: a)"),
        ({"kubeconfig": kubeconfig(**{"current-context": ""})}, {}, "no current-context"),
        ({"kubeconfig": kubeconfig(users=[])}, {}, "has no user of the name that its context 'a' gives"),
        ({"kubeconfig": kubeconfig({"insecure-skip-tls-verify": True})}, {}, "turns TLS verification off"),
        ({"kubeconfig": kubeconfig(user={"auth-provider": {"name": "gcp"}})}, {}, "use an exec plugin"),
        ({"kubeconfig": kubeconfig(user={"as": "root", "token": SECRET})}, {}, "impersonates another user"),
        ({"kubeconfig": kubeconfig(user={"username": "u", "password": SECRET})}, {}, "basic authentication"),
        ({"kubeconfig": kubeconfig(user={"client-key-data": SECRET})}, {}, "`client-key-data` is not base64"),
        *(
            ({"kubeconfig": f"users: [{{name: u, user: {{token: !!{tag} {SECRET}}}}}]"}, {}, "is not YAML")
            for tag in ("int", "float", "bool", "timestamp", "python/name:os.system")
        ),
        ({"kubeconfig": "[" * 5000}, {}, "is not YAML"),
        ({"kubeconfig": kubeconfig(contexts=5)}, {}, "no context named 'a' (it has: none)"),
        (
            {"kubeconfig": kubeconfig(contexts=[{"name": "a", "context": {"cluster": "c", "user": SECRET}}])},
            {},
            "no user",
        ),
        ({"kubeconfig": kubeconfig(users=[{"name": SECRET, "user": {}}])}, {}, "no user"),
        ({"kubeconfig": kubeconfig(**{"current-context": [SECRET]})}, {}, "`current-context` is no text"),
        *(
            ({"kubeconfig": kubeconfig({key: value})}, {}, f"`{key}` is no text")
            for key in ("server", "proxy-url", "tls-server-name")
            for value in ([SECRET], {SECRET: SECRET}, True, f"https://{SECRET}\x1b[2J")
        ),
        *(({"kubeconfig": kubeconfig(user={"token": value})}, {}, "`token` is no text") for value in ([SECRET], True)),
        ({**TOKEN, "server": f"https://a:{SECRET}"}, {}, "not 'an address (not shown)'"),
        ({**TOKEN, "server": f"https://a/;token={SECRET}"}, {}, "not 'https://a/'"),
        ({"kubeconfig_file": "/dev/zero"}, {}, "it is no regular file"),
        ({"token": SECRET, "server": "https://a", "ca_file": "/dev/zero"}, {}, "it is no regular file"),
        ({"kubeconfig_file": "a\0b"}, {}, "cannot read the kubeconfig"),
    ],
)
def test_refused_with_one_message_and_no_secret(
    connection: dict[str, Any], environ: dict[str, str], message: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        resolve_access({"cluster_name": "acme", **connection}, environ)
    text = str(caught.value)
    assert message in text
    assert text.startswith("acme")
    assert "Action required by:" in text
    assert SECRET not in text


def test_no_pipe_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for key in ("certificate-authority", "client-key"):
        section = kubeconfig({key: "pipe"}) if key == "certificate-authority" else kubeconfig(user={key: "pipe"})
        (tmp_path / "kc").write_text(section)
        with pytest.raises(CredentialError, match="it is no regular file"):
            resolve_access({"kubeconfig_file": str(tmp_path / "kc")}, {})


def test_a_few_lines_do_not_fill_the_memory() -> None:
    """Each name stands for ten of the one before it."""
    names = "abcdefgh"
    lines = [f"{one}: &{one} [{', '.join([f'*{before}'] * 10)}]" for before, one in itertools.pairwise(names)]
    text = "\n".join(["a: &a [x]", *lines, "m: {<<: [*h, *h]}", "contexts: [{name: *h}]", "current-context: z"])
    with pytest.raises(CredentialError, match="it has: none"):
        resolve_access({"kubeconfig": text}, {})


@pytest.mark.parametrize("by", ["contract", "kubeconfig"])
def test_a_token_is_read_where_it_may_be_each_time(tmp_path: Path, by: str) -> None:
    """Who may write beside it makes it a link to somebody else's once it was looked at."""
    own, other = tmp_path / "globex", tmp_path / "acme"
    for folder in (own, other):
        folder.mkdir()
        (folder / "token").write_text(f"{folder.name}-token")
    (own / "kc").write_text(kubeconfig(user={"tokenFile": "token"}))
    connection: dict[str, Any] = {"kubeconfig_file": str(own / "kc")}
    if by == "contract":
        connection = {"server": "https://a", "ca_cert": "PEM", "token_file": str(own / "token")}
    access = resolve_access({**connection, "credential_directories": [str(own)]}, {})
    assert access.read_token() == "globex-token"
    (own / "token").unlink()
    (own / "token").symlink_to(other / "token")
    with pytest.raises(CredentialError, match="neither beside the kubeconfig nor in a directory of this customer"):
        access.read_token()


def test_what_is_in_an_environment_variable_is_not_written_into_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A contract names the file; the message that it is not there would show the value."""
    monkeypatch.setenv("ACME_TOKEN", SECRET)
    for key in ("kubeconfig_file", "token_file", "ca_file"):
        given = {"connection": {key: "/nowhere/$ACME_TOKEN/${ACME_TOKEN}"}}
        found = ArgumentSpecValidator({"connection": CONNECTION_SPEC}).validate(given).validated_parameters
        assert found["connection"][key] == given["connection"][key]


def test_an_access_does_not_show_its_secrets() -> None:
    assert SECRET not in repr(resolve_access({"kubeconfig": kubeconfig()}, {}))
