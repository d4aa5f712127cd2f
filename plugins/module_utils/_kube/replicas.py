# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who sets a workload's replica count: the manifest, or an autoscaler in the same set.

A manifest's ``replicas`` is what a new workload starts with; from then on the set's autoscaler says how many.
Server-side apply resets a field without owners to its default, which here is 1. So before we leave the field
out, another manager of ours holds its value, as Kubernetes advises; when the autoscaler goes, it takes the field back:
https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .objects import Manifest, Ref
from .session import FIELD_MANAGER

KEEPER = f"{FIELD_MANAGER}-replicas"
"""The field manager that holds ``replicas`` while it changes hands, and nothing else.

If the previous owner set exactly this value, it keeps co-owning the field. Then the keeper stays too, so that a later
change does not conflict with an autoscaler that is long gone.
"""

_HPA = "HorizontalPodAutoscaler.autoscaling"
SCALERS = frozenset({_HPA, "ScaledObject.keda.sh"})
"""Kinds whose ``spec.scaleTargetRef`` names what they scale, in their own namespace."""


@dataclass(frozen=True)
class Handover:
    """What :data:`KEEPER` writes before the workload is applied.

    :param replicas: the value that it holds.
    :param take: take it from whoever has it and give it to us; else it is left to the autoscaler.
    """

    replicas: int
    take: bool


@dataclass(frozen=True)
class Shared:
    """One manifest, as far as its replicas are concerned.

    :param applied: what we apply.
    :param asked: what the server's dry-run is asked, so that it answers what will be but for replicas taken back.
    """

    applied: Manifest
    asked: Manifest
    handover: Handover | None = None


def scaled(manifests: Iterable[Mapping[str, Any]]) -> dict[Ref, Mapping[str, Any]]:
    """The autoscalers among these manifests, by what they scale."""
    found = {}
    for manifest in manifests:
        ref = Ref.of(manifest)
        target = (manifest.get("spec") or {}).get("scaleTargetRef") or {}
        if ref.group_kind in SCALERS and target:
            group = str(target.get("apiVersion") or "apps/v1").rpartition("/")[0]
            kind = str(target.get("kind") or "Deployment")
            found[Ref(kind, group, ref.namespace, str(target.get("name")))] = manifest
    return found


def share(
    manifest: Manifest, live: Mapping[str, Any] | None, scaler: Mapping[str, Any] | None, *, scaled_before: bool
) -> Shared:
    """How a manifest is applied, its replicas considered.

    :param scaler: the set's autoscaler of it.
    :param scaled_before: the set had an autoscaler, of this workload perhaps.
    """
    wanted = (manifest.get("spec") or {}).get("replicas")
    now = ((live or {}).get("spec") or {}).get("replicas")
    if live is None or wanted is None or now is None:
        return Shared(manifest, manifest)
    owners = owners_of_replicas(live)
    others = owners - {FIELD_MANAGER}
    if scaler is not None and not (now == 0 and _cannot_wake(scaler)):
        left_out = _with_replicas(manifest, None)
        if owners == {FIELD_MANAGER}:
            return Shared(left_out, _with_replicas(manifest, now), Handover(now, take=False))
        return Shared(left_out, left_out)
    settled = now == wanted and FIELD_MANAGER in owners
    if others and not settled and (scaler is not None or scaled_before or KEEPER in others):
        return Shared(manifest, _with_replicas(manifest, now), Handover(wanted, take=True))
    return Shared(manifest, manifest)


def handover_manifest(manifest: Mapping[str, Any], replicas: int | None) -> Manifest:
    """What :data:`KEEPER` applies: these replicas, or (to hold nothing any more) only the object's name."""
    metadata = {key: manifest["metadata"][key] for key in ("name", "namespace") if key in manifest["metadata"]}
    made: Manifest = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": metadata}
    return made if replicas is None else {**made, "spec": {"replicas": replicas}}


def _cannot_wake(scaler: Mapping[str, Any]) -> bool:
    """An HPA that does not go to zero leaves a workload of no replicas alone: it regards it as switched off."""
    return Ref.of(scaler).group_kind == _HPA and (scaler.get("spec") or {}).get("minReplicas", 1) > 0


def _with_replicas(manifest: Manifest, replicas: int | None) -> Manifest:
    spec = {key: value for key, value in manifest["spec"].items() if key != "replicas"}
    return {**manifest, "spec": spec if replicas is None else {**spec, "replicas": replicas}}


def owners_of_replicas(live: Mapping[str, Any]) -> set[str]:
    """The field managers of ``spec.replicas``, by whatever way they set it (``/scale`` included)."""
    entries = (live.get("metadata") or {}).get("managedFields") or ()
    return {
        str(entry.get("manager"))
        for entry in entries
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    }
