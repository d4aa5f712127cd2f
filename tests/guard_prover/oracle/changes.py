# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is judged by its change: a node, a pod that runs, the head of the records, a token, and what is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..edits import ABSENT, Path, changed
from .kinds import may_write_settings
from .rows import Asked, Finding, at, unset

_PREFIX = "byoc.fireworks.ai/"
_PRODUCT = "nvidia.com/gpu.product"


_SERVERS = ("managedFields", "resourceVersion", "generation")


def _changed(asked: Asked) -> list[tuple[Path, Any]]:
    """What a write changes, less what the server says itself, and what says nothing where nothing was."""
    return [
        (path, value)
        for path, value in changed(asked.old, asked.new)
        if not (path[0] == "metadata" and path[1:2] and path[1] in _SERVERS)
        and path[0] != "status"
        and not (at(asked.old, *path) in (None, {}, []) and (value is ABSENT or unset(value, asked, path)))
    ]


def node(asked: Asked) -> Iterator[Finding]:
    """Our marks on GPU nodes of the contract's products, and the cordon, as far as ``actions`` allow."""
    if at(asked.old, "metadata", "labels", _PRODUCT) not in asked.bounds.products:
        yield Finding("node.products", ("metadata", "labels"), "it has no GPUs of the contract's products")
    for path, _value in _changed(asked):
        if path[:2] == ("spec", "taints"):
            continue
        if path == ("spec", "unschedulable") and asked.bounds.may("cordon"):
            continue
        if path[:2] in (("metadata", "labels"), ("metadata", "annotations")):
            if len(path) == 2 or str(path[2]).startswith(_PREFIX):
                continue
            yield Finding("node.marks", path, "it is no mark of ours")
            continue
        yield Finding("node.rest", path, "nothing else of a node is ours to change")
    yield from _taints(asked)


def _taints(asked: Asked) -> Iterator[Finding]:
    before, after = (at(each, "spec", "taints") or [] for each in (asked.old, asked.new))
    differ = [each for each in after if each not in before] + [each for each in before if each not in after]
    for taint in differ:
        if not str(taint.get("key", "")).startswith(_PREFIX):
            yield Finding("node.taints", ("spec", "taints"), "it is no taint of ours")
        elif taint in after and taint.get("effect") == "NoExecute":
            yield Finding("node.taints", ("spec", "taints"), "it evicts the customer's pods")
        elif not asked.bounds.may("cordon"):
            yield Finding("node.taints", ("spec", "taints"), "actions.cordon is never")


_ORPHANED = (("metadata", "labels", "pod-template-hash"), ("metadata", "annotations", f"{_PREFIX}replaced-by"))


def pod(asked: Asked) -> Iterator[Finding]:
    """Of a pod that runs, what orphans it."""
    for path, _value in _changed(asked):
        if path in _ORPHANED or path in (("metadata", "annotations"), ("metadata", "labels")):
            continue
        yield Finding("pod.running", path, "of a pod that runs only its template's hash and our note change")


def is_head_of_records(asked: Asked) -> bool:
    return asked.kind == "ConfigMap" and asked.verb == "patch" and asked.name == "operation-records"


def head_of_records(asked: Asked) -> Iterator[Finding]:
    """Of the head of the records only its next line is needed, and no edit of a field makes one."""
    for path, _value in _changed(asked):
        yield Finding("records.head", path, "the head of the records only moves on by a line")


def token(asked: Asked) -> Iterator[Finding]:
    """A token of an account that connects, for the API server, and not for longer than the contract says."""
    spec = asked.new.get("spec") or {}
    if (spec.get("expirationSeconds") or 3600) > asked.bounds.token_seconds:
        yield Finding("token.lifetime", ("spec", "expirationSeconds"), "access.token_lifetime")
    if set(spec.get("audiences") or ()) - {asked.bounds.audience}:
        yield Finding("token.audience", ("spec", "audiences"), "it is good for others than the API server")


def deletion(asked: Asked) -> Iterator[Finding]:
    """What an identity may delete."""
    if asked.kind == "ConfigMap" and not may_write_settings(asked.identity, asked.namespace, asked.name, asked.verb):
        yield Finding("delete", ("metadata", "name"), f"{asked.identity} made no ConfigMap {asked.name}")
    if asked.kind == "Pod" and at(asked.new, "metadata", "labels", f"{_PREFIX}canary") != "true":
        yield Finding("delete", ("metadata", "name"), "it is no canary: pods leave by eviction, past no budget")
    if asked.kind == "Node":
        yield Finding("delete", ("metadata", "name"), "nobody of ours deletes nodes")


def is_needed(asked: Asked, changes: list[tuple[Path, Any]]) -> bool:
    """Whether the product makes exactly such a change."""
    if asked.kind == "TokenRequest":
        return True
    if asked.kind != "Node":
        return False
    marks = all(path[:2] == ("metadata", "annotations") and value is not ABSENT for path, value in changes)
    cordon = all(path == ("spec", "unschedulable") for path, _value in changes)
    return marks or cordon
