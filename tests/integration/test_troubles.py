# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each trouble of the tests' proxy reaches a session as what it is, and a session that asks again gets past it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube import session as session_module
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import (
    AnswerError,
    ConflictError,
    KubeError,
    NotAnAnswerError,
    UnreachableError,
    answer_error,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.session import Session
from tests.integration.test_session import open_session
from tests.integration.troubled import troubled
from tests.integration.troubles import BY_NAME, TROUBLES, ByShare

MAPS = "/api/v1/namespaces/default/configmaps"
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "troubled", "namespace": "default"}}
#: A session hears a reset within TLS as any of these.
CUT = "reset by peer|closed connection|EOF"
MEETS: dict[str, tuple[type[KubeError], str]] = {
    "login page": (NotAnAnswerError, "text/html"),
    "truncated JSON": (NotAnAnswerError, "no JSON object"),
    "another kind": (NotAnAnswerError, "the kind Secret"),
    "reset after it acted": (UnreachableError, CUT),
    "409": (ConflictError, "has been modified"),
    "429": (AnswerError, "429"),
    "503": (AnswerError, "HTTP 503"),
    "etcd's 500": (AnswerError, "leader changed"),
    "reset before it acted": (UnreachableError, CUT),
    "reset mid-body": (UnreachableError, f"{CUT}|bytes read"),
    "TLS cut": (UnreachableError, CUT),
    "silence": (UnreachableError, "timed out"),
    "one byte a second": (UnreachableError, "timed out"),
}
#: These let the API server act before they strike.
ACTED = {"truncated JSON", "reset after it acted", "etcd's 500", "reset mid-body", "one byte a second"}


@contextmanager
def way(cluster: Any, trouble: str, share: float) -> Iterator[tuple[Session, ByShare]]:
    choose = ByShare(BY_NAME[trouble], share, "a seed")
    with troubled(cluster, choose) as server:
        yield open_session(cluster, server=server), choose


@pytest.fixture
def maps(bed: Any) -> Iterator[Callable[[], list[Any]]]:
    """The ConfigMaps that a test makes."""
    cluster = bed["acme"]

    def there() -> list[Any]:
        items: list[Any] = cluster.request("GET", MAPS)["items"]
        return [item for item in items if item["metadata"]["name"] == "troubled"]

    yield there
    if there():
        cluster.request("DELETE", f"{MAPS}/troubled")


@pytest.mark.parametrize("trouble", MEETS)
def test_a_write_meets_each_trouble(
    bed: Any, maps: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(session_module, "CONNECT_SECONDS", 0.5)
    error, says = MEETS[trouble]
    with way(bed["acme"], trouble, 1.0) as (session, choose):
        with pytest.raises(error, match=says):
            answer = session.exchange("POST", MAPS, body=MAP, retry=False, read_seconds=0.3)
            raise answer_error(answer.status, answer.json(), where="here", request="POST")
        assert choose.struck == 1
    assert bool(maps()) is (trouble in ACTED)


def test_a_list_and_a_watch_that_expire_go_on(bed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "PAGE_SIZE", 5)
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    with way(bed["acme"], "410", 0.5) as (session, choose):
        assert len(list(session.list_items(roles))) == len(bed["acme"].request("GET", roles)["items"])
        assert choose.struck
    with way(bed["acme"], "410", 1.0) as (session, _choose):
        [event] = session.watch(MAPS, {}, 5)
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


@pytest.mark.parametrize("trouble", [one.name for one in TROUBLES if not one.slow])
def test_a_session_that_asks_again_gets_past_it(bed: Any, trouble: str) -> None:
    with way(bed["acme"], trouble, 0.3) as (session, choose):
        for _ in range(8):
            session.get("/api/v1/nodes")
        assert choose.calls >= 8
