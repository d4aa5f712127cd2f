# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces removed at once, for what comes after a test.

The namespace controller waits 5 s before it looks at a namespace that is being deleted, and for the grace of its pods
on top of it; and what it has begun to delete by name, it goes on deleting in a new namespace of the same name. So the
namespace is taken from it (it has nothing to finalize any more), held until everything inside is deleted, and released.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from .api import Api
from .errors import ApiError, TestbedError

_SECONDS = 30.0
_HOLD = "testbed.byoc.fireworks.ai/until-it-is-empty"
_AT_ONCE = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}


def remove_namespaces(api: Api, *names: str) -> None:
    """Remove those that are there, with all that is in them.

    :raises TestbedError: something in one of them does not go.
    """
    there = {item["metadata"]["name"] for item in api.request("GET", "/api/v1/namespaces")["items"]}
    for name in there & set(names):
        with suppress(ApiError):  # it is on its way already
            _finalize(api, name, held_by=[_HOLD])
            api.request("DELETE", f"/api/v1/namespaces/{name}")
        _empty(api, name)
        with suppress(ApiError):  # the controller was first
            _finalize(api, name, held_by=[])


def _finalize(api: Api, name: str, held_by: list[str]) -> None:
    """Leave its controller nothing to do with it; it goes once nothing holds it."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "finalizers": held_by}, "spec": {}}
    api.request("PUT", f"/api/v1/namespaces/{name}/finalize", body)


def _empty(api: Api, name: str) -> None:
    deadline = time.monotonic() + _SECONDS
    collections = [f"{group}/namespaces/{name}/{plural}" for group, plural in _kinds(api)]
    with ThreadPoolExecutor(8) as workers:
        while left := [path for path, count in workers.map(lambda path: _sweep(api, path), collections) if count]:
            if time.monotonic() > deadline:
                raise TestbedError(f"{api.server}: still there after {_SECONDS:g} s: {', '.join(left)}")
            time.sleep(0.05)


def _sweep(api: Api, collection: str) -> tuple[str, int]:
    """How many were there, of which none should be there the next time."""
    try:
        found = len(api.request("GET", collection).get("items") or ())
        if found:
            api.request("DELETE", collection, _AT_ONCE)
    except ApiError as error:
        if error.status == 429:  # it is not served yet, so nothing is known of it: to be asked again
            return collection, 1
        if error.status != 404:  # a kind that is just going
            raise
        return collection, 0
    return collection, found


def _kinds(api: Api) -> Iterator[tuple[str, str]]:
    """Each kind that lives in namespaces and can be deleted by the collection, once."""
    groups = ["/api/v1"]
    groups += [f"/apis/{each['preferredVersion']['groupVersion']}" for each in api.request("GET", "/apis")["groups"]]
    for group in groups:
        with suppress(ApiError):  # a group whose definition is just going
            for kind in api.request("GET", group)["resources"]:
                # Events are in two groups, and are the same objects.
                twice = kind["name"] == "events" and group != "/api/v1"
                if kind["namespaced"] and "deletecollection" in kind["verbs"] and not twice:
                    yield group, kind["name"]
