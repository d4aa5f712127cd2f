# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the router may be told to send requests: to the replicas of models, and nowhere else.

What the router reads is text, which CEL cannot parse. But each line of it is one of a few (``router.lines``) with a
name in it: so the name is taken out of a line, and the line has to be what that name makes of it.
"""

from __future__ import annotations

from ..contract.typed import Contract
from ..guardrail_names import ROUTER_MODELS_GUARDRAIL
from ..identities.needs import DEPLOYER, OPERATOR
from ..names import ROUTER_MODELS, SYSTEM_NAMESPACE, account_user
from ..router.compiled import cluster_domain
from ..router.lines import CLUSTERS, ROUTES, beginning, cluster_line, end, list_line, route_line, table
from .ours import BY_SETUP, BY_US, NOTHING_BUT_DATA, only
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
_MODEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_UNIT = (
    "u(00(0[0-7bef]|1[0-9a-f]|7f|[89a-f][0-9a-f])|0[1-9a-f][0-9a-f]{2}|[1-9a-ce-f][0-9a-f]{3}|d[0-7][0-9a-f]{2}"
    "|d[89ab][0-9a-f]{2}\\\\ud[c-f][0-9a-f]{2})"
)
_INSIDE = rf'([ !#-\[\]-~]|\\(["\\bfnrt]|{_UNIT}))*'
"""Of a text in JSON, each character as it is compiled and in no other way: it cannot end that text, and is no name that
is spelled otherwise before."""
_MARK, _OTHER = "\x01", "\x02"


def router_policy(contract: Contract) -> Policy:
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
            # A line for each model, with commas between them.
            "inner": (
                f"variables.clusters.filter(line, !(line in {literal(['', end(CLUSTERS)])}) && !({_begins(CLUSTERS)}))"
            ),
            "routes": _lines(ROUTES),
            "names": _names("variables.routes"),
        },
        rules=(
            Rule(
                # As a member of another set it would go with that.
                f"{BY_SETUP} || request.userInfo.username != {literal(account_user(DEPLOYER))} || ({NOTHING_BUT_DATA})",
                "The deployer changes nothing of what the router is told but the models.",
            ),
            Rule(
                "variables.now == variables.before || variables.mayTell",
                "Which models the router knows, only the operator and the deployer say.",
            ),
            Rule(
                f"{only('variables.now', (CLUSTERS, ROUTES))} && !has(object.binaryData)",
                f"The router is told of models in {CLUSTERS} and {ROUTES}, and of nothing else.",
            ),
            Rule(
                f"variables.clusters == [''] || ({_clusters_in_place(cluster_domain(contract))})",
                "The router finds replicas behind the headless services of models in fireworks-models, and nowhere"
                " else (networking.cluster_domain).",
            ),
            Rule(
                f"variables.routes == [''] || ({_all_in_place('variables.routes', 'variables.names')})",
                "The router sends a request to the model that it names, in the way of these prerequisites, and says"
                " which models there are; it does nothing else.",
            ),
            Rule(
                _each_once("variables.names"),
                "The router is told each name once, in the order of their bytes; a file that says one twice, it cannot"
                " read.",
            ),
        ),
    )


def _lines(key: str) -> str:
    return f"variables.now[?{literal(key)}].orValue('').split('\\n')"


def _begins(key: str) -> str:
    head, rest = beginning(key, _MARK).split(_MARK)
    return _between(head, rest, _VERSION)


def _clusters_in_place(domain: str) -> str:
    """Whether each line is in its place, so that the file can be read."""
    lines, last = "variables.clusters", "variables.inner.size() - 1"
    cut = "variables.inner.map(line, line.endsWith(',') ? line.substring(0, line.size() - 1) : line)"
    commas = "variables.inner.filter(line, line.endsWith(',')).size()"
    return " && ".join(
        (
            f"{lines}.size() == variables.inner.size() + 3",
            f"[{lines}[0]].all(line, {_begins(CLUSTERS)})",
            f"{lines}[{lines}.size() - 2] == {literal(end(CLUSTERS))} && {lines}[{lines}.size() - 1] == ''",
            f"{cut}.all(line, {_cluster(domain)})",
            f"(variables.inner.size() == 0 || (!variables.inner[{last}].endsWith(',') && {commas} == {last}))",
        )
    )


def _cluster(domain: str) -> str:
    """Whether a line is what the name at its beginning makes of it."""
    begins, name = '{"name":"', "line.split('\"', 5)[3]"
    made = f" + {name} + ".join(literal(part) for part in cluster_line(_MARK, domain).split(text_of(_MARK)))
    return f"line.startsWith({literal(begins)}) && {name}.matches({literal(f'^{_MODEL}$')}) && line == {made}"


def _listing() -> str:
    inner = '{\\"object\\":\\"list\\",\\"data\\":['
    before, _sep, after = list_line({}).partition(inner)
    return _between(before + inner, after, f"^{_INSIDE}$")


def _names(lines: str) -> str:
    """What is asked for, in its quotes, of the lines that lead from it to a model.

    What is between the two has quotes in it, which neither has: so such a line falls into two there and nowhere else.
    """
    between, after = route_line(_MARK, _OTHER).removeprefix(f'"{text_of(_OTHER)}"').split(text_of(_MARK))
    parts = f"line.split({literal(between)})"
    asked, leads = f'^"{_INSIDE}"$', f"^{_MODEL}{after.replace('}', '[}]')}$"
    whole = f"{parts}.size() == 2 && {parts}[0].matches({literal(asked)}) && {parts}[1].matches({literal(leads)})"
    return f"{lines}.filter(line, {whole}).map(line, {parts}[0])"


def _all_in_place(lines: str, names: str) -> str:
    """Whether each line that is no name's is in its place, and all the others are names'."""
    places = {
        "0": _begins(ROUTES),
        "1": _listing(),
        "2": f"line == {literal(table())}",
        f"{lines}.size() - 2": f"line == {literal(end(ROUTES))}",
        f"{lines}.size() - 1": "line == ''",
    }
    each = [f"[{lines}[{place}]].all(line, {right})" for place, right in places.items()]
    return " && ".join([f"{lines}.size() == {names}.size() + {len(places)}", *each])


def _each_once(names: str) -> str:
    """Whether names rise. For its quotes none is the beginning of another: the next is behind this with more to it."""
    return f"{names}.map(name, name + '\\n' + name + '~').join('\\n').split('\\n').isSorted()"


def text_of(mark: str) -> str:
    """A mark as the lines have it."""
    return f"\\u{ord(mark):04x}"


def _between(head: str, tail: str, inner: str) -> str:
    return (
        f"line.startsWith({literal(head)}) && line.endsWith({literal(tail)}) && line.size() >= {len(head) + len(tail)}"
        f" && line.substring({len(head)}, line.size() - {len(tail)}).matches({literal(inner)})"
    )
