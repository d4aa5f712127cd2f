# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holders of accounts in the namespace of setup grants, by their real tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from byoc_testbed.api import Api
from tests.integration.guarded import refusal, until

_ACCOUNTS = "/api/v1/namespaces/fireworks-setup/serviceaccounts"
_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"


def holder(cluster: Any, account: str) -> Api:
    """The API with a token of this account."""
    answer = cluster.request("POST", f"{_ACCOUNTS}/{account}/token", {"spec": {"expirationSeconds": 3600}})
    return Api(cluster.server, cluster.ca_file, answer["status"]["token"])


@contextmanager
def misbound(cluster: Any, name: str) -> Iterator[Api]:
    """An account that somebody bound to cluster-admin by mistake, once the bounds of grants hold it.

    A grant itself does not tell whether they are in force: what they refuse, RBAC or another guardrail refuses too.
    """
    metadata = {"metadata": {"name": name}}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "fireworks-setup"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    cluster.request("POST", _ACCOUNTS, metadata)
    cluster.request("POST", _BINDINGS, {**metadata, "roleRef": role, "subjects": [subject]})
    api = holder(cluster, name)
    try:
        elsewhere, bounds = "/api/v1/namespaces/default/configmaps", "ValidatingAdmissionPolicy 'fireworks-setup'"
        until(lambda: bounds in refusal(api, "POST", elsewhere, {"metadata": {"name": "x"}}), f"nothing bounds {name}")
        yield api
    finally:
        api.close()
        cluster.request("DELETE", f"{_BINDINGS}/{name}")
        cluster.request("DELETE", f"{_ACCOUNTS}/{name}")
