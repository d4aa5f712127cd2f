# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects cannot become what is wanted, and what the server is asked of them instead."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import service
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.made_anew import (
    as_itself,
    has_to_be_replaced,
    stand_in,
)

KNATIVE = "serving.knative.dev/v1"


def of(address: str | None, kind: str = "Service", api_version: str = "v1") -> dict[str, Any]:
    spec = {} if address is None else {"clusterIP": address}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


@pytest.mark.parametrize(
    ("live", "wanted", "replaced"),
    [
        (of("198.18.128.7"), of("None"), True),
        (of("None"), of("None"), False),
        (of("198.18.128.7"), of("198.18.128.7"), False),
        # To give one an address is nobody's wish here, and another address is never worth an outage.
        (of("None"), of("198.18.128.7"), False),
        (of("198.18.128.7"), of("198.18.128.8"), False),
        (of("198.18.128.7"), of(None), False),
        # An external name has none; it may become headless.
        (of(None), of("None"), False),
        (of(""), of("None"), False),
        ({}, of("None"), False),
        (None, of("None"), False),
        (of("198.18.128.7", api_version=KNATIVE), of("None", api_version=KNATIVE), False),
        (of("198.18.128.7", "ConfigMap"), of("None", "ConfigMap"), False),
    ],
)  # fmt: skip
def test_only_a_service_with_an_address_that_is_to_have_none_is_replaced(
    live: Any, wanted: Any, replaced: bool
) -> None:
    assert has_to_be_replaced(live, wanted) is replaced


@pytest.mark.parametrize("name", ["a", "llama-3-1-8b", "m" * 63])
def test_a_stand_in_is_the_same_under_another_name_wherever_it_says_its_own(name: str) -> None:
    made = service({"name": name, "served_name": "org/Name"})
    other = stand_in(made)
    renamed = other["metadata"]["name"]
    assert renamed != name
    assert len(renamed) <= 63
    assert list(other["spec"]["selector"].values()) == [renamed]
    assert as_itself(other, name) == made
