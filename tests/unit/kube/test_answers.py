# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as an answer of the API server, and what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.answers import (
    Answer,
    Asked,
    Place,
    doubt,
    place_of,
    watch_events,
)

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
PODS = "/api/v1/namespaces/n/pods"
LWS, SERVED = "/apis/leaderworkerset.x-k8s.io/v1", {"kind": "APIResourceList", "apiVersion": "v1"}
PROXY = "/api/v1/namespaces/n/services/s:80/proxy/v1/models"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
SCALED = "/apis/keda.sh/v1alpha1/namespaces/n/scaledobjects"
KINDS = {("keda.sh/v1alpha1", "scaledobjects"): "ScaledObject"}


def answer(status: int, body: Any, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(
        status, {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}, data
    )


def status(code: int, **more: Any) -> Answer:
    return answer(code, {"kind": "Status", "apiVersion": "v1", "code": code, **more})


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (PODS, Place("v1", "pods", "", "")),
        (f"{PODS}/p", Place("v1", "pods", "p", "")),
        (f"{PODS}/p/status", Place("v1", "pods", "p", "status")),
        ("/api/v1/namespaces", Place("v1", "namespaces", "", "")),
        ("/api/v1/namespaces/n", Place("v1", "namespaces", "n", "")),
        ("/api/v1/namespaces/n/finalize", Place("v1", "namespaces", "n", "finalize")),
        ("/apis/apps/v1/deployments", Place("apps/v1", "deployments", "", "")),
        ("/apis/apps/v1/namespaces/n/deployments/d/scale", Place("apps/v1", "deployments", "d", "scale")),
        (PROXY, None),
        ("/version", None),
        ("/apis", None),
    ],
)
def test_a_path_names_a_place(path: str, place: Place | None) -> None:
    assert place_of(path) == place


BELIEVED = {
    "a list": (Asked("GET", PODS, ""), answer(200, {"kind": "PodList", "items": []})),
    "what is served": (Asked("GET", LWS, ""), answer(200, {**SERVED, "resources": []})),
    "a list of null": (Asked("GET", PODS, ""), answer(200, {"kind": "PodList", "items": None})),
    "an object": (Asked("GET", f"{PODS}/p", ""), answer(200, POD)),
    "an object whose plural ends in es": (
        Asked("GET", "/apis/scheduling.k8s.io/v1/priorityclasses/a", ""),
        answer(200, {"kind": "PriorityClass", "metadata": {"name": "a"}}),
    ),
    "an object whose plural ends in ies": (
        Asked("GET", "/apis/networking.k8s.io/v1/namespaces/n/networkpolicies", ""),
        answer(200, {"kind": "NetworkPolicyList", "items": []}),
    ),
    "a plural that is the kind": (
        Asked("GET", "/api/v1/endpoints", ""), answer(200, {"kind": "EndpointsList", "items": []})
    ),
    "metadata only": (Asked("GET", PODS, METADATA), answer(200, {"kind": "PartialObjectMetadataList", "items": []})),
    "discovery": (Asked("GET", "/apis", DISCOVERY), answer(200, {"kind": "APIGroupDiscoveryList", "items": []})),
    "what was created": (Asked("POST", PODS, "", POD), answer(201, POD)),
    "a generated name": (Asked("POST", PODS, "", POD), answer(201, {**POD, "metadata": {"name": "p-x1"}})),
    "a token": (
        Asked("POST", "/api/v1/namespaces/n/serviceaccounts/a/token", "", {"kind": "TokenRequest"}),
        answer(201, {"kind": "TokenRequest", "status": {"token": "t"}}),
    ),
    "an eviction": (Asked("POST", f"{PODS}/p/eviction", "", {"kind": "Eviction"}), status(201, status="Success")),
    "a deletion done": (Asked("DELETE", f"{PODS}/p", "", {"kind": "DeleteOptions"}), status(200, status="Success")),
    "a deletion begun": (Asked("DELETE", f"{PODS}/p", "", {"kind": "DeleteOptions"}), answer(200, POD)),
    "a merge patch": (Asked("PATCH", f"{PODS}/p", "", {"metadata": {"labels": {}}}), answer(200, POD)),
    "a kind that discovery told": (Asked("GET", SCALED, ""), answer(200, {"kind": "ScaledObjectList", "items": []})),
    "a refusal": (Asked("GET", f"{PODS}/p", ""), status(404)),
    "a path that is not served": (
        Asked("GET", "/apis/none/v1/things", ""), answer(404, b"404 page not found\n", Audit_Id="x")
    ),
    "a load balancer without a back end": (Asked("GET", PODS, ""), answer(503, b"<html>")),
    "a back end behind the API server": (
        Asked("GET", PROXY, ""), answer(200, b"ok", Content_Type="text/plain", Audit_Id="x")
    ),
    "JSON of a back end": (Asked("GET", PROXY, ""), answer(200, [], Audit_Id="x")),
    "a back end's not-found": (Asked("GET", PROXY, ""), answer(404, {"error": "no such model"}, Audit_Id="x")),
    "a back end that is not there": (Asked("GET", PROXY, ""), answer(503, b"<html>")),
    "a version": (Asked("GET", "/version", ""), answer(200, {"gitVersion": "v1.36.3"})),
}  # fmt: skip

DOUBTED = {
    "a login page": (Asked("GET", PODS, ""), answer(200, b"<html>Sign in</html>"), "no JSON object"),
    "a login page for a deletion": (Asked("DELETE", f"{PODS}/p", ""), answer(200, b"<html>"), "no JSON object"),
    "nothing": (Asked("GET", PODS, ""), answer(200, b""), "0 bytes"),
    "half of it": (Asked("GET", PODS, ""), answer(200, b'{"kind": "PodList", "items": ['), "no JSON object"),
    "a list that is no object": (Asked("GET", PODS, ""), answer(200, []), "no JSON object"),
    "a list without items": (Asked("GET", PODS, ""), answer(200, {"kind": "PodList"}), "without items"),
    "what is served, without saying it": (Asked("GET", LWS, ""), answer(200, SERVED), "without resources"),
    "another kind for what is served": (Asked("GET", LWS, ""), answer(200, {"kind": "Secret"}), "Secret"),
    "a group for what is served": (Asked("GET", "/api/v1", ""), answer(200, {"kind": "APIVersions"}), "APIVersions"),
    "a list of another kind": (Asked("GET", PODS, ""), answer(200, {"kind": "NodeList", "items": []}), "NodeList"),
    "an object for a list": (Asked("GET", PODS, ""), answer(200, POD), "the kind Pod"),
    "a list for an object": (Asked("GET", f"{PODS}/p", ""), answer(200, {"kind": "PodList", "items": []}), "PodList"),
    "no kind": (Asked("GET", f"{PODS}/p", ""), answer(200, {"metadata": {"name": "p"}}), "missing"),
    "a Status for an object": (Asked("GET", f"{PODS}/p", ""), answer(200, {"kind": "Status"}), "Status"),
    "another kind of a known group": (
        Asked("GET", SCALED, ""), answer(200, {"kind": "PodList", "items": []}), "PodList"
    ),
    "an object of another name": (
        Asked("GET", f"{PODS}/q", ""), answer(200, POD), "an object of another name (p)"
    ),
    "another kind than was sent": (Asked("POST", PODS, "", POD), answer(201, {"kind": "Node"}), "Node"),
    "metadata of no list": (Asked("GET", PODS, METADATA), answer(200, {"kind": "PodList", "items": []}), "PodList"),
    "discovery of old": (Asked("GET", "/apis", DISCOVERY), answer(200, {"kind": "APIGroupList"}), "APIGroupList"),
    "an eviction that answers a pod": (
        Asked("POST", f"{PODS}/p/eviction", "", {"kind": "Eviction"}), answer(201, POD), "Pod"
    ),
    "a deletion that failed with 200": (Asked("DELETE", f"{PODS}/p", ""), status(200, status="Failure"), "Status"),
    "a not-found of a proxy": (Asked("GET", f"{PODS}/p", ""), answer(404, b"<html>"), "no Status of an API server"),
    "a not-found of a proxy written in Go": (
        Asked("GET", f"{PODS}/p", ""), answer(404, b"404 page not found\n"), "no Status of an API server"
    ),
    "a refused token of a proxy": (
        Asked("GET", PODS, ""), answer(401, {"error": "login"}), "no Status of an API server"
    ),
    "a login page for a back end": (
        Asked("GET", PROXY, ""), answer(200, b"<html>", Content_Type="text/html"), "without the API server's Audit-Id"
    ),
    "a not-found of a proxy for a back end": (
        Asked("GET", PROXY, ""), answer(404, b"<html>", Content_Type="text/html"), "without the API server's Audit-Id"
    ),
    "half of a back end's JSON": (
        Asked("GET", PROXY, ""), answer(200, b'{"data": [', Audit_Id="x"), "which is not whole"
    ),
    "a redirect": (Asked("GET", PODS, ""), answer(302, b""), "redirect"),
    "no version": (Asked("GET", "/version", ""), answer(200, {"error": "login"}), "missing"),
}  # fmt: skip


@pytest.mark.parametrize("case", BELIEVED.values(), ids=BELIEVED)
def test_what_the_api_server_answers_is_believed(case: tuple[Asked, Answer]) -> None:
    assert doubt(*case, KINDS) == ""


@pytest.mark.parametrize("case", DOUBTED.values(), ids=DOUBTED)
def test_anything_else_is_no_answer_and_says_what_came(case: tuple[Asked, Answer, str]) -> None:
    asked, got, words = case
    assert words in doubt(asked, got, KINDS)


def test_what_came_is_described_without_repeating_it() -> None:
    page = answer(200, b"<script>token=abc</script>" * 1000, Content_Type="text/html; charset=\x1b[31m")
    said = doubt(Asked("GET", PODS, ""), page, {})
    assert "script" not in said
    assert "\x1b" not in said
    assert "text/html" in said


ADDED = {"type": "ADDED", "object": POD}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (status(503, message="no endpoints available"), "no endpoints available"),
        (status(503), "HTTP 503"),
        (answer(502, b"<html>Authorization: Bearer s3cr3t</html>"), "HTTP 502"),
        (answer(500, {"message": "cannot connect to postgres://me:s3cr3t@db"}), "HTTP 500"),
        (answer(401, {"error": {"message": "invalid key s3cr3t"}}), "HTTP 401"),
    ],
)
def test_of_an_error_only_what_the_api_server_says_is_repeated(given: Answer, said: str) -> None:
    assert given.why() == said
    assert "s3cr3t" not in str(given.refused())


@pytest.mark.parametrize(
    "line",
    [b"<html>", b"null", b"[]", b"{}", b'{"type": "ADDED"}', b'{"type": "X", "object": {}}', b'{"type": "ADDED"'],
)
def test_a_watch_ends_at_the_first_line_that_is_no_event(line: bytes) -> None:
    whole = json.dumps(ADDED).encode()
    stream = b"\n".join([whole, line, whole, b""])
    assert list(watch_events([stream])) == [ADDED]


def test_events_are_read_across_chunks() -> None:
    stream = json.dumps(ADDED).encode() + b"\n\n" + json.dumps(ADDED).encode() + b"\n"
    assert list(watch_events([stream[:10], stream[10:60], stream[60:]])) == [ADDED, ADDED]
