# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be in our namespaces: each object that the contract, the release or Kubernetes itself accounts for.

By kind, namespace and name, never by label: whoever may write an object may label it as they like.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..contract.typed import Contract
from ..identities.needs import LEASE_GROUP, RBAC_GROUP
from ..kept_names import CONFIG_MAPS, INCIDENTS, LEASE, UPGRADES
from ..model.objects import model_objects
from ..model.unit import WORKLOADS, as_unit, digest
from ..names import (
    MODELS_NAMESPACE,
    NAMESPACES,
    PRESETUP_SET,
    SETUP_NAMESPACE,
    SYSTEM_NAMESPACE,
    model_set,
)
from .expectations import access_expectations

Data = Mapping[str, Any]
Entry = dict[str, str]
"""``kind``, ``group``, ``namespace``, and ``name``, or the regular expression ``matching`` for the whole name."""

_NUMBER = "[0-9]+"
_FURNITURE = (("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt"))
"""What Kubernetes puts into every namespace; beside it, what OpenShift does."""
_OPENSHIFT = (("ServiceAccount", "builder"), ("ServiceAccount", "deployer"), ("ConfigMap", "openshift-service-ca.crt"))
_OPENSHIFT_BINDINGS = ("system:deployers", "system:image-builders", "system:image-pullers")
_REPAIRS = ("remediate", "remediate_node")
_CHANGES_OF_MODELS = ("onboard", "deploy_models", "rollback_model")


def accounted_objects(
    contract: Contract, compiled: Iterable[Data], release: Data, facts: Data | None = None
) -> list[Entry]:
    """Every object that may be there.

    :param compiled: the manifests of the presetup and of the stack's release.
    :param release: by which the models' objects are made. :param facts: of ``cluster_info``.
    """
    units = {
        str(model["name"]): model_objects(contract, model, release, facts) for model in contract.get("models") or ()
    }
    manifests = [*compiled, *(manifest for unit in units.values() for manifest in unit)]
    purpose = str(((facts or {}).get("lock") or {}).get("purpose", ""))
    return [
        *map(_of_manifest, manifests),
        *(entry for manifest in manifests for entry in _named_by_pods(manifest)),
        *_of_every_namespace(str(contract["identity"]["provider"])),
        *_kept_by_operations(units),
        *(_candidates(units) if purpose in _CHANGES_OF_MODELS else ()),
        *_bindings_of_customers(contract, (facts or {}).get("annotations") or {}),
        *(_canaries() if purpose in _REPAIRS else ()),
    ]


def accounted_for_grants(set_names: Iterable[str]) -> list[Entry]:
    """The objects of setup grants that are still there, by the names of the sets in their namespace.

    Nobody but an administrator writes there: a grant cannot pretend to be another.
    """
    found = [] if not (names := list(set_names)) else [
        _entry("Namespace", "", "", SETUP_NAMESPACE),
        *(
            _entry(kind, "admissionregistration.k8s.io", "", SETUP_NAMESPACE)
            for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
        ),
    ]  # fmt: skip
    for name in names:
        grant = "setup-" + name.removeprefix("setup-access-")
        found += [_entry("ConfigMap", "", SETUP_NAMESPACE, name), _entry("ServiceAccount", "", SETUP_NAMESPACE, grant)]
        found += [_entry(kind, RBAC_GROUP, "", f"fireworks-{grant}") for kind in ("ClusterRole", "ClusterRoleBinding")]
        found += [
            _entry(kind, RBAC_GROUP, namespace, f"fireworks-{grant}")
            for kind in ("Role", "RoleBinding")
            for namespace in (*NAMESPACES, SETUP_NAMESPACE)
        ]
    return found


class Accounted:
    """Entries, to be asked."""

    def __init__(self, entries: Iterable[Data]) -> None:
        self._names: set[tuple[str, ...]] = set()
        self._patterns: dict[tuple[str, ...], list[str]] = {}
        for entry in entries:
            place = (str(entry["kind"]), str(entry.get("group") or ""), str(entry.get("namespace") or ""))
            if entry.get("matching"):
                self._patterns.setdefault(place, []).append(str(entry["matching"]))
            else:
                self._names.add((*place, str(entry["name"])))

    def has(self, kind: str, group: str, namespace: str, name: str) -> bool:
        """Whether an object may be there."""
        place = (kind, group, namespace)
        return (*place, name) in self._names or any(
            re.fullmatch(pattern, name) for pattern in self._patterns.get(place, ())
        )


def _entry(kind: str, group: str, namespace: str, name: str) -> Entry:
    return {"kind": kind, "group": group, "namespace": namespace, "name": name}


def _matching(kind: str, group: str, namespace: str, pattern: str) -> Entry:
    return {"kind": kind, "group": group, "namespace": namespace, "matching": pattern}


def _of_manifest(manifest: Data) -> Entry:
    metadata = manifest["metadata"]
    group = str(manifest["apiVersion"]).rpartition("/")[0]
    return _entry(str(manifest["kind"]), group, str(metadata.get("namespace") or ""), str(metadata["name"]))


def _named_by_pods(manifest: Data) -> Iterator[Entry]:
    """What pods mount and the customer makes: a token of theirs, a claim with weights."""
    namespace = str(manifest["metadata"].get("namespace") or "")
    for spec in _pod_specs(manifest.get("spec") or {}):
        for volume in spec.get("volumes") or ():
            for source, kind, key in (
                ("secret", "Secret", "secretName"),
                ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
                ("configMap", "ConfigMap", "name"),
            ):
                if volume.get(source):
                    yield _entry(kind, "", namespace, str(volume[source][key]))


def _pod_specs(spec: Data) -> list[Data]:
    group = spec.get("leaderWorkerTemplate") or {}
    templates = (spec.get("template"), group.get("leaderTemplate"), group.get("workerTemplate"))
    return [template.get("spec") or {} for template in templates if isinstance(template, Mapping)]


def _of_every_namespace(provider: str) -> Iterator[Entry]:
    openshift = provider == "openshift"
    for namespace in (*NAMESPACES, SETUP_NAMESPACE):
        for kind, name in (*_FURNITURE, *(_OPENSHIFT if openshift else ())):
            yield _entry(kind, "", namespace, name)
        if openshift:
            yield from (_entry("RoleBinding", RBAC_GROUP, namespace, name) for name in _OPENSHIFT_BINDINGS)
            # Each account's way to OpenShift's own registry.
            yield _matching("Secret", "", namespace, "[a-z-]+-dockercfg-[a-z0-9]{5}")


def _kept_by_operations(models: Iterable[str]) -> Iterator[Entry]:
    yield _entry("Lease", LEASE_GROUP, SYSTEM_NAMESPACE, LEASE)
    for pattern in (UPGRADES, INCIDENTS):
        yield _matching("ConfigMap", "", SYSTEM_NAMESPACE, pattern)
    for name in (*CONFIG_MAPS, PRESETUP_SET, *map(model_set, models)):
        yield _entry("ConfigMap", "", SYSTEM_NAMESPACE, name)
    for model in models:
        yield _matching("ControllerRevision", "apps", MODELS_NAMESPACE, f"{re.escape(model)}-{_NUMBER}")
        # After a rollback it is that of an older revision.
        yield _matching("Job", "batch", MODELS_NAMESPACE, f"{re.escape(model)}-weights-[0-9a-f]{{8}}")


def _candidates(units: Mapping[str, list[dict[str, Any]]]) -> Iterator[Entry]:
    """The replica that is tried before a model changes to what the contract says, while models are changed."""
    for unit in units.values():
        for manifest in unit:
            if manifest["kind"] in WORKLOADS:
                name = f"{manifest['metadata']['name']}-candidate-{digest(as_unit(unit))[:8]}"
                yield _of_manifest({**manifest, "metadata": {**manifest["metadata"], "name": name}})


def _bindings_of_customers(contract: Contract, notes: Mapping[str, str]) -> Iterator[Entry]:
    """In their own namespaces; and in ours that of a grant which they noted."""
    for each in access_expectations(contract, notes=notes):
        for binding in each["bindings"]:
            yield _entry(binding["kind"], RBAC_GROUP, binding["namespace"], binding["name"])


def _canaries() -> list[Entry]:
    """While nodes are repaired."""
    return [_matching("Pod", "", MODELS_NAMESPACE, "canary-[0-9a-f]{12}")]
