# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster's facts mean against its contract: ready to be onboarded, valid, healthy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.drift import drift, installed
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.preflight import (
    endpoint_advice,
    endpoint_question,
    image_question,
    preflight,
    refusal,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.validation import (
    probe_answers,
    probe_requests,
    validation,
    validation_failure,
)


class FilterModule:
    """Filters over facts and contracts."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "contract_drift": drift,
            "endpoint_advice": endpoint_advice,
            "endpoint_question": endpoint_question,
            "image_question": image_question,
            "installed": installed,
            "preflight": preflight,
            "preflight_refusal": refusal,
            "probe_answers": probe_answers,
            "probe_requests": probe_requests,
            "validation": validation,
            "validation_failure": validation_failure,
        }
