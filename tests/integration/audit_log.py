# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server's own record of who did what."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_QUESTIONS = ("/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/")


@dataclass(frozen=True)
class Call:
    """One answered request.

    :param received: when, in seconds since 1970. :param agent: what the client says it is.
    """

    user: str
    verb: str
    resource: str
    namespace: str
    code: int
    received: float = 0.0
    path: str = ""
    agent: str = ""
    name: str = ""


def calls(log: Path, *, after: int = 0, until: int | None = None) -> Iterator[Call]:
    """The answered requests from byte ``after`` of the log to byte ``until``, without those of Kubernetes itself.

    The server may be in the middle of a line at either: such a line belongs to what was before.
    """
    whole = log.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    for line in whole[
        _next_line(whole, after) : _next_line(whole, len(whole) if until is None else until)
    ].splitlines():
        event = json.loads(line)
        user = event["user"].get("username", "")
        ours = user.startswith("system:serviceaccount:fireworks-")
        if event["stage"] != "ResponseComplete" or (user.startswith(("system:", "testbed:")) and not ours):
            continue
        about = event.get("objectRef") or {}
        resource = about.get("resource") or event["requestURI"].partition("?")[0]
        if about.get("subresource"):
            resource += "/" + about["subresource"]
        yield Call(
            user,
            event["verb"],
            resource,
            about.get("namespace", ""),
            event["responseStatus"]["code"],
            datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp(),
            event["requestURI"],
            event.get("userAgent", ""),
            about.get("name", ""),
        )


def _next_line(whole: bytes, offset: int) -> int:
    """Where the first line begins that does not begin before a byte."""
    if offset == 0 or offset > len(whole):
        return min(offset, len(whole))
    return whole.find(b"\n", offset - 1) + 1


def written(made: Iterable[Call]) -> set[tuple[str, str, str]]:
    """The objects that these calls wrote, without those that keep operations apart and recorded."""
    return {
        (call.resource.partition("/")[0], "" if call.resource == "namespaces" else call.namespace, call.name)
        for call in made
        if call.verb in ("create", "update", "patch", "delete")
        and call.code < 300
        and "dryRun=" not in call.path
        and (call.resource.partition("/")[2] in ("", "eviction", "token"))
        and not call.path.startswith(_QUESTIONS)
        and (call.resource, call.name) not in (("leases", "operation-lock"), ("configmaps", "operation-records"))
    }


def by_identity_and_verb(made: Iterable[Call]) -> list[str]:
    """A table of Markdown: identity, verb, how many calls, of which refused, on which resources."""
    rows: dict[tuple[str, str], list[Call]] = {}
    for call in made:
        rows.setdefault((call.user, call.verb), []).append(call)
    table = ["| identity | verb | calls | refused | on |", "|---|---|---|---|---|"]
    for (user, verb), found in sorted(rows.items()):
        refused = sum(call.code in (401, 403) for call in found)
        resources = Counter(call.resource for call in found)
        listed = ", ".join(f"{name} {count}" for name, count in resources.most_common())
        table.append(f"| `{user}` | {verb} | {len(found)} | {refused} | {listed} |")
    return table
