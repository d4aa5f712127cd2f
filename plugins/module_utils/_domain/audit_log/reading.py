# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of an audit log (audit.k8s.io/v1, of any level), and of them what our accounts did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from ..._vocabulary.user_agent import CLIENT, run_in
from ..names import NAMESPACES, SETUP_NAMESPACE, account_user
from .lines import events_of

_OURS = tuple(account_user("", namespace) for namespace in (*NAMESPACES, SETUP_NAMESPACE))
_READS = frozenset({"get", "list", "watch", "head", "options"})
#: To the API server these are reads where they begin with GET.
_INTO_PODS = frozenset({"pods/exec", "pods/attach", "pods/portforward"})
#: Answered, and no object comes of it.
_QUESTIONS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})
_ENDED = frozenset({"ResponseComplete", "Panic"})
_RECEIVED = "RequestReceived"
_REMOVING = frozenset({"delete", "deletecollection"})
_WITH_BODIES = frozenset({"Request", "RequestResponse"})
#: The API server does what these ask for, whether dryRun is in the query or not.
_NEVER_TRIED = frozenset({"attach", "exec", "portforward", "proxy", "token"})

#: Namespace, group, resource, verb.
Right = tuple[str, str, str, str]
#: Resource, namespace, name.
Place = tuple[str, str, str]
#: What the events of one request have in common. A client chooses the audit ID, so that alone tells no two apart.
_Request = tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """One request that an account of ours made.

    resource: with its subresource. run: as the client says. code: of the answer, 0 where it is not said.
    """

    where: str
    at: datetime
    user: str
    acting_as: str
    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    run: str
    code: int
    dry_run: bool

    @property
    def place(self) -> Place:
        """The object that it was about."""
        return self.resource.partition("/")[0], self.namespace, self.name

    @property
    def done(self) -> bool:
        """Whether the API server did what was asked. 101: it switched to a stream."""
        return 100 < self.code < 400

    @property
    def unknown(self) -> bool:
        """Whether nobody can say if it did: it may have gone on after its answer, or there is none in the log."""
        return self.code == 0 or self.code >= 500

    @property
    def subresource(self) -> str:
        return self.resource.partition("/")[2]

    def told(self) -> str:
        """The object, for people."""
        group = f".{self.group}" if self.group else ""
        return f"{self.resource}{group} {'/'.join(filter(None, (self.namespace, self.name)))}".strip()


@dataclass
class Reading:
    """What the events say.

    first, last: the time that they cover. calls: what may have written something. reads: each once, where it was
    answered. wrote: by the runs that clients named, of any user. loses: whether events of ours may be missing, since
    bodies are logged, and no request before it is answered.
    """

    lines: int = 0
    first: datetime | None = None
    last: datetime | None = None
    calls: list[Call] = field(default_factory=list)
    reads: dict[tuple[str, ...], Call] = field(default_factory=dict)
    wrote: dict[str, set[Place]] = field(default_factory=dict)
    used: dict[str, set[Right]] = field(default_factory=dict)
    malformed: list[str] = field(default_factory=list)
    _begun: dict[_Request, Call] = field(default_factory=dict)
    _ended: dict[_Request, int] = field(default_factory=dict)
    _has_bodies: bool = False
    _has_received: bool = False

    @property
    def loses(self) -> bool:
        return self._has_bodies and not self._has_received

    def add(self, file: str, number: int, line: bytes) -> None:
        """Read one more line."""
        self.lines += 1
        where = f"line {number} of {file}"
        try:
            for event in events_of(line):
                self._take(where, event)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.malformed.append(where)

    def close(self) -> None:
        """There are no more lines: what has begun and not ended may have been done."""
        for request, call in self._begun.items():
            if request not in self._ended:
                self._keep(call)

    def _take(self, where: str, event: Mapping[str, Any]) -> None:
        user, agent, stage = _user(event), event.get("userAgent") or "", event["stage"]
        at = moment(event["requestReceivedTimestamp"])
        ours = user.startswith(_OURS)
        call = _call(where, at, event) if ours or (agent.startswith(CLIENT) and stage in _ENDED) else None
        self.first, self.last = min(self.first or at, at), max(self.last or at, at)
        if ours:
            self._has_received |= stage == _RECEIVED
            self._has_bodies |= event["verb"] == "patch" and event.get("level") in _WITH_BODIES and stage in _ENDED
        if call and self._is_another(call, stage, _request(event, user, agent)):
            self._keep(call)

    def _is_another(self, call: Call, stage: str, request: _Request) -> bool:
        """Whether a request has ended, and was not read before: files of one log overlap. A watch goes on and on."""
        if not _may_write(call):
            return stage in _ENDED or call.done
        if stage not in _ENDED:
            # A later stage knows the answer.
            if call.code or request not in self._begun:
                self._begun[request] = call
            return False
        known = self._ended.get(request) == call.code
        self._ended[request] = call.code
        return not known

    def _keep(self, call: Call) -> None:
        ours = call.user.startswith(_OURS)
        if ours and call.code not in (401, 403):
            # An apply that makes the object needs the right to create it, too.
            verbs = ("patch", "create") if (call.verb, call.code) == ("patch", 201) else (call.verb,)
            used = self.used.setdefault(call.user, set())
            used.update((call.namespace, call.group, call.resource, verb) for verb in verbs)
        if not _may_write(call):
            if ours and call.done:
                self.reads.setdefault((call.user, call.verb, call.group, call.resource, *call.place[1:]), call)
            return
        if ours:
            self.calls.append(call)
        if call.done and not call.dry_run:
            self.wrote.setdefault(call.run, set()).add(call.place)


def read_log(files: Mapping[str, Iterable[bytes]]) -> Reading:
    """The lines of all files of one log, in any order. Blank lines are none."""
    reading = Reading()
    for file, lines in files.items():
        for number, line in enumerate(lines, 1):
            if not line.isspace():
                reading.add(file, number, line)
    reading.close()
    return reading


def _request(event: Mapping[str, Any], user: str, agent: str) -> _Request:
    same = (event[key] for key in ("auditID", "requestReceivedTimestamp", "verb", "requestURI"))
    return (*map(str, same), user, agent)


def _may_write(call: Call) -> bool:
    if call.acting_as or call.resource in _INTO_PODS:
        return True
    return call.verb not in _READS and call.group not in _QUESTIONS


def _user(event: Mapping[str, Any]) -> str:
    """Who called; of a call that was refused with 401 the API server knows nobody."""
    if event["user"] == {} and event["responseStatus"]["code"] == 401:
        return ""
    return str(event["user"]["username"])


def moment(text: str) -> datetime:
    """A time as records and audit logs write it, with its zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return at


def _call(where: str, at: datetime, event: Mapping[str, Any]) -> Call:
    about = event.get("objectRef") or {}
    resource = str(about.get("resource") or event["requestURI"].partition("?")[0])
    sub = about.get("subresource")
    return Call(
        where=where,
        at=at,
        user=_user(event),
        acting_as=(event.get("impersonatedUser") or {}).get("username") or "",
        verb=event["verb"],
        group=about.get("apiGroup") or "",
        resource=f"{resource}/{sub}" if sub else resource,
        namespace="" if resource == "namespaces" else about.get("namespace") or "",
        name=about.get("name") or "",
        run=run_in(event.get("userAgent") or ""),
        code=int((event.get("responseStatus") or {}).get("code") or 0),
        dry_run=_is_dry_run(event),
    )


def _is_dry_run(event: Mapping[str, Any]) -> bool:
    """Whether the API server only tried it.

    Of a deletion with a body it takes the options from there and ignores the query. Whether there was a body, only the
    levels Request and RequestResponse tell, once it was read; our own client tries no deletions.
    """
    if (event.get("objectRef") or {}).get("subresource") in _NEVER_TRIED:
        return False
    asked = parse_qs(event["requestURI"].partition("?")[2]).get("dryRun") or []
    if event["verb"] in _REMOVING:
        if event.get("level") not in _WITH_BODIES or event["stage"] == _RECEIVED:
            return False
        if body := event.get("requestObject"):
            asked = body.get("dryRun") or []
    return set(asked) == {"All"}
