# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms that kubeconfigs have in the field. kubectl is the judge: what it accepts we accept, and send the same."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization as pem

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.access import resolve_access
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import CredentialError, KubeError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.session import Session
from byoc_testbed.kubectl import find_kubectl
from byoc_testbed.pki import Authority
from tests.unit.kube.loopback import Listening, api_server

SECRET = "s3cr3t-token"
PASSPHRASE = b"s3cr3t"
#: kubectl takes a while to start.
PARTS = 6


@dataclass(frozen=True)
class Place:
    folder: Path
    server: Listening
    ca: bytes
    cert: bytes
    key: bytes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("forms")
    authority = Authority(folder, "forms")
    client = authority.client("someone")
    with api_server(folder, authority) as server:
        yield Place(folder, server, authority.certificate_file.read_bytes(), client.certificate, client.key)


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def config(at: Place, *, cluster: Any = None, user: Any = None, **top: Any) -> dict[str, Any]:
    known = {"server": f"https://127.0.0.1:{at.server.port}", "certificate-authority-data": in_base64(at.ca)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {**known, **(cluster or {})}}],
        "users": [{"name": "u", "user": {"token": SECRET} if user is None else user}],
        **top,
    }


def forms(at: Place) -> dict[str, str | bytes]:
    """Kubeconfigs that kubectl accepts, by what is particular about them."""
    return {name: form if isinstance(form, (str, bytes)) else yaml.safe_dump(form) for name, form in _forms(at)}


def _forms(at: Place) -> Iterator[tuple[str, Any]]:
    plain = yaml.safe_dump(config(at))
    yield "as it is", plain
    yield "JSON", json.dumps(config(at))
    yield "JSON with tabs", json.dumps(config(at), indent="\t")
    yield "a mapping in brackets", f"{{a: b, {json.dumps(config(at))[1:]}"
    yield "CRLF", plain.replace("\n", "\r\n").encode()
    yield "a byte order mark", b"\xef\xbb\xbf" + plain.encode()
    yield "UTF-16, as PowerShell writes it", plain.encode("utf-16")
    yield "a comment in UTF-8", f"# Köln 🎉\n{plain}"
    yield "empty lists", config(at, preferences=None, extensions=[])
    yield "a proxy without an address", config(at, cluster={"proxy-url": ""})
    yield "a name in the certificate", config(at, cluster={"tls-server-name": "localhost"})
    yield "verification is not turned off", config(at, cluster={"insecure-skip-tls-verify": False})
    yield from _authorities(at)
    yield from _users(at)


def _authorities(at: Place) -> Iterator[tuple[str, Any]]:
    lines = "\n".join(textwrap.wrap(in_base64(at.ca), 64))
    comment = "# Zertifizierungsstelle Köln\n"
    for name, content in {
        "a comment in UTF-8": comment.encode() + at.ca,
        "a comment in Latin-1": comment.encode("latin-1") + at.ca,
        "what openssl x509 -text writes": b"Certificate:\n    Data:\n        Version: 3 (0x2)\n" + at.ca,
        "CRLF": at.ca.replace(b"\n", b"\r\n"),
        "several certificates": at.cert + b"\n" + at.ca,
        "a broken one beside it": b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n" + at.ca,
        "a key beside it": at.key + at.ca,
    }.items():
        yield f"CA, inline: {name}", config(at, cluster={"certificate-authority-data": in_base64(content)})
        path = at.folder / f"{name}.pem"
        path.write_bytes(content)
        by_file = {"certificate-authority-data": None, "certificate-authority": path.name}
        yield f"CA, beside the kubeconfig: {name}", config(at, cluster=by_file)
    yield "CA, in lines", config(at, cluster={"certificate-authority-data": f"{lines}\n"})
    binary = config(at, cluster={"certificate-authority-data": lines.encode()})
    yield "CA, !!binary", yaml.safe_dump(binary)


def _users(at: Place) -> Iterator[tuple[str, Any]]:
    (at.folder / "token").write_text(f"{SECRET}\n")
    yield "a token's file", config(at, user={"tokenFile": "token"})
    yield "a token's file beside a token", config(at, user={"tokenFile": "token", "token": "other"})
    yield "a token's file that is not there beside a token", config(at, user={"tokenFile": "no", "token": SECRET})
    yield "numbers in a quoted token", config(at, user={"token": "12345"})
    yield "nothing of impersonation", config(at, user={"token": SECRET, "as": "", "as-groups": [], "username": ""})
    for name, key in keys(at).items():
        pair = {"client-certificate-data": in_base64(at.cert), "client-key-data": in_base64(key)}
        yield f"client key: {name}", config(at, user=pair)
    both = in_base64(at.cert + at.key)
    yield "certificate and key in one", config(at, user={"client-certificate-data": both, "client-key-data": both})
    script = at.folder / "plugin"
    status = {"token": SECRET, "expirationTimestamp": "2100-01-01T00:00:00.123456789+02:00"}
    answer = {"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": status}
    script.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    script.chmod(0o700)
    spec = {"apiVersion": answer["apiVersion"], "command": "./plugin"}
    yield "a plugin", config(at, user={"exec": spec})
    yield "a plugin, with nulls", config(at, user={"exec": {**spec, "env": None, "args": None, "installHint": None}})
    odd = {"args": [None], "env": [{"name": "A"}, {"name": "B", "value": None}], "provideClusterInfo": True}
    yield "a plugin, with nulls in its lists", config(at, user={"exec": {**spec, **odd}})
    yield "a token beside a plugin", config(at, user={"exec": {**spec, "command": "./no"}, "token": SECRET})


def keys(at: Place) -> dict[str, bytes]:
    """The client's key in the forms it may have."""
    key = pem.load_pem_private_key(at.key, None)
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    return {
        "SEC 1": at.key,
        "SEC 1, as openssl ecparam writes it": parameters + at.key,
        "PKCS #8": key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()),
        "CRLF": at.key.replace(b"\n", b"\r\n"),
        "a comment that is not ASCII": "# Schlüssel\n".encode() + at.key,
    }


def judged(path: Path) -> tuple[bool, str]:
    """Whether kubectl reaches the server with it."""
    kubectl = find_kubectl()
    assert kubectl
    home = {"PATH": os.environ["PATH"], "HOME": str(path.parent)}
    command = [kubectl, f"--kubeconfig={path}", "get", "--raw", "/x"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=home)
    return done.returncode == 0, done.stderr


def ours(path: Path) -> dict[str, Any]:
    plugins = {"exec_plugins": {str(path.parent / "plugin"): ["A", "B"]}}
    return Session(resolve_access({"kubeconfig_file": str(path), **plugins}, {})).get("/x")


def put(at: Place, number: int, form: str | bytes) -> Path:
    path = at.folder / f"kc-{number}"
    path.write_bytes(form.encode() if isinstance(form, str) else form)
    return path


def sent(name: str) -> str:
    """The credential that a form is about."""
    if name.startswith(("client key", "certificate and key")):
        return "someone"
    return "Bearer 12345" if name == "numbers in a quoted token" else f"Bearer {SECRET}"


def test_every_form_is_accepted_and_its_credential_sent(place: Place) -> None:
    wrong = {}
    for number, (name, form) in enumerate(forms(place).items()):
        try:
            ours(put(place, number, form))
        except KubeError as error:
            wrong[name] = str(error)
        else:
            if place.server.credentials[-1] != sent(name):
                wrong[name] = str(place.server.credentials[-1])
    assert wrong == {}
    assert len(forms(place)) >= 40


@pytest.mark.soak(sample=1)
@pytest.mark.parametrize("part", range(PARTS))
def test_kubectl_accepts_each_form_too_and_sends_the_same(place: Place, part: int) -> None:
    for number, (name, form) in list(enumerate(forms(place).items()))[part::PARTS]:
        accepted, complaint = judged(put(place, number, form))
        assert accepted, f"{name}: kubectl says {complaint}"
        assert place.server.credentials[-1] == sent(name), name


def refused(place: Place) -> dict[str, tuple[Any, str]]:
    """Kubeconfigs that kubectl refuses, and what we say of them."""
    two = [{"name": "u", "user": {"token": SECRET}}, {"name": "u", "user": {"token": "other"}}]
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "interactiveMode": "Always"}
    pair = {"client-certificate-data": in_base64(place.cert)}
    return {
        "two users of a name": (config(place, users=two), "has 2 users of the same name"),
        "no current context": (config(place, **{"current-context": ""}), "no current-context"),
        "a context that is not there": (config(place, contexts=None), "no context named 'a' (it has: none)"),
        "a cluster that is not there": (config(place, clusters=[]), "no cluster of the name"),
        "a user of whom nothing is said": (config(place, users=[{"name": "u", "user": None}]), "no user of the name"),
        "an encrypted key": (config(place, user={**pair, "client-key-data": encrypted(place)}), "passphrase"),
        "a certificate without a key": (config(place, user=pair), "without its key"),
        "groups without a user": (config(place, user={"as-groups": ["a"]}), "impersonates another user"),
        "more of a user": (config(place, user={"as-user-extra": {"a": ["b"]}}), "impersonates another user"),
        "a CA that is none": (config(place, cluster={"certificate-authority-data": "QUJD"}), "not a PEM certificate"),
        "a proxy of no scheme": (config(place, cluster={"proxy-url": "127.0.0.1:3128"}), "the proxy must be"),
        "a scheme nobody knows": (config(place, cluster={"proxy-url": "ftp://127.0.0.1:3128"}), "the proxy must be"),
        "a plugin that asks": (config(place, user={"exec": plugin}), "interactiveMode: Always"),
        "truths where texts are meant": (config(place, user={"token": True}), "`token` is no text"),
    }


def test_what_kubectl_refuses_is_refused_in_words(place: Place) -> None:
    for form, said in refused(place).values():
        with pytest.raises(CredentialError) as caught:
            ours(put(place, 100, yaml.safe_dump(form)))
        text = str(caught.value)
        assert said in text
        assert "Next: " in text
        assert "Action required by: " in text
        assert SECRET not in text


@pytest.mark.soak
def test_kubectl_refuses_them_too(place: Place) -> None:
    accepted = [name for name, (form, _) in refused(place).items() if judged(put(place, 101, yaml.safe_dump(form)))[0]]
    assert accepted == []


def test_impersonation_and_passwords_are_refused_and_never_ignored(place: Place) -> None:
    """kubectl does as they say. We say that we do not."""
    for user in (
        {"as": "root"},
        {"as": "a", "as-uid": "1"},
        {"username": "u", "password": SECRET},
        {"password": SECRET},
    ):
        path = put(place, 200, yaml.safe_dump(config(place, user={"token": SECRET, **user})))
        with pytest.raises(CredentialError, match=r"impersonates another user|basic authentication") as caught:
            ours(path)
        assert SECRET not in str(caught.value)


def test_what_is_written_more_loosely_is_read_as_it_is_meant(place: Place) -> None:
    """kubectl refuses these, and everybody can see what they mean."""
    text = yaml.safe_dump(config(place))
    folded = "\n".join(textwrap.wrap(in_base64(place.ca), 64))
    for form, sent in (
        (text.replace(SECRET, "123"), "Bearer 123"),
        (text.replace(f"token: {SECRET}", f'token: "{SECRET}\\n"'), f"Bearer {SECRET}"),
        (
            yaml.safe_dump(config(place, cluster={"server": f"https://127.0.0.1:{place.server.port} "})),
            f"Bearer {SECRET}",
        ),
        (text.replace(in_base64(place.ca), f">\n{textwrap.indent(folded, '      ')}"), f"Bearer {SECRET}"),
        (yaml.safe_dump(config(place, cluster={"certificate-authority-data": f" {folded} "})), f"Bearer {SECRET}"),
    ):
        assert ours(put(place, 300, form)) == {}
        assert place.server.credentials[-1] == sent


def test_a_ca_that_holds_no_certificate_never_means_the_systems(place: Place) -> None:
    (place.folder / "empty").write_text("")
    for text in ("", " \n", "# nothing\n", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"):
        (place.folder / "empty").write_text(text)
        token = {"token": SECRET, "server": "https://127.0.0.1:1", "ca_file": str(place.folder / "empty")}
        with pytest.raises(CredentialError, match="not a PEM certificate"):
            Session(resolve_access(token, {}))


def test_an_encrypted_key_in_its_old_form_is_told_too_and_nobody_is_asked(place: Place) -> None:
    key = pem.load_pem_private_key(place.key, None)
    secret = pem.BestAvailableEncryption(PASSPHRASE)
    old = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.TraditionalOpenSSL, secret)
    assert b"Proc-Type: 4,ENCRYPTED" in old
    user = {"client-certificate-data": in_base64(place.cert), "client-key-data": in_base64(old)}
    with pytest.raises(CredentialError, match="encrypted with a passphrase"):
        ours(put(place, 400, yaml.safe_dump(config(place, user=user))))


def encrypted(at: Place) -> str:
    key = pem.load_pem_private_key(at.key, None)
    secret = pem.BestAvailableEncryption(PASSPHRASE)
    return in_base64(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, secret))
