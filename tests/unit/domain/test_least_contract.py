# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract does not say is what its schema says: whoever reads one may have it without its defaults.

An inventory that an older release has read has none for keys that came later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.variants import variants
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.clause import clause
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import load_contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.permissions import required_permissions
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.rules import MODEL_RULES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.objectives.indicators import promises
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight.sources import sources_are_reachable
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling import signals
from tests.unit.domain.raw import H100

PERSON = {"name": "Acme", "email": "ops@acme.example"}
MODEL = {
    "name": "llama",
    "source": {"uri": "hf://meta-llama/Llama-3.1-8B-Instruct", "revision": "0e9e39f249a16976918f6564b8830bc894c89659"},
    "engine": {"name": "vllm", "version": "0.11.0"},
    "gpu": {"product": H100, "per_replica": 1},
    "context_length": 32768,
    "replicas": {"min": 2, "max": 2},
}
LEAST: dict[str, Any] = {
    "version": 1,
    "identity": {
        "name": "acme-eu-1",
        "customer": "acme",
        "provider": "aws",
        "region": "eu-west-1",
        "uid": "0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11",
    },
    "access": {"credential": {"kubeconfig_file": "~/.byoc/acme-eu-1.kubeconfig"}},
    "capacity": {"gpus": [{"product": H100, "count": 16}]},
    "scaling": {"max_replicas_per_model": 8, "max_gpus_per_model": 16},
    "contacts": dict.fromkeys(("networking", "account", "capacity", "security", "support"), PERSON),
    "stack": {"release": "2026.11.0"},
    "models": [MODEL],
}
READERS: dict[str, Callable[[Any], Any]] = {
    "clause": lambda contract: clause(contract, "onboard"),
    "permissions": required_permissions,
    "presetup": presetup_objects,
    "sources": lambda contract: [item.as_dict(contract) for item in sources_are_reachable({}, contract, {})],
    "rules": lambda contract: [found for rule in MODEL_RULES for found in rule(contract)],
    "signals": lambda contract: [signals.signals(model) for model in contract["models"]],
    "promises": lambda contract: list(promises(contract)),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_contract_is_read_alike_with_and_without_its_defaults(reader: str) -> None:
    whole = load_contract(LEAST, path="acme-eu-1.yml")
    assert READERS[reader](LEAST) == READERS[reader](whole)


def test_what_a_release_is_tried_with_is_a_contract() -> None:
    tried = dict(variants())
    assert len(tried) == 8 * 2 * 3
    for words, contract in tried.items():
        assert load_contract(contract, path=words)["identity"] == {
            **contract["identity"],
            "ring": "general",
            "labels": {},
        }
