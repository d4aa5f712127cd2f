# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session with one API server: raw JSON over pooled HTTPS, with deadlines, retries and typed errors."""

from __future__ import annotations

import math
import random
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from .._vocabulary.user_agent import CLIENT, user_agent
from .answers import Answer, Asked, doubt, watch_events
from .connection_failures import connection_failure, unanswered
from .deadline import chunks_until, whole_answer_within
from .errors import (
    ExpiredError,
    KubeError,
    NotAnAnswerError,
    UnreachableError,
    WrongClusterError,
    answer_error,
)
from .exec_answer import ExecCredential
from .exec_credential import run_exec_plugin
from .kubeconfig import Access, bearer
from .pools import pool_of
from .resolving import is_looked_up
from .retry import delay_before, may_pass
from .threads import in_threads
from .waits import Waits
from .writes import Write, encoded, write_of

try:
    import urllib3
    import urllib3.exceptions
except ImportError:  # reported by Operation before anything runs
    URLLIB3_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    URLLIB3_IMPORT_ERROR = None

FIELD_MANAGER = CLIENT
THREADS = 16
PAGE_SIZE = 500
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
#: How long a server that has never answered is tried: an offline cluster must not hold up a fleet.
FIRST_ANSWER_SECONDS = 6.0
#: How long its first answer is waited for; when it is asked again, twice as long.
FIRST_READ_SECONDS = 4.0
#: After so long a watch ends and its caller lists again: a stream that is cut off somewhere may just stay silent.
WATCH_SECONDS = 30.0
#: What a server that ends the stream in time may take longer for it.
_LAST_EVENTS_SECONDS = 2.0
#: How long a server that did answer before is waited for: a rolling restart of the control plane takes about that.
RETRY_SECONDS = 45.0

#: Answers about what was sent, which they repeat: https://github.com/kubernetes-sigs/structured-merge-diff.
_ABOUT_VALUES = frozenset({400, 422, 500})

JSON = "application/json"
APPLY_PATCH = "application/apply-patch+yaml"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Item = TypeVar("Item")
Result = TypeVar("Result")


class Session:
    """Speaks with one API server.

    :param access: its address, and the credential for it.
    :param cluster_name: for messages.
    :param expected_uid: the UID its ``kube-system`` namespace must have, or ``None`` when not known yet.
    :param until: the moment (of ``time.monotonic``) after which no answer is waited for, or ``None``.
    :param threads: how many requests may be on their way at once.
    :param before_write: called before each request that is no GET, each time it is sent; what it raises stops it.
    :param on_write: called with each write that it accepted.
    :param waits: told what is waited for.
    :param run: the id of the run, which each request carries.
    :param has_answered: this run had answers from it before, so the first one now is waited for like any other.
    :raises CredentialError: from every call, when the credential turns out unusable.
    """

    def __init__(
        self,
        access: Access,
        *,
        cluster_name: str = "",
        expected_uid: str | None = None,
        until: float | None = None,
        threads: int = THREADS,
        before_write: Callable[[], None] | None = None,
        on_write: Callable[[Write], None] | None = None,
        waits: Waits | None = None,
        run: str = "",
        has_answered: bool = False,
    ) -> None:
        self.access = access
        self.where = f"{cluster_name} ({access.place})" if cluster_name else access.place
        self.expected_uid = expected_uid
        self.run = run
        self._agent = user_agent(run)
        self.threads, self.waits = threads, waits or Waits()
        self._until = math.inf if until is None else until
        self._before_write, self._on_write = before_write, on_write
        self._uid: str | None = None
        self._kinds: dict[tuple[str, str], str] = {}
        self._exec: ExecCredential | None = None
        self._has_answered = has_answered
        self._pool = self._make_pool()

    # --- one request ---------------------------------------------------------------------------

    def get(self, path: str, query: Mapping[str, object] | None = None, *, accept: str = JSON) -> dict[str, Any]:
        """The JSON at ``path``. Errors as for :meth:`request`."""
        return self.request("GET", path, query=query, accept=accept)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        content_type: str = JSON,
        accept: str = JSON,
        retry: bool = True,
    ) -> dict[str, Any]:
        """Ask, ask again where that helps, and return the answer's JSON.

        :param retry: ask again, until :data:`RETRY_SECONDS` have passed, when the answer says "later" or none comes.
        :raises AnswerError: the server said no (a subclass for each meaning).
        :raises UnreachableError: no answer in time.
        :raises TlsError: the server is not the one trusted.
        """
        answer = self.exchange(
            method, path, query=query, body=body, content_type=content_type, accept=accept, retry=retry
        )
        if answer.status >= 400:
            said = answer.refused()
            if answer.status in _ABOUT_VALUES and isinstance(body, Mapping) and body.get("kind") == "Secret":
                said = {**said, "message": "what it says is not shown, since it may repeat the Secret's values"}
            raise answer_error(answer.status, said, where=self.where, request=f"{method} {path}")
        return answer.json()

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        content_type: str = JSON,
        accept: str = JSON,
        retry: bool = True,
        read_seconds: float = READ_SECONDS,
        seconds: float = math.inf,
    ) -> Answer:
        """As :meth:`request`, but an error status is an answer like any other.

        :param read_seconds: how long one answer is waited for.
        :param seconds: how long all of it may take, asking again included.
        """
        url = self._url(path, query)
        asked = Asked(method, path, accept, body)
        data = None if body is None else encoded(body)
        started, attempt, renewed, lost = time.monotonic(), 0, False, False
        end = min(self._until, started + seconds)
        while True:
            attempt += 1
            if self._before_write and method != "GET":
                self._before_write()
            first = retry and not self._has_answered
            longest = min(read_seconds, FIRST_READ_SECONDS * attempt) if first else read_seconds
            left = min(longest, end - time.monotonic())
            answer, failure = self._try_once(method, url, data, content_type, accept, left)
            if answer is not None:
                if answer.status == 401 and self.access.exec_spec and not renewed:
                    renewed, self._exec = True, None  # the plugin's token may have died early: ask it once more
                    continue
                answer, failure = self._believed(asked, answer)
            if answer is not None:
                self._has_answered = True
                if not (retry and may_pass(asked, answer)):
                    return self._noted(asked, query, answer, lost=lost)
            lost = lost or answer is None
            patience = RETRY_SECONDS if self._has_answered else FIRST_ANSWER_SECONDS
            delay = delay_before(attempt, answer.headers if answer else {}, jitter=random.random())  # noqa: S311 (spread, not a secret)
            if not retry or time.monotonic() + delay > min(started + patience, end):
                if answer is not None:
                    return answer  # "later", to the end
                raise failure or UnreachableError("no answer", where=self.where)
            time.sleep(delay)

    def _noted(self, asked: Asked, query: Mapping[str, object] | None, answer: Answer, *, lost: bool) -> Answer:
        write = write_of(asked, query, answer, self._kinds, lost=lost) if self._on_write else None
        if self._on_write and write:
            self._on_write(write)
        return answer

    def _believed(self, asked: Asked, answer: Answer) -> tuple[Answer | None, KubeError | None]:
        """The answer, unless something else than the API server gave it: then there was none."""
        why = doubt(asked, answer, self._kinds)
        if not why:
            return answer, None
        return None, NotAnAnswerError(
            f"the response to {asked.method} {asked.path} is not from the API server: {why}",
            where=self.where,
            next_step="check what is between here and the API server (a proxy, a load balancer, a login page); "
            "nothing was concluded from it",
        )

    def learn(self, kinds: Mapping[tuple[str, str], str]) -> None:
        """Know the kinds that this server has, by ``(apiVersion, plural)``: answers are held against them."""
        self._kinds.update(kinds)

    def _try_once(
        self, method: str, url: str, data: bytes | None, content_type: str, accept: str, read_seconds: float
    ) -> tuple[Answer | None, KubeError | None]:
        known = self._has_answered or self.access.proxy_url
        if not (known or is_looked_up(self.access.server, self.within(CONNECT_SECONDS))):
            return None, unanswered("no name server says in time where it is", where=self.where)
        headers = {"Accept": accept, "Content-Type": content_type, "User-Agent": self._agent, **self._authorization()}
        timeout = urllib3.Timeout(connect=self.within(CONNECT_SECONDS), read=self.within(read_seconds))
        try:
            with whole_answer_within(self.within(CONNECT_SECONDS + read_seconds)):
                got = self._pool.request(
                    method, url, body=data, headers=headers, timeout=timeout, retries=False, redirect=False
                )
        except urllib3.exceptions.HTTPError as error:
            return None, self._connection_failure(error)
        return Answer(got.status, got.headers, got.data), None

    def within(self, seconds: float) -> float:
        """So many seconds, or those that are left."""
        return max(0.01, min(seconds, self._until - time.monotonic()))

    def _connection_failure(self, error: Exception) -> UnreachableError:
        failure = connection_failure(error, proxy_url=self.access.proxy_url, where=self.where)
        if isinstance(failure, UnreachableError):
            return failure
        raise failure from None  # no use asking again

    # --- lists and streams ---------------------------------------------------------------------

    def list_items(self, path: str, query: Mapping[str, object] | None = None) -> Iterator[dict[str, Any]]:
        """Every object of a collection, page by page, so that a large cluster never sits in memory at once."""
        for page in self.list_pages(path, query):
            yield from page["items"]

    def list_pages(
        self, path: str, query: Mapping[str, object] | None = None, *, accept: str = JSON
    ) -> Iterator[dict[str, Any]]:
        """The pages of a collection as raw lists; each item gets the ``kind`` and ``apiVersion`` a list leaves out."""
        follow: dict[str, object] = {**(query or {}), "limit": PAGE_SIZE}
        while True:
            try:
                page = self.get(path, follow, accept=accept)
            except ExpiredError as error:
                # The server has compacted what this list began with, and says where to go on in what is there now.
                if not error.resume or "continue" not in follow:
                    raise
                follow["continue"] = error.resume
                continue
            kind, version = str(page.get("kind", "")).removesuffix("List"), page.get("apiVersion")
            page["items"] = page.get("items") or []
            for item in page["items"]:
                item.setdefault("kind", kind)
                item.setdefault("apiVersion", version)
            yield page
            token = page.get("metadata", {}).get("continue")
            if not token:
                return
            follow["continue"] = token

    def list_metadata(self, path: str, query: Mapping[str, object]) -> list[dict[str, Any]]:
        """Only the metadata of a collection's objects: cheap whatever the objects hold."""
        return [item for page in self.list_pages(path, query, accept=_METADATA_LIST) for item in page["items"]]

    def watch(self, path: str, query: Mapping[str, object], seconds: float) -> Iterator[dict[str, Any]]:
        """Watch events until the server ends the stream, it breaks, or ``seconds`` have passed, of which there are
        :data:`WATCH_SECONDS` at most: the caller lists again and continues from there."""
        asked_for = max(1, int(min(seconds, WATCH_SECONDS)))
        end = time.monotonic() + asked_for + _LAST_EVENTS_SECONDS
        follow = {**query, "watch": "true", "timeoutSeconds": asked_for, "allowWatchBookmarks": "true"}
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=float(asked_for))
        headers = {"Accept": JSON, "User-Agent": self._agent, **self._authorization()}
        url = self._url(path, follow)
        try:
            with whole_answer_within(end - time.monotonic()):
                got = self._pool.request(
                    "GET", url, headers=headers, timeout=timeout, retries=False, preload_content=False
                )
        except urllib3.exceptions.HTTPError:
            return
        try:
            if got.status == 200:
                yield from watch_events(chunks_until(end, got.stream(65536, decode_content=True)))
        except urllib3.exceptions.HTTPError:
            return
        finally:
            got.close()

    def in_parallel(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """``function`` over ``items`` in up to ``threads`` threads; results in order, the first error raised."""
        return in_threads(function, items, self.threads)

    # --- which cluster is this -----------------------------------------------------------------

    def uid(self) -> str:
        """The cluster's identity: the UID of its ``kube-system`` namespace."""
        if self._uid is None:
            self._uid = str(self.get("/api/v1/namespaces/kube-system")["metadata"]["uid"])
        return self._uid

    def require_expected_cluster(self) -> None:
        """To be called before the first write.

        :raises WrongClusterError: another cluster answered, or the contract's UID is not known.
        """
        if not self.expected_uid:
            raise WrongClusterError(
                f"the expected cluster UID is not set (this cluster's is {self.uid()})",
                where=self.where,
                next_step="set `identity.uid` in the contract (connection.cluster_uid); nothing was written",
            )
        self.check_expected_cluster()

    def check_expected_cluster(self) -> None:
        """As :meth:`require_expected_cluster`, but without an expected UID any cluster is accepted: for reading."""
        if self.expected_uid and self.uid() != self.expected_uid:
            raise WrongClusterError(
                f"this is the wrong cluster: the contract says UID {self.expected_uid}, the cluster that answered "
                f"has {self.uid()}",
                where=self.where,
                next_step="give this cluster's own credential (`access` in the contract, or -e admin_kubeconfig), or "
                "correct `identity.uid` if the cluster was rebuilt; nothing was written",
            )

    # --- connection and credential -------------------------------------------------------------

    def _make_pool(self) -> urllib3.PoolManager:
        cert, key = self.access.cert_pem, self.access.key_pem
        if self.access.exec_spec:
            credential = self._exec_credential()
            cert, key = credential.cert_pem or cert, credential.key_pem or key
        return pool_of(self.access, cert_pem=cert, key_pem=key, connections=self.threads)

    def _authorization(self) -> dict[str, str]:
        token = self._exec_credential().token if self.access.exec_spec else self.access.read_token()
        return bearer(token, self.access.source)

    def _exec_credential(self) -> ExecCredential:
        current = self._exec
        if current is None or (current.expires is not None and current.expires - time.time() < 10):
            access = self.access
            current = self._exec = run_exec_plugin(
                access.exec_spec,
                server=access.server,
                ca_pem=access.ca_pem,
                source=access.source,
                info=access.told(),
            )
        return current

    def _url(self, path: str, query: Mapping[str, object] | None) -> str:
        base = self.access.server.rstrip("/") + path
        return f"{base}?{urlencode(query)}" if query else base
