# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the router may be told to send requests: to the replicas of models, and nowhere else.

What the router reads is text, which CEL cannot parse. But each line of it is one of a few (``router.lines``) with a
name in it: so the name is taken out of a line, and the line has to be what that name makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..guardrail_names import ROUTER_MODELS_GUARDRAIL
from ..identities.needs import DEPLOYER, OPERATOR
from ..names import ROUTER_MODELS, SYSTEM_NAMESPACE, account_user
from ..router.compiled import cluster_domain
from ..router.lines import (
    CLUSTERS,
    ROUTES,
    beginning,
    cluster_line,
    end,
    list_line,
    route_line,
    unknown_model_line,
    unknown_path_line,
)
from .ours import BY_SETUP, BY_US, only
from .policy import Policy, Rule, literal

_WHY = (
    "Fireworks' router sends requests to the replicas of models only, behind their headless services in"
    " fireworks-models. Which models, the operator and the deployer say, in the ConfigMap router-models."
)
_MATCH = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SYSTEM_NAMESPACE}},
    "resourceRules": [
        {"apiGroups": [""], "apiVersions": ["*"], "resources": ["configmaps"], "operations": ["CREATE", "UPDATE"]}
    ],
}
_VERSION = "^[0-9a-f]{10}$"
_NAME = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_TEXT = r'^([^"\\]|\\.)*$'
"""The inside of a text in JSON: it cannot end that text."""
_MARK, _OTHER = "\x01", "\x02"


def router_policy(contract: Mapping[str, Any]) -> Policy:
    """The guardrail ``fireworks-router-models``."""
    told = [account_user(name) for name in (OPERATOR, DEPLOYER)]
    return Policy(
        name=ROUTER_MODELS_GUARDRAIL,
        why=_WHY,
        match=_MATCH,
        conditions={**BY_US, "the-models": f"request.?name.orValue('') == {literal(ROUTER_MODELS)}"},
        variables={
            "now": "dyn(object).?data.orValue({})",
            "before": "oldObject == null ? {} : dyn(oldObject).?data.orValue({})",
            "mayTell": f"{BY_SETUP} || request.userInfo.username in {literal(told)}",
            "clusters": _lines(CLUSTERS),
            "routes": _lines(ROUTES),
        },
        rules=(
            Rule(
                "variables.now == variables.before || variables.mayTell",
                "Which models the router knows, only the operator and the deployer say.",
            ),
            Rule(
                f"{only('variables.now', (CLUSTERS, ROUTES))} && !has(object.binaryData)",
                f"The router is told of models in {CLUSTERS} and {ROUTES}, and of nothing else.",
            ),
            Rule(
                f"variables.clusters.all(line, {_any(CLUSTERS, [_cluster(cluster_domain(contract))])})",
                "The router finds replicas behind the headless services of models in fireworks-models, and nowhere"
                " else (networking.cluster_domain).",
            ),
            Rule(
                f"variables.routes.all(line, {_any(ROUTES, [_route(), _listing(), *_fixed()])})",
                "The router sends a request to the model that it names, in the way of these prerequisites, and says"
                " which models there are; it does nothing else.",
            ),
        ),
    )


def _lines(key: str) -> str:
    """The lines of a file, without the commas between them."""
    return (
        f"variables.now[?{literal(key)}].orValue('').split('\\n').map(line,"
        " line.endsWith(',') ? line.substring(0, line.size() - 1) : line)"
    )


def _any(key: str, lines: list[str]) -> str:
    """Whether a line is one of these, or one of those around them."""
    head, rest = beginning(key, _MARK).split(_MARK)
    begins = _between(head, rest, _VERSION)
    return " || ".join([f"line in {literal(['', end(key)])}", f"({begins})", *(f"({each})" for each in lines)])


def _cluster(domain: str) -> str:
    return f"{_named()} && line == {_made_of(cluster_line(_MARK, domain))}"


def _route() -> str:
    before, after = route_line(_MARK, _OTHER).split(text_of(_OTHER))
    head, tail = _made_of(before), _made_of(after)
    return (
        f"{_named()} && line.startsWith({head}) && line.endsWith({tail})"
        f" && line.size() >= ({head} + {tail}).size()"
        f" && line.substring(({head}).size(), line.size() - ({tail}).size()).matches({literal(_TEXT)})"
    )


def _listing() -> str:
    empty = list_line({})
    inner = '{\\"object\\":\\"list\\",\\"data\\":['
    before, _sep, after = empty.partition(inner)
    return _between(before + inner, after, _TEXT)


def _fixed() -> list[str]:
    return [f"line in {literal([unknown_path_line(), unknown_model_line()])}"]


def _named() -> str:
    """Whether a line begins with a model's name, and has one."""
    return f"line.startsWith({literal(_BEGINS)}) && {_IT}.matches({literal(_NAME)})"


_BEGINS = '{"name":"'
_IT = "line.split('\"', 5)[3]"


def _made_of(line: str) -> str:
    """CEL for a line with the name of this one in it."""
    parts = [literal(part) for part in line.split(text_of(_MARK))]
    return "(" + f" + {_IT} + ".join(parts) + ")"


def text_of(mark: str) -> str:
    """A mark as the lines have it."""
    return f"\\u{ord(mark):04x}"


def _between(head: str, tail: str, inner: str) -> str:
    return (
        f"line.startsWith({literal(head)}) && line.endsWith({literal(tail)}) && line.size() >= {len(head) + len(tail)}"
        f" && line.substring({len(head)}, line.size() - {len(tail)}).matches({literal(inner)})"
    )
