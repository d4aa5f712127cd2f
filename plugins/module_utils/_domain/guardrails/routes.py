# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which host names requests reach us: those of the contract's domain, from its gateway to the router.

What a route may say is what :mod:`..model.exposure` makes of the contract, but for the host of the route's own model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contract.typed import Contract
from ..entry_point import GATEWAY_GROUP, ROUTE_GROUP
from ..guardrail_names import ROUTES_GUARDRAIL
from ..model.exposure import front_door
from ..names import ROUTER, model_set
from .ours import OF_THE_STACK, mixed, only, policy_of_specs
from .policy import Policy, Rule, literal

_WHY = (
    "Fireworks routes only host names of networking.domain, from the gateway of the contract to its router: no other "
    "parents, back ends or namespaces, and no mirroring, redirects, rewrites or filters."
)
_KINDS = [(GATEWAY_GROUP, "*", "httproutes"), (ROUTE_GROUP, "*", "routes")]
_NONE = Rule("false", "Fireworks makes no routes here: the contract names no entry point (networking.domain).")
_HOSTS = ("hostnames", "host")
"""Where an HTTPRoute, and a Route of OpenShift, has its host names."""


def routes_policy(contract: Contract) -> Policy:
    """The guardrail ``fireworks-routes``."""
    made = front_door(contract)
    domain = (contract.get("networking") or {}).get("domain")
    rules = _rules(made[0], str(domain)) if made else (_NONE,)
    return policy_of_specs(ROUTES_GUARDRAIL, _WHY, _KINDS, rules, {"host": _host(str(domain))} if made else {})


def _host(domain: str) -> str:
    """The host name of a route, by its own name: the router's is the domain itself."""
    models = model_set("")
    return (
        f"variables.name == {literal(ROUTER)} ? {literal(domain)} : variables.name.startsWith({literal(models)})"
        f" ? variables.name.substring({len(models)}) + {literal('.' + domain)} : ''"
    )


def _rules(made: Mapping[str, Any], domain: str) -> tuple[Rule, ...]:
    spec = made["spec"]
    kind = f"{str(made['kind']).lower()}s.{str(made['apiVersion']).partition('/')[0]}"
    what = "request.resource.resource + '.' + request.resource.group"
    [host] = [key for key in _HOSTS if key in spec]
    asked = f"variables.spec.?{host}.orValue({literal([] if host == 'hostnames' else '')})"
    wanted = "[variables.host]" if host == "hostnames" else "variables.host"
    rest = [key for key in spec if key not in (host, "parentRefs")]
    return (
        Rule(
            f"{OF_THE_STACK} && {what} == {literal(kind)}",
            f"Requests enter by {kind} in fireworks-system, and by nothing else (networking).",
        ),
        Rule(
            f"variables.host != '' && {asked} == {wanted}",
            f"A route has the host name of its model below {domain}, or, that of the router, {domain} itself"
            " (networking.domain).",
            "'route ' + variables.name + ' may have only the host name ' + (variables.host == ''"
            " ? 'of a model or the router, after which it is named' : variables.host) + ' (networking.domain)'",
        ),
        *(
            (
                Rule(
                    f"variables.spec.?parentRefs.orValue([]) == {mixed(spec['parentRefs'])}",
                    "A route is attached to the gateway of the contract only (networking.gateway).",
                ),
            )
            if "parentRefs" in spec
            else ()
        ),
        Rule(
            " && ".join([only("variables.spec", spec), *(_says(key, spec[key]) for key in rest)]),
            "A route leads /v1 to the router, with all its weight, and does nothing else: no other back ends, no "
            "mirroring, redirects, rewrites or filters.",
        ),
    )


def _says(key: str, value: Any) -> str:
    return f"{literal(key)} in variables.spec && variables.spec[{literal(key)}] == {mixed(value)}"
