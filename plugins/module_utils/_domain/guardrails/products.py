# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""That pods on GPUs of a product have a priority class of that product, by which its quota counts them."""

from __future__ import annotations

from ..contract.typed import Contract
from ..counted import counted_classes, own_classes
from ..guardrail_names import PRODUCTS_GUARDRAIL
from .pod_allowlist import WHERE
from .policy import Policy, Rule, literal
from .workloads import DESCRIBED, OF_PODS, product_of, template_of

_WHY = (
    "In fireworks-models pods on GPUs of a product have one of the product's priority classes, by which the approved"
    " GPUs of each product are counted apart. This applies to all users."
)
_CLASS = "p.?priorityClassName.orValue('')"
_UNCOUNTED = (
    f"variables.pods.filter(p, {product_of('p')} in variables.classes"
    f" ? !({_CLASS} in variables.classes[{product_of('p')}]) : {_CLASS} in variables.own)"
)
_VARIABLES = {
    # What a controller makes was judged where somebody wrote it. But for ReplicaSets: a Deployment that goes back to a
    # version from before there were these classes scales up an old one, and only a new version makes one.
    "made": "dyn(object).metadata.?ownerReferences.orValue([]).exists(owner, owner.?controller.orValue(false))",
    "judged": (
        "variables.kind == 'replicasets' || variables.kind == 'deployments' ? request.operation == 'CREATE'"
        " : !variables.made && (request.operation == 'CREATE'"
        f" || {template_of('object')} != {template_of('oldObject')})"
    ),
}


def products_policy(contract: Contract) -> Policy:
    """The guardrail ``fireworks-products``."""
    return Policy(
        name=PRODUCTS_GUARDRAIL,
        why=_WHY,
        match=OF_PODS,
        variables={
            **DESCRIBED,
            **WHERE,
            **_VARIABLES,
            "classes": literal(counted_classes(contract)),
            "own": literal(list(own_classes(contract))),
        },
        rules=(
            Rule(
                f"!variables.judged || {_UNCOUNTED}.size() == 0",
                "Pods on GPUs of a product have one of its priority classes, which count them (capacity.gpus).",
                f"{_UNCOUNTED}.map(p, (p.?priorityClassName.hasValue() ? p.priorityClassName : 'no priority class')"
                f" + ' counts no GPUs of ' + ({product_of('p')} == '' ? 'no product' : {product_of('p')})).join(', ')"
                " + ' (capacity.gpus); these do: ' + variables.classes.map(product, product + ' '"
                " + variables.classes[product].join(', ')).join('; ')",
            ),
        ),
    )
