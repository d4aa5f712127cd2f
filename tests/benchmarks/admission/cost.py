# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How near each policy is to what CEL may cost. The API server publishes no cost, only that a budget has run out.

So each policy gets a throw-away copy that warns instead of refusing, and that spends as much beside its own work as
the request says (in its ``fieldManager``). The most that it can spend before the server gives up is what it leaves; a
copy of a policy without any rules shows what that is of nothing. Spending costs units, but next to no time: a search in
a string is charged by the lengths of both. ``matchConditions`` have a budget of their own, which this does not see.
"""

from __future__ import annotations

import re
from functools import partial

from tests.benchmarks.admission.figures import BUDGET, MOST_LARGE, MOST_SMALL, Cost, Spent, left
from tests.benchmarks.admission.site import Manifest, Site
from tests.benchmarks.admission.writes import Write
from tests.benchmarks.measure import BenchmarkError

PREFIX = "cost-"
NOTHING = "nothing"
"""A policy without rules of its own."""
_WARNED = re.compile(rf"ValidatingAdmissionPolicy '({PREFIX}[^']+)' with binding '[^']+': (.*)")
# Of validations, or of the expressions for their messages: these are evaluated after them, from the same budget.
_OUT = "running out of cost budget"
# A large coin costs 910 in each of eleven expressions, of which each may cost a million: no single one is cut off.
_LARGE, _LONG, _WIDE, _NARROW = 11, 10 * MOST_LARGE, 9100, 1000
_SPEND = (
    "string(dyn(request.options).?fieldManager.orValue('')).startsWith('spend-')"
    " ? string(dyn(request.options).fieldManager).split('-') : ['', '0', '0']"
)
_VARIABLES = {
    "benchSpend": _SPEND,
    "benchLong": f"'{'a' * _LONG}'",
    "benchWide": f"'{'b' * _WIDE}'",
    "benchNarrow": f"'{'b' * _NARROW}'",
    "benchLarge": "variables.benchLong.substring(0, int(variables.benchSpend[1]) * 10)",
    "benchSmall": "variables.benchLong.substring(0, int(variables.benchSpend[2]) * 10)",
}
_SPENDING = (
    *[{"expression": "!variables.benchLarge.contains(variables.benchWide)"}] * _LARGE,
    {"expression": "!variables.benchSmall.contains(variables.benchNarrow)"},
)


def copies(policies: list[Manifest]) -> list[Manifest]:
    """Of each policy and binding one that only warns, and spends; and one of no policy."""
    return [_copied(made) for made in [*policies, *everywhere(NOTHING)]]


def _copied(made: Manifest) -> Manifest:
    spec = {**made["spec"]}
    if made["kind"] == "ValidatingAdmissionPolicy":
        named = [{"name": name, "expression": text} for name, text in _VARIABLES.items()]
        spec["variables"] = [*spec.get("variables", ()), *named]
        spec["validations"] = [*spec["validations"], *_SPENDING]
    else:
        spec |= {"policyName": PREFIX + spec["policyName"], "validationActions": ["Warn"]}
    return {**made, "metadata": {"name": PREFIX + made["metadata"]["name"]}, "spec": spec}


def everywhere(name: str, *expressions: str) -> list[Manifest]:
    """A policy, and its binding, that is asked of every creation and update in the cluster."""
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["CREATE", "UPDATE"]}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [everything]},
            "validations": [{"expression": text} for text in expressions],
        },
    }
    return [policy, {**policy, "kind": "ValidatingAdmissionPolicyBinding", "spec": {"policyName": name}}]


class Purse:
    """One write, sent again and again with more or less spent; what was answered is kept."""

    def __init__(self, site: Site, write: Write) -> None:
        self._api, self._write = site.acting_as(write.account), write
        self._seen: dict[Spent, frozenset[str]] = {}

    def ran_out(self, spent: Spent) -> frozenset[str]:
        """The policies whose budget did not suffice. :raises BenchmarkError: one of them says anything else."""
        if spent not in self._seen:
            address = self._write.address(f"spend-{spent.large}-{spent.small}")
            said = self._api.warned(self._write.method, address, self._write.body, self._write.content_type)
            found = [tuple(match.groups()) for text in said if (match := _WARNED.search(text))]
            if others := [f"{name}: {why}" for name, why in found if _OUT not in why]:
                raise BenchmarkError(f"{self._write.what}: {'; '.join(others)}")
            self._seen[spent] = frozenset(name for name, _why in found)
        return self._seen[spent]

    def left(self) -> dict[str, int | None]:
        """By policy that is asked of this write: what it leaves of its budget."""
        asked = self.ran_out(Spent(MOST_LARGE, MOST_SMALL))
        return {name.removeprefix(PREFIX): left(partial(self._fits, name)) for name in sorted(asked)}

    def _fits(self, name: str, spent: Spent) -> bool:
        return name not in self.ran_out(spent)


def costs(site: Site, policies: list[Manifest], writes: list[Write]) -> dict[str, dict[str, Cost]]:
    """By write: what each policy costs that is asked of it."""
    site.put_in_force(copies(policies))
    found: dict[str, dict[str, Cost]] = {}
    for write in writes:
        of = Purse(site, write).left()
        whole = of.pop(NOTHING, None)
        if whole is None or not 0.98 * BUDGET < whole <= BUDGET:
            raise BenchmarkError(f"{write.what}: of a budget of {BUDGET} {whole} can be spent: costs are counted anew")
        found[write.what] = {name: Cost.of(whole, rest) for name, rest in of.items()}
    return found
