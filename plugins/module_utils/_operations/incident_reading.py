# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``incident`` reads of a cluster, and of the records that this controller wrote. What cannot be read is told."""

from __future__ import annotations

from typing import Any

from .._domain.contract.typed import Contract
from .._domain.incident.cause import traits
from .._domain.incident.changes import changes_of
from .._domain.incident.impact import impact, impact_queries
from .._domain.incident.incident import Incident, incident_of
from .._domain.incident.symptom import FIRING, Symptom, of_query
from .._domain.incident.timeline import BEFORE, Row, of_alerts, of_changes, of_events, of_records, span, timeline
from .._domain.names import (
    INCIDENTS,
    MODELS_NAMESPACE,
    NAMESPACES,
    PART_OF_LABEL,
    REVISION_OF_LABEL,
    SYSTEM_NAMESPACE,
    UPGRADE_LABEL,
)
from .._domain.support.describe import event
from .._kube.errors import NotFoundError
from .._kube.session import Session
from .._vocabulary.others_json import read_json
from .gaps import Gaps
from .health_metrics import TELEMETRY_SERVICE, instant_query
from .records_file import RecordsFile

CONFIGMAPS = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps"
_REVISIONS = f"/apis/apps/v1/namespaces/{MODELS_NAMESPACE}/controllerrevisions"


class Reader:
    """Of one cluster, and what could not be read of it."""

    def __init__(self, session: Session, contract: Contract) -> None:
        self._session, self._contract = session, contract
        self._gaps = Gaps()

    def unread(self) -> list[str]:
        """What could not be read until now, and why."""
        return self._gaps.told()

    def incidents(self) -> list[Incident]:
        """All that there are; none where there is no namespace. Other errors as for ``Session.request``."""
        try:
            listed = list(self._session.list_items(CONFIGMAPS, {"labelSelector": f"{PART_OF_LABEL}={INCIDENTS}"}))
        except NotFoundError:
            return []
        found = [one for raw in listed if (one := incident_of(raw))]
        return sorted(found, key=lambda one: one.number)

    def nodes(self) -> dict[str, dict[str, str]]:
        """What each node has in common with others."""
        return {str(raw["metadata"]["name"]): traits(raw) for raw in self._session.list_items("/api/v1/nodes")}

    def changes(self) -> list[dict[str, str]]:
        revisions = self._metadata("revisions of models", _REVISIONS, REVISION_OF_LABEL)
        return changes_of(revisions, self._metadata("upgrades of the stack", CONFIGMAPS, UPGRADE_LABEL))

    def firing(self) -> list[Symptom]:
        """What our telemetry's alerts say that pages."""
        return list(of_query(self._asked("alerts", FIRING), self._contract))

    def timeline(self, incident: Incident, now: str, directory: str, cluster: str) -> list[Row]:
        since, until = span(incident, now)
        wanted = f"max_over_time(ALERTS_FOR_STATE[{int(until - since + BEFORE)}s] @ {until:.0f})"
        rows = [
            *of_changes(self.changes()),
            *of_events(self._events()),
            *of_records(self._records(directory, cluster)),
            *of_alerts(self._asked("alerts of that time", wanted)),
        ]
        return timeline(incident, rows, now)

    def impact(self, incident: Incident, now: str) -> list[dict[str, Any]]:
        """Of the time from its first symptom, as far as our telemetry has it."""
        of_it = span(incident, now)
        touched = {name for one in incident.symptoms for name in (one.model, *one.touches) if name}
        answers = {name: self._asked(f"the impact ({name})", query) for name, query in impact_queries(of_it).items()}
        return impact(answers, of_it, touched)

    def _metadata(self, what: str, path: str, label: str) -> list[dict[str, Any]]:
        return self._gaps.tried(what, lambda: self._session.list_metadata(path, {"labelSelector": label}), [])

    def _events(self) -> list[dict[str, Any]]:
        read = [self._events_in(namespace) for namespace in NAMESPACES]
        return [told for raws in read for raw in raws if (told := event(raw))]

    def _events_in(self, namespace: str) -> list[dict[str, Any]]:
        path = f"/api/v1/namespaces/{namespace}/events"
        return self._gaps.tried(f"events in {namespace}", lambda: list(self._session.list_items(path)), [])

    def _records(self, directory: str, cluster: str) -> list[dict[str, Any]]:
        path = RecordsFile(directory, cluster).path
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            return [dict(read_json(line)) for line in lines if line]
        except FileNotFoundError:
            self._gaps.note("records", "this controller wrote none")
        except (OSError, ValueError) as error:
            self._gaps.note(f"records in {path}", type(error).__name__)
        return []

    def _asked(self, what: str, query: str) -> dict[str, Any]:
        return self._gaps.tried(what, lambda: instant_query(self._session, TELEMETRY_SERVICE, query), {})
