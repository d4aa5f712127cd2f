# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a revocation drill may rely on, and what it says it found."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.drill import (
    credential_doubts,
    drill_rows,
    pod_disturbances,
)

SKIPPED = {"item": "observer", "skipped": True}
REFUSED = {"item": "observer", "error": "UnauthorizedError", "msg": "401"}
ACCEPTED = {"item": "observer", "facts": {"user": "system:serviceaccount:fireworks-system:observer"}}
PROOF = {"identity": "observer", "seconds": 3.5, "says": "it was refused with 401"}


@pytest.mark.parametrize(
    ("attempt", "doubts"),
    [
        (SKIPPED, []),
        (REFUSED, []),
        (ACCEPTED, []),
        ({"item": "observer", "facts": {"user": "admin"}}, ["the credential of observer belongs to admin."]),
        (
            {"item": "observer", "error": "TlsError", "msg": "Not trusted."},
            ["the credential of observer cannot be tried: Not trusted."],
        ),
        ({"item": "observer"}, ["the credential of observer cannot be tried: it failed without a message"]),
    ],
)
def test_a_credential_is_doubted_unless_it_is_the_identity_s_or_dead(
    attempt: dict[str, Any], doubts: list[str]
) -> None:
    assert credential_doubts([attempt]) == doubts


def pod(**changes: Any) -> dict[str, Any]:
    return {"namespace": "ns", "name": "a", "uid": "1", "restarts": 0, "ready_since": "T", **changes}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([pod()], [pod()], []),
        ([pod()], [pod(), pod(uid="2")], []),
        ([pod()], [], ["ns/a is gone."]),
        ([pod()], [pod(uid="2")], ["ns/a is gone."]),
        ([pod()], [pod(restarts=1, ready_since="U")], ["ns/a was restarted."]),
        ([pod()], [pod(ready_since="")], ["ns/a is not ready."]),
        ([pod()], [pod(ready_since="U")], ["ns/a was temporarily not ready."]),
        ([pod(ready_since="")], [], []),
    ],
)
def test_pods_that_were_ready_are_followed_by_their_uid(
    before: list[dict[str, Any]], after: list[dict[str, Any]], found: list[str]
) -> None:
    assert pod_disturbances(after, before) == found


@pytest.mark.parametrize(
    ("attempt", "given", "account", "token", "says"),
    [
        (ACCEPTED, {"refused": [PROOF]}, "deleted", "refused with 401 after 3.5 s", "it was refused with 401"),
        (ACCEPTED, {}, "deleted", "accepted before, not tried since", ""),
        (ACCEPTED, {"check_mode": True}, "would be deleted", "accepted; would be refused", ""),
        (SKIPPED, {}, "deleted", "no file", ""),
        (SKIPPED, {"check_mode": True}, "would be deleted", "no file", ""),
        (REFUSED, {"missing": ["observer"]}, "was missing", "was refused with 401 before", ""),
        (REFUSED, {"refused": [PROOF]}, "deleted", "was refused with 401 before", "it was refused with 401"),
    ],
)
def test_a_row_says_how_the_token_ended(
    attempt: dict[str, Any], given: dict[str, Any], account: str, token: str, says: str
) -> None:
    [row] = drill_rows("acme", [attempt], **given)
    assert (row["account"], row["token"], row["what_it_says"]) == (account, token, says)
    assert (row["cluster"], row["identity"], row["new_token_until"]) == ("acme", "observer", "")


def test_a_row_says_when_the_new_token_ends() -> None:
    [row] = drill_rows("acme", [ACCEPTED], issued=[{"item": "observer", "valid_until": "tomorrow"}])
    assert row["new_token_until"] == "tomorrow"
