# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""References to Secrets that the customer creates in fireworks-system, which pods mount and we never read."""

from __future__ import annotations

from .fields import Schema, section, text

_NAME = "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
_NAME_MEANT = "use lower-case letters, digits, dots and dashes, and a letter or digit at both ends"


def secret(title: str, description: str, key: str, example: str) -> Schema:
    """One key of a Secret; ``key`` is the one that is meant where none is named."""
    return section(
        title,
        description,
        {
            "name": text("Name", "Its name.", pattern=_NAME, meant=_NAME_MEANT, examples=[example]),
            "key": text(
                "Key",
                "The key in it.",
                pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
                meant="use letters, digits, dots, dashes and underscores",
                default=key,
                examples=[key],
            ),
        },
        required=["name"],
        examples=[{"name": example}],
    )


def webhook_url(title: str, description: str, example: str) -> Schema:
    """Where to post, in plain sight: what is secret about an address has no place in a contract."""
    return text(
        title,
        description,
        pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$",
        meant="use https://, a host, and perhaps a port and a path; no user, no query",
        examples=[example],
    )
