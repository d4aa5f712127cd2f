# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge of a public endpoint: what was seen from the operator's machine, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight import (
    endpoint_advice,
    endpoint_question,
    preflight,
    refusal,
)
from tests.unit.domain.agreed import APIS, GATEWAY_API, RELEASE, WITH_GATEWAY, contract, facts, model
from tests.unit.domain.raw import named

IP = {"type": "IPAddress", "value": "203.0.113.7"}
NAME = {"type": "Hostname", "value": "lb.cloud.example"}
CHECKS = ("DNS record", "certificate", "public endpoint")


def with_addresses(*addresses: dict[str, str]) -> dict[str, Any]:
    status = {"conditions": [{"type": "Programmed", "status": "True"}], "addresses": list(addresses)}
    return facts(apis={**APIS, **GATEWAY_API}, gateways=[named("public", "gateway-system", status=status)])


def name(text: str, *addresses: str, answered: bool = True, error: str = "") -> dict[str, Any]:
    return {"name": text, "addresses": list(addresses), "answered": answered, "error": error}


def answer(status: int = 401, trust: str = "verified", **certificate: Any) -> dict[str, Any]:
    read = {"names": ["llm.acme.example", "*.llm.acme.example"], "not_after": "2027-01-01T00:00:00Z", "error": ""}
    found = {"address": "203.0.113.7", "connected": True, "error": "", "status": status, "trust": trust}
    return {**found, "certificate": {**read, **certificate}}


def seen(**more: Any) -> dict[str, Any]:
    names = [name("llm.acme.example", "203.0.113.7"), name("llama.llm.acme.example", "203.0.113.7")]
    at = {"domain": "llm.acme.example", "asked_from": "desk-7", "asked_at": "2026-11-29T12:00:00Z", "proxy": False}
    return {
        **at,
        "names": names,
        "entry": [name("203.0.113.7", "203.0.113.7")],
        "not_tested": "",
        "answer": answer(),
    } | more


def judged(
    endpoint: dict[str, Any], *addresses: dict[str, str], agreed: dict[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    agreed = agreed or contract(networking=WITH_GATEWAY, models=[model()])
    items = preflight(with_addresses(*(addresses or (IP,))), agreed, RELEASE, (), endpoint)
    return {item["check"]: item for item in items if item["check"] in CHECKS}


def test_an_endpoint_that_is_right_meets_all_and_says_from_where_it_was_seen() -> None:
    found = judged(seen())
    assert tuple(found) == CHECKS
    assert all(item["ok"] for item in found.values())
    assert found["DNS record"]["found"] == "llm.acme.example leads to 203.0.113.7, from desk-7"
    assert found["public endpoint"]["found"] == "HTTP 401 at 203.0.113.7, asked from desk-7"
    assert found["certificate"]["found"] == (
        "for llm.acme.example, *.llm.acme.example, until 2027-01-01T00:00:00Z, verified"
    )


BOTH = "llm.acme.example. {0}, *.llm.acme.example. {0}"
NOWHERE = [name("llm.acme.example", error="Name or service not known"), name("llama.llm.acme.example")]
DARK = [name("llm.acme.example", answered=False, error="Temporary failure in name resolution")]
ELSEWHERE = [name("llm.acme.example", "203.0.113.7"), name("llama.llm.acme.example", "192.0.2.9")]
STALE = [name("llm.acme.example", "203.0.113.7", "192.0.2.9"), name("llama.llm.acme.example", "203.0.113.7")]
NONE_KNOWN: dict[str, Any] = {"entry": [], "answer": {}, "not_tested": "the addresses of the entry point are not known"}


@pytest.mark.parametrize(
    ("more", "addresses", "found", "record"),
    [
        (
            {"names": NOWHERE},
            [IP],
            "no record of llm.acme.example, llama.llm.acme.example",
            BOTH.format("A 203.0.113.7"),
        ),
        ({"names": NOWHERE}, [NAME], "no record of", BOTH.format("CNAME lb.cloud.example.")),
        ({"names": NOWHERE}, [{**IP, "value": "2001:DB8::7"}], "no record of", BOTH.format("AAAA 2001:db8::7")),
        (
            {"names": NOWHERE, "entry": []},
            [{"type": "x.example/Named", "value": "n"}],
            "no record of",
            "once it has one",
        ),
        ({"names": NOWHERE, "entry": []}, [{**NAME, "value": "a b\n"}], "no record of", "once it has one"),
        ({"names": DARK}, [IP], "not tested", BOTH.format("A 203.0.113.7")),
        ({"names": ELSEWHERE}, [IP], "llama.llm.acme.example leads to 192.0.2.9", BOTH.format("A 203.0.113.7")),
        ({"names": STALE}, [IP], "llm.acme.example leads to 203.0.113.7, 192.0.2.9", BOTH.format("A 203.0.113.7")),
        (
            NONE_KNOWN,
            [{"type": "x.example/Named", "value": "n"}],
            "not tested whether that is the gateway",
            "once it has",
        ),
    ],
)
def test_a_name_that_does_not_lead_to_the_gateway_gets_the_record_to_create(
    more: dict[str, Any], addresses: list[dict[str, str]], found: str, record: str
) -> None:
    item = judged(seen(**more), *addresses)["DNS record"]
    assert (item["ok"], item["blocking"], item["owner"]) == (False, False, "customer")
    assert item["contact"]["email"] == "networking@acme.example"
    assert found in item["found"]
    assert record in item["needed"]
    assert f"Create {item['needed']}" in item["message"]
    assert "from desk-7" in item["message"]


def test_a_load_balancer_with_a_name_may_tell_a_part_of_its_addresses_at_a_time() -> None:
    assert judged(seen(names=STALE), NAME)["DNS record"]["ok"] is True
    assert judged(seen(names=ELSEWHERE), NAME)["DNS record"]["ok"] is False


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (answer(names=["llm.acme.example"]), "it is not for llama.llm.acme.example."),
        (answer(names=["*.acme.example"]), "it is not for llama.llm.acme.example."),
        (answer(names=["*.llm.acme.example"]), "it is not for llm.acme.example."),
        (answer(names=["*"], trust="other_name"), "it is not for llm.acme.example, llama.llm.acme.example."),
        (answer(names=[], trust="other_name"), "it is not for llm.acme.example, llama.llm.acme.example."),
        (answer(not_after="2026-12-13T11:59:59Z"), "it ends soon, at 2026-12-13T11:59:59Z."),
        (answer(not_after="2026-11-29T11:59:59Z", trust="expired"), "it expired at 2026-11-29T11:59:59Z."),
        (answer(trust="unknown_authority"), "its authority is not one that this machine trusts."),
        (answer(trust="not_yet_valid"), "it is not valid yet."),
        (answer(trust="not_trusted"), "it is not trusted."),
        (
            answer(trust="unknown_authority", names=["other.example"], not_after="2026-11-30T00:00:00Z"),
            (
                "it is not for llm.acme.example, llama.llm.acme.example; it ends soon, at 2026-11-30T00:00:00Z; "
                "its authority is not one that this machine trusts."
            ),
        ),
    ],
)
def test_each_fault_of_a_certificate_is_said(given: dict[str, Any], message: str) -> None:
    item = judged(seen(answer=given))["certificate"]
    assert (item["ok"], item["blocking"], item["owner"]) == (False, False, "customer")
    assert item["message"] == f"The certificate at 203.0.113.7 is not right, asked from desk-7: {message}"


def test_a_certificate_that_ends_in_fourteen_days_and_one_that_covers_each_model_are_right() -> None:
    each = {"names": ["LLM.acme.example", "llama.llm.acme.example"]}
    assert judged(seen(answer=answer(not_after="2026-12-13T12:00:00Z", **each)))["certificate"]["ok"] is True


def test_without_models_no_wildcard_is_missed() -> None:
    agreed = contract(networking=WITH_GATEWAY)
    assert judged(seen(answer=answer(names=["llm.acme.example"])), agreed=agreed)["certificate"]["ok"] is True


REFUSED = {"address": "203.0.113.7", "connected": False, "error": "Connection refused", "status": 0, "certificate": {}}
SILENT = {**REFUSED, "connected": True, "error": "no TLS: wrong version number", "trust": ""}


@pytest.mark.parametrize(
    ("more", "found", "message"),
    [
        ({"answer": answer(404)}, "HTTP 404 at", ""),
        ({"answer": answer(200)}, "HTTP 200 at", ""),
        ({"answer": answer(301)}, "HTTP 301 at", "answers HTTP 301, at 203.0.113.7, asked from desk-7."),
        ({"answer": answer(503)}, "HTTP 503 at", "answers HTTP 503, at 203.0.113.7, asked from desk-7."),
        (
            {"answer": REFUSED},
            "no answer at",
            "does not answer: Connection refused, at 203.0.113.7, asked from desk-7.",
        ),
        ({"answer": SILENT, "proxy": True}, "no answer at", "does not answer: no TLS: wrong version number, at"),
        (
            {"answer": REFUSED, "proxy": True},
            "not tested",
            "Connection refused (the proxy of this machine's environment",
        ),
        (
            {"answer": {}, "not_tested": "10.0.0.7 is a private address"},
            "not tested",
            "was not tested from desk-7: 10.0.0.7 is a private address.",
        ),
    ],
)
def test_what_the_endpoint_answered_is_said_and_what_was_not_tested_is_never_good(
    more: dict[str, Any], found: str, message: str
) -> None:
    items = judged(seen(**more))
    item = items["public endpoint"]
    assert item["ok"] is not bool(message)
    assert found in item["found"]
    assert message in item["message"]
    if not more["answer"].get("certificate"):
        assert (items["certificate"]["ok"], items["certificate"]["found"]) == (False, "not tested")


def test_all_of_it_is_advice_and_the_report_has_what_is_left_to_do() -> None:
    agreed = contract(networking=WITH_GATEWAY, models=[model()])
    items = preflight(with_addresses(IP), agreed, RELEASE, (), seen(names=NOWHERE, answer=REFUSED))
    assert refusal("acme-eu-1", items) == ""
    lines = endpoint_advice(items).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["acme-eu-1", check] for check in CHECKS]
    assert all("Action required by: customer" in line and "networking@acme.example" in line for line in lines)
    assert endpoint_advice(preflight(with_addresses(IP), agreed, RELEASE, (), seen())) == ""


OPENSHIFT = {"identity": {"provider": "openshift"}, "networking": {"domain": "llm.acme.example"}}


@pytest.mark.parametrize(
    ("agreed", "question"),
    [
        (contract(), {}),
        (contract(networking={"domain": "llm.acme.example"}), {}),
        (contract(networking={"gateway": WITH_GATEWAY["gateway"]}), {}),
        (
            contract(networking=WITH_GATEWAY),
            {
                "domain": "llm.acme.example",
                "hosts": ["byoc-preflight.llm.acme.example"],
                "addresses": ["203.0.113.7", "lb.cloud.example"],
            },
        ),
        (
            contract(**OPENSHIFT, models=[model("a"), model("b")]),
            {"domain": "llm.acme.example", "hosts": ["a.llm.acme.example", "b.llm.acme.example"], "addresses": []},
        ),
    ],
)
def test_it_is_asked_about_where_there_is_an_entry_point_with_a_domain(
    agreed: dict[str, Any], question: dict[str, Any]
) -> None:
    assert endpoint_question(with_addresses(IP, NAME), agreed) == question


def test_without_a_question_there_is_no_item_and_on_openshift_the_record_names_its_ingress() -> None:
    assert judged({}) == {}
    item = judged(seen(**NONE_KNOWN), agreed=contract(**OPENSHIFT))["DNS record"]
    assert "not tested whether that is OpenShift's ingress" in item["found"]
    assert "CNAME <routerCanonicalHostname of OpenShift's ingress>" in item["needed"]
