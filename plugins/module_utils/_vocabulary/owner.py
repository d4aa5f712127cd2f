# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has to act next: data that travels with every error, finding and outcome."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

Contact = Mapping[str, str]

#: Nobody in particular: the owner as such.
NO_CONTACT: Contact = {"name": "", "email": ""}


class Owner(StrEnum):
    """Who has to act. Its value is what results, findings and records carry."""

    OPERATOR = "operator"
    """The person or job that runs this."""
    FIREWORKS = "fireworks"
    CUSTOMER = "customer"
    NOBODY = ""
    """Nothing has to be done, or only time has to pass."""
