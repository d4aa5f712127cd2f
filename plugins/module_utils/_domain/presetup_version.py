# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of the prerequisites: what each added, so that a cluster with an older one is not asked for it.

A version is added where a right, a guardrail or another object is added that a cluster can do without until its
administrators have reviewed and applied it. Everything else of the prerequisites follows the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._vocabulary.wording import message
from .names import PRESETUP_VERSION_ANNOTATION
from .told import told_by

ADDED: dict[int, str] = {
    2: (
        "the guardrail fireworks-tokens, which limits the lifetime, audience and accounts of tokens; and that no"
        " account of ours deletes a whole collection at once; the guardrails fireworks-pod-fields, fireworks-pods and"
        " fireworks-replicas, by which pods have only what the stack and the models use, and models no more replicas"
        " than agreed; fireworks-records, by which our accounts do no more than append to the head of the records;"
        " fireworks-changes, by which the API server itself holds new versions outside windows and in freezes;"
        " fireworks-products with a quota and priority classes for each GPU product, and the most GPUs of one model;"
        " guardrails of budgets, routes, autoscalers, services, ConfigMaps and labels; that only nodes with an approved"
        " product are changed, and not their label maintenance; that where the contract's actions.drain is approve, no"
        " account of ours has a right to evict pods but by an administrator's grant of at most an hour;"
        " fireworks-evictions, which ends it; and the bounds of the contract, so that an operation under others is"
        " refused; the guardrail fireworks-router-models, by which the router is told of models only, that the deployer"
        " may ask each router whether it knows them, and the telemetry read the router's own port for that; that"
        " the observer may read the logs of the pods in our two namespaces; and for models whose weights are staged,"
        " the right to make Jobs, the guardrail fireworks-jobs, and that their replicas connect to nowhere; for"
        " contracts with efficiency.mode execute, that the node medic may list all pods, and workloads and quotas of"
        " models; and the"
        " guardrail fireworks-incidents, by which the operator keeps incidents and does no more than append to them;"
        " and for contracts with telemetry.volume, its claim, which only the telemetry's pods may mount"
    ),
}
"""By version: what it added to the one before, in words for a customer."""
NEWEST = max(ADDED)
LOGS_SINCE = 2
"""The version by which the observer may read logs."""


def version_of(annotations: Mapping[str, str]) -> int:
    """The version of a set that is there. Before there were versions nothing was noted: that is the first one."""
    noted = annotations.get(PRESETUP_VERSION_ANNOTATION, "")
    return max(1, int(noted)) if noted.isdecimal() else 1


def compiled_version(version: int | None) -> int:
    """The version to compile where this one is applied or asked for: the newest where none is.

    Raises ValueError for one that this collection does not know: what it would make of it is not what is there.
    """
    if doubt := newer_presetup(version):
        raise ValueError(doubt)
    return NEWEST if version is None else int(version)


def newer_presetup(version: int | None) -> str:
    """Why prerequisites of this version are none for this collection; empty where it knows them."""
    if version is None or 1 <= int(version) <= NEWEST:
        return ""
    return (
        f"the prerequisites are of version {version}, and this version of the collection knows none but 1 to {NEWEST}:"
        " update the collection"
    )


def older_presetup(cluster: str, version: int | None, unread: Mapping[str, Any] | None = None) -> str:
    """One line: what prerequisites of this version lack, and who adds it. Empty where they lack nothing.

    :param unread: what reading them came to, where that failed.
    """
    if unread and "msg" in unread:
        said = told_by(unread, "Read the prerequisites")
        what = f"whether the prerequisites lack anything is not known: {' '.join(said['what'].split())}"
        next_step = said["next_step"] or "run this again"
        return message(what, where=cluster, next_step=next_step, owner=said["owner"])
    missing = [what for number, what in ADDED.items() if version is not None and number > version]
    if not missing:
        return ""
    command = (
        f"ansible-playbook fireworks.byoc.presetup -i <inventory> -e clusters={cluster} -e admin_kubeconfig=<path>"
    )
    return (
        f"{cluster}: the prerequisites are of version {version} and work on; version {NEWEST} adds"
        f" {' and '.join(missing)}. The customer's administrator adds it: {command}"
    )
