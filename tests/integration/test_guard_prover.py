# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of the guard prover: a few hundred mutants under one contract, both drawn by the commit's seed.

All of it is tests/soak/test_guard_prover.py. The table of the sample is build/guard_prover_sample.md.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.guard_prover import proof
from tests.guard_prover.prover import WRITERS, Prover
from tests.guard_prover.sites import CONTRACTS, onboarded

SEED = os.environ.get("BYOC_SOAK_SEED", "0")
CONTRACT = random.Random(SEED).choice(list(CONTRACTS))  # noqa: S311


@pytest.fixture(scope="module")
def prover(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prover]:
    with onboarded(CONTRACT, tmp_path_factory.mktemp("site")) as (cluster, contract):
        yield Prover(cluster, contract, CONTRACT)


def test_the_oracle_allows_what_the_product_makes_and_who_reads_writes_nothing(prover: Prover) -> None:
    proof.assert_the_product_is_allowed_by_the_oracle(prover)
    proof.assert_readers_write_nothing(prover)


@pytest.mark.parametrize("identity", WRITERS)
def test_of_a_few_mutants_none_is_let_in_that_the_contract_forbids(prover: Prover, identity: str) -> None:
    proof.assert_nothing_is_let_in(prover, identity, 120, SEED, "guard_prover_sample")
