# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials: what is accepted, what is refused, and that no message repeats a secret."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def test_what_the_contract_says_of_the_server_beats_the_kubeconfig() -> None:
    connection = {"kubeconfig": kubeconfig(), "server": "https://b.example", "tls_server_name": "b", "ca_cert": "PEM"}
    access = resolve_access(connection, {})
    assert (access.server, access.tls_server_name, access.ca_pem) == ("https://b.example", "b", "PEM")


def test_an_exec_plugin_beside_the_kubeconfig_is_found_from_there(tmp_path: Path) -> None:
    (tmp_path / "kc").write_text(kubeconfig(user={"exec": {"command": "./plugin", "apiVersion": "v1"}}))
    access = resolve_access({"kubeconfig_file": str(tmp_path / "kc")}, {})
    assert Path(access.exec_spec["command"]) == tmp_path / "plugin"


@pytest.mark.parametrize(
    ("connection", "environ", "message"),
    [
        ({"token": SECRET, "kubeconfig": "x", "server": "https://a"}, {}, "found kubeconfig and token"),
        ({"token": SECRET}, {}, "`token` needs `server`"),
        ({"token": SECRET, "server": "http://a.example"}, {}, "must be an https:// URL"),
        ({"token_env": "T", "server": "https://a"}, {"T": " "}, "environment variable T is not set or empty"),
        ({"kubeconfig_env": "K"}, {}, "environment variable K is not set or empty"),
        ({"kubeconfig_file": "~no-such-user/kc"}, {}, "cannot read the kubeconfig from"),
        ({"kubeconfig_file": "/nowhere/kc"}, {}, "cannot read the kubeconfig from /nowhere/kc: No such file"),
        ({"token": SECRET, "server": "https://a", "ca_file": "/nowhere/ca"}, {}, "cannot read `ca_file`"),
        ({"kubeconfig": f"users: [{SECRET}\n:"}, {}, "is not YAML at line"),
        ({"kubeconfig": SECRET}, {}, "is not a mapping"),
        ({"kubeconfig": kubeconfig(), "context": "b"}, {}, "no context named 'b' (it has: a)"),
        ({"kubeconfig": kubeconfig(**{"current-context": ""})}, {}, "no current-context"),
        ({"kubeconfig": kubeconfig(users=[])}, {}, "no user named 'u' (it has: none)"),
        ({"kubeconfig": kubeconfig({"insecure-skip-tls-verify": True})}, {}, "turns TLS verification off"),
        ({"kubeconfig": kubeconfig(user={"auth-provider": {"name": "gcp"}})}, {}, "use an exec plugin"),
        ({"kubeconfig": kubeconfig(user={"as": "root", "token": SECRET})}, {}, "impersonates another user"),
        ({"kubeconfig": kubeconfig(user={"username": "u", "password": SECRET})}, {}, "basic authentication"),
        ({"kubeconfig": kubeconfig(user={"client-key-data": SECRET})}, {}, "`client-key-data` is not base64"),
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


def test_an_access_does_not_show_its_secrets() -> None:
    assert SECRET not in repr(resolve_access({"kubeconfig": kubeconfig()}, {}))
