# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's ``telemetry`` section: where what our Prometheus has measured is kept."""

from __future__ import annotations

from .fields import Schema, section, text

_EXAMPLE = {"volume": {"size": "10Gi"}}

TELEMETRY: Schema = section(
    "Telemetry",
    "Where the metrics of the stack are kept. Without it they end with the pod that measured them.",
    {
        "volume": section(
            "Volume",
            "A volume for them, by the claim telemetry-data in fireworks-system, which the presetup makes.",
            {
                "size": text(
                    "Size",
                    "How large it is. It may grow later where its storage class can, and never shrink.",
                    pattern="^[1-9][0-9]{0,5}(Gi|Ti)$",
                    meant="write it like 10Gi or 1Ti",
                    maxLength=8,
                    examples=["10Gi"],
                ),
                "storage_class": text(
                    "Storage class",
                    "The cluster's storage class that makes it, for good. None: the cluster's default one.",
                    pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
                    meant="use lower-case letters, digits, dots and dashes, and a letter or digit at both ends",
                    examples=["gp3"],
                ),
            },
            required=["size"],
            examples=[_EXAMPLE["volume"]],
        ),
    },
    required=["volume"],
    examples=[_EXAMPLE],
)
