# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proof of guardrails consists of, for the soak and for its sample in every run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from .counting import most_of_a_product
from .prover import READERS, WRITERS, Prover, holes, shown
from .table import note

_CONNECTS = {"selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews"}


def assert_nothing_is_let_in(prover: Prover, identity: str, number: int, seed: str, name: str) -> None:
    """So many mutants as an identity: none is admitted that the oracle forbids, and nothing needed is refused."""
    if not exists(prover, identity):
        pytest.skip(f"the contract {prover.name} has no {identity}: its actions are all never")
    caller = prover.caller(identity)
    assert prover.without_a_base(caller) == []
    caller.close()
    report = prover.prove(identity, number, seed)
    note(report, name)
    found = holes(report.wrong)
    assert not found, f"SEED={seed}, contract {prover.name}:\n{shown(found, identity)}"
    assert report.mutants >= min(number, 100), "too few were tried to say anything"


def assert_the_product_is_allowed_by_the_oracle(prover: Prover) -> None:
    """An oracle that forbids what the product makes judges nothing else rightly."""
    assert not (found := prover.forbidden_bases()), "\n".join(found)


def assert_readers_write_nothing(prover: Prover) -> None:
    """Who only reads has nothing to mutate."""
    for identity in READERS:
        caller = prover.caller(identity)
        assert {right.resource for right in caller.rights} <= _CONNECTS | {"services/proxy"}, identity
        caller.close()


def assert_counts_hold(prover: Prover, cluster: Any, contract: Mapping[str, Any]) -> None:
    """There are never more GPUs of a product than were approved, however many models ask for them."""
    model = next(
        base.thing for base in prover.bases if base.kind == "Deployment" and base.namespace == "fireworks-models"
    )
    counted = most_of_a_product(cluster, prover.caller("deployer").api, model, prover.bounds)
    over = {product: n for product, n in counted.items() if n > prover.bounds.products.get(product, 0)}
    assert counted, "no pod with GPUs was made, so nothing was counted"
    assert over == {}, f"{over} where {dict(prover.bounds.products)} were approved"


def exists(prover: Prover, identity: str) -> bool:
    """Whether the contract has that identity."""
    return identity != "node-medic" or any(word != "never" for word in prover.bounds.actions.values())


__all__ = ["READERS", "WRITERS"]
