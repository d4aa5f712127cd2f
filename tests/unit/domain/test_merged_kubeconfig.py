# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubeconfigs of many clusters become one, and lose nothing and nobody on the way."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.kubeconfig import kubeconfig_for
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.merged_kubeconfig import merged_kubeconfig
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.kubeconfig import read_kubeconfig

PEM = "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n"
SECRET = "a-token-that-no-message-holds"


def kubeconfig(name: str, context: str = "") -> str:
    return kubeconfig_for(
        server=f"https://{name}.example",
        ca_pem=PEM,
        token=f"{SECRET}-{name}",
        cluster_name="cluster",
        context=context or name,
        user="observer",
        namespace="fireworks-models",
        annotations={"identity": "observer"},
        proxy_url="http://proxy.example",
    )


def test_each_context_leads_to_its_own_cluster_with_its_own_token() -> None:
    merged = yaml.safe_load(merged_kubeconfig({name: kubeconfig(name) for name in ("birch-eu-1", "acme-eu-1")}))
    assert "current-context" not in merged
    clusters = {each["name"]: each["cluster"] for each in merged["clusters"]}
    users = {each["name"]: each["user"] for each in merged["users"]}
    for name in ("acme-eu-1", "birch-eu-1"):
        [context] = [each["context"] for each in merged["contexts"] if each["name"] == name]
        [entry] = yaml.safe_load(kubeconfig(name))["clusters"]
        assert clusters[context["cluster"]] == entry["cluster"]
        assert users[context["user"]] == {"token": f"{SECRET}-{name}"}
        assert context["namespace"] == "fireworks-models"
    assert yaml.safe_load(merged_kubeconfig({})) == {**merged, "clusters": [], "users": [], "contexts": []}


def test_our_own_reader_finds_in_it_what_each_file_alone_says() -> None:
    files = {name: kubeconfig(name, f"the-{name}") for name in ("acme-eu-1", "birch-eu-1")}
    merged = merged_kubeconfig(files)
    for name, text in files.items():
        alone, found = (
            read_kubeconfig(each, context=f"the-{name}", base_dir="/", source="here") for each in (text, merged)
        )
        assert found == alone and found.token == f"{SECRET}-{name}"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"a": kubeconfig("a", "prod"), "b": kubeconfig("b", "prod")}, "a and b have a context of the same name, prod"),
        ({"a": f"users: [{SECRET}"}, "the credential of a is no kubeconfig with one context"),
        ({"a": SECRET}, "is no kubeconfig"),
        ({"a": ""}, "is no kubeconfig"),
        ({"a": f"{{users: [], clusters: [], contexts: [], x: {SECRET}}}"}, "is no kubeconfig"),
    ],
)
def test_what_cannot_be_merged_is_told_without_its_content(texts: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as told:
        merged_kubeconfig(texts)
    assert said in str(told.value) and SECRET not in str(told.value)
