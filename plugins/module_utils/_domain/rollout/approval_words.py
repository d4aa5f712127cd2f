# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plans say about approvals: whether there is one, and else what to paste."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..._vocabulary.wording import spoken
from .approval import AWX, FILE, SHORTEST

Data = Mapping[str, Any]


def approval_word(approval: Data) -> str:
    """Whether there is an approval, for a table. :param approval: of ``Verdict.data``."""
    if approval["state"] != "given":
        return spoken(approval["state"])
    return f"{approval['by']} until {minute(approval['until'])}"


def minute(moment: Any) -> str:
    """A moment of ISO 8601 in UTC, as tables show it."""
    return str(moment)[:16].replace("T", " ")


def request_text(turn: Data, operation: str, names: str, parts: Sequence[Data] = ()) -> str:
    """What to paste so that a change is approved: by an option, or into the cluster.

    :param turn: with ``cluster``, ``digest``, ``approvers``, ``sources`` and ``now``.
    :param names: more options that say which change it is.
    :param parts: of a turn that has several things, each approved by itself: each with its ``digest``, in words
        ``what`` it is, and what it is ``about``.
    """
    who, people = turn["approvers"][0], ", ".join(turn["approvers"])
    asked = [(one["digest"][:SHORTEST], one.get("about") or {}, one.get("what", "")) for one in parts or [turn]]
    given = [{"by": who, "digest": digest, "given_at": turn["now"], **about} for digest, about, _what in asked]
    command = (
        f"ansible-playbook fireworks.byoc.approve -i <inventory> -e clusters={turn['cluster']} "
        f"-e operation={operation}{names}"
    )
    by_option = (
        f"with their own address and time, by this option:\n  -e '{json.dumps({'approvals': given})}'\n"
        "or, once for all that run it, "
        if {FILE, AWX} & set(turn["sources"])
        else ""
    )
    into_the_cluster = "".join(
        f"\n  {what and f'{what}: '}{command} -e digest={digest} -e approved_by={who} -e admin_kubeconfig=<path>"
        for digest, _about, what in asked
    )
    what = "each of these" if parts else "it"
    return (
        f"{turn['cluster']}: one of {people} approves {what}, {by_option}"
        f"with the credential of the customer's administrator:{into_the_cluster}"
    )
