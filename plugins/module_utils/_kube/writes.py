# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request wrote, by the answer to it: counted where it is written, whatever becomes of the operation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .._vocabulary.actions import CREATED, DELETED, EVICTED, TOKEN_ISSUED, UPDATED
from .answers import Answer, Asked, Kinds, Place, place_of

#: One accepted write: ``kind``, ``namespace``, ``name``, ``action``.
Write = dict[str, str]

#: What is sent there is a question, and no object comes of it.
_QUESTIONS = ("authentication.k8s.io/", "authorization.k8s.io/")
#: In JSON these stand in texts only: what Go writes so, and what YAML takes for the end of a line, or refuses.
_AS_NUMBERS = re.compile("[<>&\u2028\u2029\x7f-\x9f\ufeff\ufffe\uffff]")
_NAMESPACE = re.compile(r"/namespaces/([^/]+)/[^/]")
#: What is sent there concerns the object of the path in another way than by changing it.
_SUBRESOURCES = {"eviction": ("Pod", EVICTED), "token": ("ServiceAccount", TOKEN_ISSUED)}
_METHODS = {"POST": CREATED, "PUT": UPDATED, "PATCH": UPDATED, "DELETE": DELETED}


def encoded(body: object) -> bytes:
    """JSON as the API server itself writes it: compact, in UTF-8, and with a few letters as numbers.

    What an object holds as it was sent (the data of a ControllerRevision) then stays the same, byte by byte, when the
    server rewrites it for a patch. If it did not, it would count as changed. The server reads a patch to apply as
    YAML, which knows no pairs of numbers for one letter, as JSON has them for those beyond the basic plane.
    """
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return _AS_NUMBERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode(errors="backslashreplace")


def write_of(
    asked: Asked, query: Mapping[str, object] | None, answer: Answer, kinds: Kinds, *, lost: bool
) -> Write | None:
    """What the server wrote for a request; None where it was asked for nothing, or wrote nothing.

    :param lost: an answer to the same request did not come before: that it is done already may be its own effect.
    """
    place = place_of(asked.path)
    if asked.method == "GET" or place is None or place.api_version.startswith(_QUESTIONS) or "dryRun" in (query or {}):
        return None
    if not (_accepted(asked, answer) or (lost and _was_done(asked, place, answer))):
        return None
    kind, action = _SUBRESOURCES.get(place.subresource) or (
        _kind(asked, place, answer, kinds),
        CREATED if answer.status == 201 else _METHODS[asked.method],
    )
    inside = _NAMESPACE.search(asked.path)
    return {
        "kind": kind,
        "namespace": inside.group(1) if inside else "",
        "name": place.name or _name(answer.value) or _name(asked.sent),
        "action": action,
    }


def _accepted(asked: Asked, answer: Answer) -> bool:
    """Whether something was written: a patch after which the version is the one that it was sent for wrote nothing."""
    if not 200 <= answer.status < 300:
        return False
    sent = _metadata(asked.sent).get("resourceVersion")
    return asked.method not in ("PATCH", "PUT") or not sent or sent != _metadata(answer.value).get("resourceVersion")


def _was_done(asked: Asked, place: Place, answer: Answer) -> bool:
    return (asked.method, answer.status) in (("DELETE", 404), ("POST", 409)) and not place.subresource


def _kind(asked: Asked, place: Place, answer: Answer, kinds: Kinds) -> str:
    known = kinds.get((place.api_version, place.plural))
    told = (answer.value or {}).get("kind")
    sent = asked.sent.get("kind") if isinstance(asked.sent, Mapping) and asked.method != "DELETE" else ""
    return str(known or (told if told != "Status" else "") or sent or place.plural)


def _metadata(body: Any) -> Mapping[str, Any]:
    return (body.get("metadata") or {}) if isinstance(body, Mapping) else {}


def _name(body: Any) -> str:
    return str(_metadata(body).get("name") or "")
