# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order kinds are applied, and (reversed) deleted. Kinds of the same step go in parallel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

#: What later kinds need comes first: a namespace before what lives in it, a definition before its resources, an
#: account and its quota before the pods that run under them. Kinds not named here (custom resources) come last.
_STEPS: tuple[frozenset[str], ...] = (
    frozenset({"Namespace"}),
    frozenset({"CustomResourceDefinition"}),
    frozenset(
        {"PriorityClass", "StorageClass", "RuntimeClass", "ResourceQuota", "LimitRange", "NetworkPolicy",
         "ServiceAccount", "ConfigMap", "Secret", "Role", "ClusterRole", "ValidatingAdmissionPolicy"}
    ),
    frozenset({"RoleBinding", "ClusterRoleBinding", "ValidatingAdmissionPolicyBinding"}),
    frozenset({"PersistentVolumeClaim", "Service", "PodDisruptionBudget"}),
    frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "LeaderWorkerSet", "Job", "CronJob", "Pod"}),
)  # fmt: skip
#: The groups of these kinds: a kind of the same name that is of another group is a custom resource.
_GROUPS = frozenset(
    {"", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apps", "batch", "leaderworkerset.x-k8s.io",
     "networking.k8s.io", "node.k8s.io", "policy", "rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io"}
)  # fmt: skip
LAST_STEP = len(_STEPS)

Thing = TypeVar("Thing")


def step_of(group_kind: str) -> int:
    """The step of a kind, from 0.

    :param group_kind: ``Deployment.apps``; the group of a built-in kind may be left out.
    """
    kind, _, group = group_kind.partition(".")
    for number, kinds in enumerate(_STEPS):
        if kind in kinds and group in _GROUPS:
            return number
    return LAST_STEP


def in_steps(things: Iterable[tuple[str, Thing]], *, reverse: bool = False) -> Sequence[list[Thing]]:
    """Group ``(group_kind, thing)`` pairs into the steps they are worked in."""
    steps: dict[int, list[Thing]] = {}
    for kind, thing in things:
        steps.setdefault(step_of(kind), []).append(thing)
    return [steps[number] for number in sorted(steps, reverse=reverse)]
