# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that preflight looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._vocabulary.owner import NO_CONTACT, Owner
from ..contract.typed import Contract
from ..people import contact


@dataclass(frozen=True)
class Item:
    """What was looked at, what was found, what is needed; and, when it is not met, what to do and who has to act."""

    check: str
    ok: bool
    found: str
    needed: str
    message: str = ""
    topic: str = ""
    """The customer's contact for it; none when it is Fireworks' own move."""
    blocking: bool = True
    yours: bool = False
    """Whether it is the move of the operator, who runs this."""

    def as_dict(self, contract: Contract) -> dict[str, Any]:
        """The item as plain data, with the contract's contact filled in."""
        return {
            "cluster": str(contract["identity"]["name"]),
            "check": self.check,
            "ok": self.ok,
            "blocking": self.blocking,
            "found": self.found,
            "needed": self.needed,
            "message": "" if self.ok else self.message,
            "owner": str(self._owner()),
            "contact": contact(contract, self.topic) if self.topic and not self.ok else dict(NO_CONTACT),
        }

    def _owner(self) -> Owner:
        if self.ok:
            return Owner.NOBODY
        if self.yours:
            return Owner.OPERATOR
        return Owner.CUSTOMER if self.topic else Owner.FIREWORKS
