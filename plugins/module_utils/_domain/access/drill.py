# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks before a revocation drill, and its findings: credentials that were refused, and undisturbed pods.

A *try* is the result of ``cluster_info`` with the credential of one identity, which is its ``item``; it is skipped
where there is no such file. ``refused`` has, for each credential tried after the accounts were deleted, its
``identity``, the ``seconds`` until the answer was 401, and ``says``, what our error is: nobody has to act on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..names import account_user

Data = Mapping[str, Any]

_REFUSED = "UnauthorizedError"
"""What ``cluster_info`` calls an answer of 401."""


def credential_doubts(tries: Iterable[Data]) -> list[str]:
    """Reasons against a drill with these credentials, one sentence each.

    A credential of another user would not be refused, and one that cannot be tried now proves nothing later.
    One that already gets 401 is no obstacle: it has expired, or a drill was interrupted.
    """
    return [doubt for doubt in map(_doubt, tries) if doubt]


def _doubt(attempt: Data) -> str:
    if attempt.get("skipped") or attempt.get("error") == _REFUSED:
        return ""
    identity = str(attempt["item"])
    if "facts" not in attempt:
        return f"the credential of {identity} cannot be tried: {attempt.get('msg', 'it failed without a message')}"
    user = str(attempt["facts"]["user"])
    return "" if user == account_user(identity) else f"the credential of {identity} belongs to {user}."


def pod_disturbances(after: Iterable[Data], before: Iterable[Data]) -> list[str]:
    """Disturbances of pods that were ready before, one sentence each; empty if all stayed ready."""
    now = {pod["uid"]: pod for pod in after}
    found = [(pod, _disturbance(pod, now.get(pod["uid"]))) for pod in before if pod["ready_since"]]
    return [f"{pod['namespace']}/{pod['name']} {what}." for pod, what in found if what]


def _disturbance(before: Data, after: Data | None) -> str:
    if after is None:
        return "is gone"
    if after["restarts"] != before["restarts"]:
        return "was restarted"
    if not after["ready_since"]:
        return "is not ready"
    return "" if after["ready_since"] == before["ready_since"] else "was temporarily not ready"


def drill_rows(
    cluster: str,
    tries: Iterable[Data],
    missing: Sequence[str] = (),
    refused: Iterable[Data] = (),
    issued: Iterable[Data] = (),
    *,
    check_mode: bool = False,
) -> list[dict[str, str]]:
    """A row for each identity: how its token ended, when the new one expires, and our error with the old one.

    ``missing`` are the identities whose accounts were not there when the drill began; ``issued`` are the results of
    ``access_token``, each with its identity as ``item``.
    """
    proofs = {str(proof["identity"]): proof for proof in refused}
    ends = {str(each["item"]): str(each.get("valid_until", "")) for each in issued}
    rows = []
    for attempt in tries:
        identity = str(attempt["item"])
        proof = proofs.get(identity)
        rows.append(
            {
                "cluster": cluster,
                "identity": identity,
                "account": _account(identity in missing, check_mode),
                "token": _token(attempt, proof, check_mode),
                "new_token_until": ends.get(identity, ""),
                "what_it_says": str(proof["says"]) if proof else "",
            }
        )
    return rows


def _account(was_missing: bool, check_mode: bool) -> str:
    if was_missing:
        return "was missing"
    return "would be deleted" if check_mode else "deleted"


def _token(attempt: Data, proof: Data | None, check_mode: bool) -> str:
    if attempt.get("skipped"):
        return "no file"
    if attempt.get("error") == _REFUSED:
        return "was refused with 401 before"
    if check_mode:
        return "accepted; would be refused"
    return f"refused with 401 after {proof['seconds']} s" if proof else "accepted before, not tried since"
