# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as a support bundle shows them: the fields that tell what went wrong, by allowlist, and no values of secrets.

Of environments there are names only, and of annotations that are not ours too: both are where secrets are put.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..moments import seconds_at, shown_moment
from ..names import PREFIX
from ..redaction import redacted, redacted_data

Raw = Mapping[str, Any]

NOT_SHOWN = "[not shown]"
_POD_SPEC = ("nodeName", "nodeSelector", "priorityClassName", "restartPolicy", "schedulerName", "serviceAccountName",
             "terminationGracePeriodSeconds", "tolerations")  # fmt: skip
_CONTAINER = ("name", "image", "resources", "startupProbe", "readinessProbe", "livenessProbe")
_CONTAINER_STATUS = ("name", "ready", "started", "restartCount", "imageID", "state", "lastState")
_NODE_STATUS = ("capacity", "allocatable", "conditions", "nodeInfo")
_SET_STATUS = (
    "replicas",
    "readyReplicas",
    "updatedReplicas",
    "unavailableReplicas",
    "observedGeneration",
    "conditions",
)


def describe(raw: Raw) -> dict[str, Any]:
    """An object of any of these kinds."""
    shown = {"kind": raw.get("kind"), **_metadata(raw["metadata"]), **_OF_KIND.get(str(raw.get("kind")), _nothing)(raw)}
    told: dict[str, Any] = redacted_data(shown)
    return told


def event(raw: Raw) -> dict[str, Any] | None:
    """An event; None where it has no moment. Both forms are read: the old one, and that of events.k8s.io."""
    series, about = raw.get("series") or {}, raw.get("involvedObject") or raw.get("regarding") or {}
    moments = (
        series.get("lastObservedTime"),
        raw.get("lastTimestamp"),
        raw.get("eventTime"),
        raw.get("firstTimestamp"),
    )
    last = next((found for each in moments if (found := seconds_at(each)) is not None), None)
    if last is None:
        return None
    return {
        "at": shown_moment(last),
        "times": series.get("count") or raw.get("count") or 1,
        "type": raw.get("type"),
        "reason": redacted(str(raw.get("reason") or "")),
        "kind": about.get("kind"),
        "namespace": about.get("namespace", ""),
        "name": about.get("name"),
        "said": redacted(str(raw.get("message") or raw.get("note") or "")),
    }


def _metadata(metadata: Raw) -> dict[str, Any]:
    notes = metadata.get("annotations") or {}
    return {
        "name": metadata["name"],
        "namespace": metadata.get("namespace", ""),
        "uid": metadata.get("uid"),
        "created": metadata.get("creationTimestamp"),
        "deleting": metadata.get("deletionTimestamp"),
        "generation": metadata.get("generation"),
        "owners": [f"{one.get('kind')} {one.get('name')}" for one in metadata.get("ownerReferences") or ()],
        "labels": dict(metadata.get("labels") or {}),
        "annotations": {key: value if key.startswith(PREFIX) else NOT_SHOWN for key, value in notes.items()},
    }


def _pod(raw: Raw) -> dict[str, Any]:
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    return {
        **_pod_spec(spec),
        **{key: status.get(key) for key in ("phase", "reason", "message", "startTime", "conditions")},
        "statuses": [
            {key: one.get(key) for key in _CONTAINER_STATUS}
            for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
        ],
    }


def _pod_spec(spec: Raw) -> dict[str, Any]:
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return {
        **{key: spec.get(key) for key in _POD_SPEC if spec.get(key) is not None},
        "containers": [_container(one) for one in containers],
        "volumes": [_volume(one) for one in spec.get("volumes") or ()],
    }


def _container(one: Raw) -> dict[str, Any]:
    words = [str(word) for word in (*(one.get("command") or ()), *(one.get("args") or ()))]
    return {
        **{key: one.get(key) for key in _CONTAINER if one.get(key) is not None},
        # As one text: a secret and the flag before it are two words.
        "command": redacted(" ".join(words)),
        "environment": [str(each.get("name")) for each in one.get("env") or ()],
    }


def _volume(one: Raw) -> str:
    kinds = [key for key in one if key != "name"]
    return f"{one.get('name')}: {', '.join(kinds)}"


def _node(raw: Raw) -> dict[str, Any]:
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    told = {key: status.get(key) for key in _NODE_STATUS}
    return {"unschedulable": bool(spec.get("unschedulable")), "taints": spec.get("taints") or [], **told}


def _set(raw: Raw) -> dict[str, Any]:
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    template = (spec.get("template") or {}).get("spec") or {}
    return {
        "wanted": spec.get("replicas"),
        **{key: status.get(key) for key in _SET_STATUS},
        "pods": _pod_spec(template),
    }


def _nothing(_raw: Raw) -> dict[str, Any]:
    return {}


_OF_KIND = {"Pod": _pod, "Node": _node, "Deployment": _set}


def within(events: Iterable[Raw], since: str, until: str) -> list[dict[str, Any]]:
    """The events between two moments, in the order of time."""
    told = [found for raw in events if (found := event(raw))]
    return sorted(
        (each for each in told if since <= each["at"] <= until), key=lambda each: (each["at"], str(each["name"]))
    )
