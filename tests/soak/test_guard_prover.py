# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard prover, all of it: every field of every kind that our identities may write, under every contract.

The table is build/guard_prover.md; the parts are described in tests/guard_prover/README.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.guard_prover import proof
from tests.guard_prover.prover import WRITERS, Prover
from tests.guard_prover.sites import CONTRACTS, onboarded

MUTANTS = 5600
"""Of each cell. There are nineteen cells with an identity that writes, so all of them try over 100,000."""
PARTS = (*WRITERS, "bases", "readers", "counts")
CELLS = [(contract, part) for contract in CONTRACTS for part in PARTS]


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster that was onboarded by a contract, the contract, and what proves its guardrails."""
    with onboarded(request.param, tmp_path_factory.mktemp("site")) as (cluster, contract):
        yield cluster, contract, Prover(cluster, contract, request.param)


@pytest.mark.soak(together=len(PARTS))
@pytest.mark.parametrize(("site", "part"), CELLS, indirect=["site"])
def test_guardrails_let_in_what_is_needed_and_nothing_that_the_contract_forbids(site: Any, part: str) -> None:
    cluster, contract, prover = site
    seed = os.environ.get("BYOC_SOAK_SEED", "0")
    if part == "bases":
        proof.assert_the_product_is_allowed_by_the_oracle(prover)
    elif part == "readers":
        proof.assert_readers_write_nothing(prover)
    elif part == "counts":
        proof.assert_counts_hold(prover, cluster, contract)
    else:
        proof.assert_nothing_is_let_in(prover, part, MUTANTS, seed, "guard_prover")
