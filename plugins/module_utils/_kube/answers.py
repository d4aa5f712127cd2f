# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a response is really the API server's answer to the request: pure rules, applied before any conclusion.

Login pages, load balancers and captive portals answer with 200 and with 404 too. An empty list or a "not found" that
the API server never gave would prove that nothing is left, that a pod has ended, that a token is revoked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .._vocabulary.others_json import read_json

#: The whole body of the API server's answer about a path that it does not serve.
_NOT_SERVED = b"404 page not found"
#: The API server's audit chain sets this header on every answer, whether or not an audit log is written, and on what
#: its proxy passes on.
_AUDIT_ID = "Audit-Id"
_JSON = "application/json"
#: These kinds are asked for in the ``Accept`` header, whatever the path names.
_NAMED_BY_HEADER = ("PartialObjectMetadataList", "APIGroupDiscoveryList")
#: What is served at one ``apiVersion`` is told as this kind.
_SERVED_KIND = "APIResourceList"
_WATCH_EVENTS = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")
_MOST_SHOWN = 60

#: ``(apiVersion, plural)`` -> kind, from discovery.
Kinds = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Asked:
    """One request. sent: its body, or None."""

    method: str
    path: str
    accept: str
    sent: object = None


@dataclass
class Answer:
    """One answer as it came: the status code, the headers and the body's bytes."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @cached_property
    def value(self) -> dict[str, Any] | None:
        """The body as a JSON object; None when it is none."""
        try:
            value = read_json(self.data)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def is_json(self) -> bool:
        """Whether the body is whole JSON, of any kind."""
        try:
            read_json(self.data)
        except ValueError:
            return False
        return True

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty for any other body."""
        return self.value or {}

    def refused(self) -> dict[str, Any]:
        """The API server's own word about an error, its ``Status``; empty where something else gave it.

        What back ends and what stands in front of the API server say of errors is not repeated: some of them return
        what they were sent, or what they are configured with.
        """
        value = self.json()
        return value if value.get("kind") == "Status" else {}

    def why(self) -> str:
        """The same in words."""
        return str(self.refused().get("message") or f"HTTP {self.status}")

    def described(self) -> str:
        """A short description of the response. Its body is untrusted text, so it is not repeated."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()[:_MOST_SHOWN]
        form = f"the kind {str(self.value.get('kind') or 'missing')[:_MOST_SHOWN]}" if self.value is not None else (
            f"{len(self.data)} bytes that are no JSON object"
        )  # fmt: skip
        return f"HTTP {self.status} with {form}{f' ({kind})' if kind else ''}"


@dataclass(frozen=True)
class Place:
    """What a path of the Kubernetes API names. ``name`` is empty for a collection."""

    api_version: str
    plural: str
    name: str
    subresource: str


def place_of(path: str) -> Place | None:
    """The place that a path names, or None for a path that names no object.

    The form of what comes through the API server's proxy is the back end's own: the caller knows it.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        api_version, rest = parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        api_version, rest = f"{parts[1]}/{parts[2]}", parts[3:]
    else:
        return None
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        rest = rest[2:]
    plural, name, subresource = [*rest, "", ""][:3]
    return None if subresource == "proxy" else Place(api_version, plural, name, subresource)


def doubt(asked: Asked, answer: Answer, kinds: Kinds) -> str:
    """Why this is not the API server's answer to that; empty when it is.

    :param kinds: the kinds from discovery. Without it a kind of the built-in groups is known by its plural.
    """
    if 300 <= answer.status < 400:
        return f"HTTP {answer.status}, a redirect, which no API server sends"
    if answer.status == 429 or answer.status >= 500:
        return ""  # that says "later", whoever sends it
    if "/proxy/" in asked.path:
        return _doubt_of_a_back_end(answer)
    if answer.status >= 400:
        return "" if _is_refusal(answer) else f"{answer.described()}, which is no Status of an API server"
    place = place_of(asked.path)
    if place and (place.plural, place.subresource) == ("pods", "log"):
        return _doubt_of_a_log(answer)
    value = answer.value
    if value is None:
        return answer.described()
    if asked.path == "/version":
        return "" if value.get("gitVersion") else answer.described()
    kind = str(value.get("kind") or "")
    if asked.method == "DELETE" and kind == "Status":
        return "" if value.get("status") == "Success" else answer.described()
    if not _kind_fits(kind, asked, place, kinds):
        return answer.described()
    listed = "resources" if kind == _SERVED_KIND else "items"
    if kind.endswith("List") and (place is None or not place.name) and listed not in value:
        return f"{answer.described()}, without {listed}"
    return _of_another_name(asked, place, value)


def watch_events(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The events of a watch, up to the first line that is not one: the rest cannot be trusted either."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in filter(bytes.strip, lines):
            event = _event(line)
            if event is None:
                return
            yield event


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = read_json(line)
    except ValueError:
        return None
    is_one = isinstance(event, dict) and event.get("type") in _WATCH_EVENTS and isinstance(event.get("object"), dict)
    return event if is_one else None


def _doubt_of_a_back_end(answer: Answer) -> str:
    """Of what came through the API server's proxy: its form is the back end's own, but the API server marks it."""
    if not answer.headers.get(_AUDIT_ID):
        return f"{answer.described()}, without the API server's {_AUDIT_ID}"
    if answer.headers.get("Content-Type", "").startswith(_JSON) and not answer.is_json():
        return f"{answer.described()}, which is not whole"
    return ""


def _doubt_of_a_log(answer: Answer) -> str:
    """A log is text of any form, which the API server marks as it does all of its answers."""
    is_text = answer.headers.get("Content-Type", "").startswith("text/plain")
    return "" if is_text and answer.headers.get(_AUDIT_ID) else f"{answer.described()}, which is no log"


def _is_refusal(answer: Answer) -> bool:
    """Whether an error is one to conclude from."""
    if answer.value is not None and answer.value.get("kind") == "Status":
        return True
    return answer.status == 404 and answer.data.strip() == _NOT_SERVED and bool(answer.headers.get(_AUDIT_ID))


def _kind_fits(kind: str, asked: Asked, place: Place | None, kinds: Kinds) -> bool:
    for wanted in _NAMED_BY_HEADER:
        if wanted in asked.accept:
            return kind == wanted
    if place is None:
        # No object is named: only of what is served is the kind known, and all else says itself what it is.
        return kind == _SERVED_KIND or not _is_api_version(asked.path)
    if place.subresource == "eviction":
        return kind == "Status"
    if asked.method != "DELETE" and isinstance(asked.sent, Mapping) and asked.sent.get("kind"):
        return bool(kind == asked.sent["kind"])
    if asked.method == "GET" and not place.name:
        return kind.endswith("List") and _is_kind_of(kind.removesuffix("List"), place, kinds)
    return _is_kind_of(kind, place, kinds)


def _is_api_version(path: str) -> bool:
    """Whether a path names one ``apiVersion`` as a whole, as ``/api/v1`` and ``/apis/apps/v1`` do."""
    first, *rest = path.strip("/").split("/")
    return {"api": 1, "apis": 2}.get(first) == len(rest)


def _is_kind_of(kind: str, place: Place, kinds: Kinds) -> bool:
    known = kinds.get((place.api_version, place.plural))
    if known:
        return kind == known
    if _is_built_in(place.api_version):
        return place.plural in _plurals(kind)
    return kind not in ("", "Status")


def _is_built_in(api_version: str) -> bool:
    group = api_version.partition("/")[0] if "/" in api_version else ""
    return "." not in group or group.endswith(".k8s.io")


def _plurals(kind: str) -> tuple[str, ...]:
    """The plurals that a kind may have by the API's conventions: pods, policies, classes, endpoints, gateways."""
    word = kind.lower()
    return word, f"{word}s", f"{word}es", f"{word[:-1]}ies"


def _of_another_name(asked: Asked, place: Place | None, value: Mapping[str, Any]) -> str:
    if place is None or not place.name or asked.method not in ("GET", "PUT", "PATCH"):
        return ""
    name = str((value.get("metadata") or {}).get("name") or "")
    return "" if name == place.name else f"an object of another name ({name[:_MOST_SHOWN] or 'none'})"
