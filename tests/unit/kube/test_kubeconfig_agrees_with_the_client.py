# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of a kubeconfig is the kubernetes client's: it is the judge, at both supported ends of it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.access import resolve_access

PEM = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n"
INLINE = base64.b64encode(PEM.encode()).decode()


def kubeconfig(cluster: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "first",
        "contexts": [
            {"name": "first", "context": {"cluster": "a", "user": "a"}},
            {"name": "second", "context": {"cluster": "b", "user": "a", "namespace": "n"}},
        ],
        "clusters": [
            {"name": "a", "cluster": {"server": "https://a.example:6443", **cluster}},
            {"name": "b", "cluster": {"server": "https://b.example", **cluster}},
        ],
        "users": [{"name": "a", "user": user}],
    }


@pytest.mark.parametrize("context", [None, "second"])
@pytest.mark.parametrize(
    "cluster",
    [{}, {"certificate-authority": "ca.pem"}, {"certificate-authority-data": INLINE}],
    ids=["-", "file", "inline"],
)
@pytest.mark.parametrize(
    "user",
    [
        {"token": "t0ken"},
        {"client-certificate": "cert.pem", "client-key": "cert.pem"},
        {"client-certificate-data": INLINE, "client-key-data": INLINE},
    ],
    ids=["token", "certificate file", "certificate inline"],
)
def test_server_authority_and_credential_are_the_same(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], context: str | None
) -> None:
    for name in ("ca.pem", "cert.pem"):
        (tmp_path / name).write_text(PEM)
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig(cluster, user)))
    theirs = Configuration()
    load_kube_config(str(path), context=context, client_configuration=theirs)
    ours = resolve_access({"kubeconfig_file": str(path), "context": context}, {})
    assert ours.server == theirs.host
    assert ours.ca_pem == text_of(theirs.ssl_ca_cert)
    assert (ours.cert_pem, ours.key_pem) == (text_of(theirs.cert_file), text_of(theirs.key_file))
    token = next(iter(theirs.api_key.values()), None)  # its key has another name in each version
    assert (f"Bearer {ours.token}" if ours.token else None) == token


def text_of(path: str | None) -> str | None:
    return Path(path).read_text() if path else None
