# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup import presetup_objects
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.remembered import (
    presetup_annotations,
    remembered_api_server,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.presetup.render import presetup_text
from tests.unit.domain.agreed import contract

ADDRESSES = [{"address": "10.1.2.3", "port": 6443}, {"address": "fd00::1", "port": 443}]


def test_the_text_is_the_objects_and_says_of_each_kind_what_it_is_for() -> None:
    objects = presetup_objects(contract())
    text = presetup_text(contract(), objects)
    assert list(yaml.safe_load_all(text)) == objects
    assert "# Reads health and state" in text
    assert text.count("# What the contract approves (capacity): the GPUs, and what else it limits.") == 1
    assert text == presetup_text(contract(), presetup_objects(contract()))


def test_where_the_api_server_answers_is_recorded() -> None:
    assert remembered_api_server(presetup_annotations([], ADDRESSES)) == ADDRESSES


@pytest.mark.parametrize("annotations", [{}, {"byoc.fireworks.ai/api-server": ""}, presetup_annotations([])])
def test_where_nothing_is_recorded_there_is_nothing(annotations: dict[str, Any]) -> None:
    assert remembered_api_server(annotations) == []


def test_what_is_compiled_has_a_digest_of_its_own() -> None:
    one, two = ({"compliance": {"egress": [cidr]}} for cidr in ("10.0.0.0/8", "10.0.0.0/16"))
    digests = {presetup_annotations(presetup_objects(contract(**c)))["byoc.fireworks.ai/presetup"] for c in (one, two)}
    assert len(digests) == 2
