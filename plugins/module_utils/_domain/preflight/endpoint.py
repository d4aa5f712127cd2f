# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the world find the endpoint: its DNS records, its certificate, an answer?

Advice only. Before onboarding nothing need answer yet, and a name may be one of the customer's own network. What was
not tested is never called good.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.typed import Contract
from ..entry_point import NONE, OPENSHIFT_ROUTE, entry_point
from ..moments import seconds_at
from .asked_addresses import plain_address
from .item import Item

Data = Mapping[str, Any]

ENDPOINT_CHECKS = ("DNS record", "certificate", "public endpoint")
_BELOW = "byoc-preflight"
"""A name that only a wildcard answers, where the contract has no model to look for."""
_MOST_HOSTS = 20
_SHOWN = 4
_SOON_DAYS = 14
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")
_NOT_TESTED = "not tested"
_TRUST = {
    "verified": "verified",
    "unknown_authority": "its authority is not one that this machine trusts",
    "expired": "it has expired",
    "not_yet_valid": "it is not valid yet",
    "other_name": "it is for other names",
}


def endpoint_question(facts: Data, contract: Contract) -> dict[str, Any]:
    """What to ask for the contract's endpoint, as options of ``endpoint_info``; nothing where there is none."""
    domain = _domain(contract)
    if not domain or entry_point(contract) == NONE:
        return {}
    addresses = [one["value"] for one in _entry(facts, contract)]
    return {"domain": domain, "hosts": _hosts(contract), "addresses": addresses}


def public_endpoint(endpoint: Data, facts: Data, contract: Contract) -> list[Item]:
    """The items of what ``endpoint_info`` found; none where nothing was asked."""
    if not endpoint:
        return []
    return [_dns(endpoint, facts, contract), _certificate(endpoint, contract), _answer(endpoint)]


def _domain(contract: Contract) -> str:
    return (contract.get("networking") or {}).get("domain") or ""


def _hosts(contract: Contract) -> list[str]:
    """The names below the domain that routes have: those of the models."""
    domain = _domain(contract)
    models = [str(model["name"]) for model in contract.get("models") or ()]
    return [f"{name}.{domain}" for name in (models or [_BELOW])[:_MOST_HOSTS]]


def _entry(facts: Data, contract: Contract) -> list[dict[str, str]]:
    """Where the gateway listens, as far as a DNS record can say it."""
    wanted = (contract.get("networking") or {}).get("gateway")
    if not wanted:
        return []
    place = (wanted["namespace"], wanted["name"])
    said = [
        one for each in facts["gateways"] if (each["namespace"], each["name"]) == place for one in each["addresses"]
    ]
    return [one for one in said if _sayable(one["type"], one["value"])]


def _sayable(kind: str, value: str) -> bool:
    if kind == "IPAddress":
        return bool(plain_address(value))
    return kind == "Hostname" and bool(_HOST.fullmatch(value))


def _records(facts: Data, contract: Contract) -> str:
    """The records that the customer has to create, as a zone file has them."""
    domain = _domain(contract)
    values = [_record(one) for one in _entry(facts, contract)]
    if not values and entry_point(contract) == OPENSHIFT_ROUTE:
        values = ["CNAME <routerCanonicalHostname of OpenShift's ingress>"]
    values = values or ["A <the gateway's address, once it has one>"]
    return ", ".join(f"{name}. {value}" for name in (domain, f"*.{domain}") for value in values)


def _record(address: Mapping[str, str]) -> str:
    if address["type"] == "Hostname":
        return f"CNAME {address['value'].rstrip('.')}."
    plain = plain_address(address["value"])
    return f"{'AAAA' if ':' in plain else 'A'} {plain}"


def _dns(endpoint: Data, facts: Data, contract: Contract) -> Item:
    needed, place = _records(facts, contract), _from(endpoint)
    found, message = _misled(endpoint, facts, contract)
    if not found:
        return Item("DNS record", True, f"{_leads(endpoint['names'][0])}, {place}", needed)
    message = f"{message} Looked up {place}. Create {needed}"
    message += " (at the top of a zone an alias record in place of CNAME)." if " CNAME " in needed else "."
    return Item("DNS record", False, found, needed, message, "networking", blocking=False)


def _misled(endpoint: Data, facts: Data, contract: Contract) -> tuple[str, str]:
    """What is wrong with the names, in short and as a sentence; nothing where all lead to the entry point."""
    names, entry = endpoint["names"], endpoint["entry"]
    failed = [one for one in names if not one["answered"]]
    if failed:
        return _NOT_TESTED, f"The look-up of {_named(failed)} failed: {failed[0]['error']}."
    absent = [one for one in names if not one["addresses"]]
    if absent:
        return f"no record of {_named(absent)}", f"There is no address of {_named(absent)}."
    known = {address for one in entry for address in one["addresses"]}
    if not known:
        what = "OpenShift's ingress" if entry_point(contract) == OPENSHIFT_ROUTE else "the gateway"
        leads = _leads(names[0])
        return f"{leads}; {_NOT_TESTED} whether that is {what}", f"It is not known at which address {what} listens."
    by_name = any(one["type"] == "Hostname" for one in _entry(facts, contract))
    elsewhere = [one for one in names if not _leads_to(one["addresses"], known, by_name=by_name)]
    if not elsewhere:
        return "", ""
    found, here = ", ".join(map(_leads, elsewhere[:_SHOWN])), _some(sorted(known))
    return found, f"{found}, and the gateway listens at {here}: something else takes the requests, which may be meant."


def _leads_to(addresses: Sequence[str], known: set[str], *, by_name: bool) -> bool:
    """A load balancer with a name tells a part of its addresses at a time; else each has to be the gateway's."""
    return bool(known.intersection(addresses)) if by_name else known.issuperset(addresses)


def _certificate(endpoint: Data, contract: Contract) -> Item:
    domain = _domain(contract)
    below = _hosts(contract) if contract.get("models") else []
    needed = f"for {domain}{f' and *.{domain}' if below else ''}, for {_SOON_DAYS} days more"
    answer = endpoint["answer"]
    read = answer.get("certificate") or {}
    if read.get("error") or not read.get("not_after"):
        why = read.get("error") or _why_not(endpoint)
        message = f"Nothing is known of the certificate: {why}. Asked {_from(endpoint)}."
        return Item("certificate", False, _NOT_TESTED, needed, message, "networking", blocking=False)
    trust = _TRUST.get(answer["trust"], "it is not trusted")
    found = f"for {_some(read['names']) or 'no name'}, until {read['not_after']}, {trust}"
    wrong = _faults(endpoint, [domain, *below])
    message = f"The certificate at {answer['address']} is not right, asked {_from(endpoint)}: {'; '.join(wrong)}."
    return Item("certificate", not wrong, found, needed, message, "networking", blocking=False)


def _faults(endpoint: Data, hosts: Sequence[str]) -> list[str]:
    answer, read = endpoint["answer"], endpoint["answer"]["certificate"]
    uncovered = [host for host in hosts if not any(_covers(name, host) for name in read["names"])]
    faults = [f"it is not for {_some(uncovered)}"] if uncovered else []
    left = (seconds_at(read["not_after"]) or 0.0) - (seconds_at(endpoint["asked_at"]) or 0.0)
    if left <= 0:
        faults.append(f"it expired at {read['not_after']}")
    elif left < _SOON_DAYS * 86400:
        faults.append(f"it ends soon, at {read['not_after']}")
    told = {"verified", *(["expired"] if left <= 0 else []), *(["other_name"] if uncovered else [])}
    return faults if answer["trust"] in told else [*faults, _TRUST.get(answer["trust"], "it is not trusted")]


def _covers(name: str, host: str) -> bool:
    """RFC 9525: a wildcard is the whole first label, and stands for one."""
    name, host = name.lower().rstrip("."), host.lower()
    return name == host or (name.startswith("*.") and name[2:] == host.partition(".")[2])


def _answer(endpoint: Data) -> Item:
    answer, place, needed = endpoint["answer"], _from(endpoint), "an answer by HTTPS"
    if not answer or (endpoint["proxy"] and not answer["connected"]):
        message = f"Whether {endpoint['domain']} answers was not tested {place}: {_why_not(endpoint)}."
        return Item("public endpoint", False, _NOT_TESTED, needed, message, "networking", blocking=False)
    found, at = (
        f"HTTP {answer['status']}" if answer["status"] else "no answer",
        f"at {answer['address']}, asked {place}",
    )
    # Without a credential 401 is right, and before onboarding 404: a redirect or an error of the server is not.
    ok = 200 <= answer["status"] < 300 or 400 <= answer["status"] < 500
    why = f"answers HTTP {answer['status']}" if answer["status"] else f"does not answer: {_why_not(endpoint)}"
    message = f"https://{endpoint['domain']}/v1/models {why}, {at}."
    return Item("public endpoint", ok, f"{found} {at}", needed, message, "networking", blocking=False)


def _why_not(endpoint: Data) -> str:
    """Why nothing came of asking."""
    if endpoint["not_tested"]:
        return str(endpoint["not_tested"])
    why = str(endpoint["answer"].get("error") or "no certificate came")
    connected = endpoint["answer"].get("connected")
    return why if connected or not endpoint["proxy"] else f"{why} (the proxy of this machine's environment is not used)"


def _from(endpoint: Data) -> str:
    return f"from {endpoint['asked_from']}"


def _leads(name: Data) -> str:
    return f"{name['name']} leads to {_some(name['addresses'])}"


def _named(names: Sequence[Data]) -> str:
    return _some([one["name"] for one in names])


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
