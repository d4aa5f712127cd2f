# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Lease on one API server: read with the server's clock, written only over what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .errors import ConflictError, ForbiddenError, NotFoundError, answer_error
from .server_clock import server_time
from .session import Session


class NoNamespaceError(NotFoundError):
    """The namespace of the Lease is not there, or on its way out."""

    code = "no_namespace"


@dataclass(frozen=True)
class Seen:
    """A Lease as the server showed it, or None, and what time it was there then."""

    lease: dict[str, Any] | None
    now: datetime


class LeasePlace:
    """Where one Lease is."""

    def __init__(self, session: Session, namespace: str, name: str) -> None:
        self._session = session
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self.path = f"{self._collection}/{name}"

    def read(self) -> Seen:
        """The Lease now. Errors as for ``Session.request``, but that there is none is no error."""
        answer = self._session.exchange("GET", self.path)
        now = server_time(answer.headers)
        if answer.status == 404:
            return Seen(None, now)
        if answer.status >= 400:
            raise answer_error(answer.status, answer.refused(), where=self._session.where, request=f"GET {self.path}")
        return Seen(answer.json(), now)

    def write(self, manifest: Mapping[str, Any]) -> bool:
        """Make the Lease, or write it over the version that the manifest carries.

        :returns: False when somebody else was first. A request that was sent again because its answer was lost may
            meet its own effect: a caller that gets False has to read again to find out.
        :raises NoNamespaceError: there is no place for it.
        """
        over = "resourceVersion" in manifest["metadata"]
        try:
            if over:
                self._session.request("PUT", self.path, body=manifest)
            else:
                self._session.request("POST", self._collection, body=manifest)
        except ConflictError:
            return False
        except NotFoundError as error:
            if over:
                return False  # deleted since it was read
            raise NoNamespaceError(error.what, status=404, where=error.where) from None
        except ForbiddenError as error:
            causes = (error.body.get("details") or {}).get("causes") or []
            if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
                raise NoNamespaceError(error.what, status=404, where=error.where) from None
            raise
        return True

    def remove(self, lease: Mapping[str, Any]) -> bool:
        """Delete exactly the version that was read; False if it has changed since."""
        metadata = lease["metadata"]
        preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        try:
            self._session.request("DELETE", self.path, body=body)
        except ConflictError:
            return False
        except NotFoundError:
            pass  # already gone: as wanted
        return True
