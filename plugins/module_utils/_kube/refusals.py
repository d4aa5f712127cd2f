# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a set cannot be applied as it is, and which admission policies said so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .._vocabulary.owner import Owner
from .errors import AnswerError, KubeError

#: The API server names the policy that refuses in its message only.
_POLICY = re.compile(r"ValidatingAdmissionPolicy '([^']+)'")


class RefusedError(KubeError):
    """The set cannot be applied as it is; the message lists every object and reason. Nothing was written.

    :param policies: the names of the admission policies that refused something of it.
    """

    code = "refused"

    def __init__(self, what: str, *, policies: Iterable[str] = (), **more: Any) -> None:
        super().__init__(what, **more)
        self.policies = sorted(policies)

    def as_result(self) -> dict[str, Any]:
        return {**super().as_result(), "policies": self.policies}


class HeldByPolicyError(KubeError):
    """The API server lets no new version begin now: outside the windows, in a freeze, or without an approval."""

    code = "held_by_policy"

    def __init__(self, what: str, *, where: str = "") -> None:
        step = "run this again once that no longer holds it; the reason says who can end it"
        super().__init__(what, where=where, next_step=step, owner=Owner.CUSTOMER)


def policies_of(error: AnswerError) -> list[str]:
    """The admission policies that refused one object."""
    return _POLICY.findall(str(error.body.get("message") or ""))


def reason_of(error: AnswerError) -> str:
    """Why the server refused one object; for a conflict, the fields and their owners."""
    causes = (error.body.get("details") or {}).get("causes") or []
    owned = [c for c in causes if c.get("reason") == "FieldManagerConflict"]
    if owned:
        said = ", ".join(f"{c.get('field')} ({c.get('message')})" for c in owned)
        return f"fields belong to another manager: {said}; ask its owner, or set force_conflicts"
    return str(error.body.get("message") or error.what).rstrip(".")
