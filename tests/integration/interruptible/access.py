# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is set up and ended as a whole: a cluster's stack, setup access, credentials, by playbooks; and grants."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.names import APPROVAL_ANNOTATION
from byoc_testbed.api import Api, ApiError
from tests.integration.ansible_runs import Forked
from tests.integration.governed import governed
from tests.integration.interrupting import Operation, Site, complete, everything, site_on
from tests.integration.journey import NO_BAKE, NO_REQUESTS, bare, ours, wipe
from tests.integration.plays import connection_to, perform

_REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


@contextmanager
def bare_site(bed: Any, folder: Path) -> Iterator[Site]:
    """A cluster on which nothing of ours is."""
    with bare(bed["acme"], folder) as cluster, site_on(cluster, folder) as site:
        yield site


# --- onboard and offboard ------------------------------------------------------------------------


def _onboard(site: Site, _goal: str) -> Forked:
    return site.playbook("onboard", *NO_REQUESTS, *NO_BAKE)


def _offboard(site: Site, _goal: str) -> Forked:
    return site.playbook("offboard", "-e", "confirm=offboard")


def _not_onboarded(site: Site, _goal: str) -> None:
    if ours(site.cluster):
        wipe(site.cluster)


def _onboarded(site: Site, goal: str) -> None:
    if not any("model-" in place for place in ours(site.cluster)):
        complete(site, ONBOARD, goal)


ONBOARD = Operation("onboard", _not_onboarded, _onboard, everything)
OFFBOARD = Operation("offboard", _onboarded, _offboard, everything)


# --- grant and revoke ------------------------------------------------------------------------------


def _asked(site: Site, **given: str) -> list[str]:
    options = {"admin_kubeconfig": str(site.kubeconfig), "setup_kubeconfig": str(_credential(site)), **given}
    return [word for key, text in options.items() for word in ("-e", "{" + f"{key}: {text}" + "}")]


def _credential(site: Site) -> Path:
    return site.files / "setup.kubeconfig"


def _grant(site: Site, _goal: str) -> Forked:
    # A span, so that each run names another end.
    return site.playbook("grant_setup_access", *_asked(site, grantee="alice", reason="a test", grant_until="2h"))


def _revoke(site: Site, _goal: str) -> Forked:
    return site.playbook("revoke_setup_access", *_asked(site, setup_grant=site.more["grant"]))


def _nothing_granted(site: Site, _goal: str) -> None:
    if ours(site.cluster):
        wipe(site.cluster)
    _credential(site).unlink(missing_ok=True)


def _granted(site: Site, goal: str) -> None:
    if not _credential(site).exists():
        complete(site, GRANT, goal)
    site.more["grant"] = yaml.safe_load(_credential(site).read_text())["users"][0]["name"]


def _granted_access(site: Site) -> dict[str, Any]:
    """All that is there, with names that are the same for each end; and who the credential is, if there is one."""
    users = [_without_end(_user_of(site, path)) for path in site.files.iterdir()]
    return {**everything(site, as_read=_without_end), "credentials": users}


def _without_end(text: str) -> str:
    """A set's ID is a hash of its name, and so of the minute in which its grant ends."""
    ends = r"(setup-(?:access-)?alice-a-test)-[0-9]{8}-[0-9]{4}|[0-9]{4}-[0-9-]+T[0-9:]+Z|(applyset)-[\w-]+-v1"
    return re.sub(ends, r"\1\2", text)


def _user_of(site: Site, kubeconfig: Path) -> str:
    """The user of the token in a file, as the API server knows it."""
    token = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
    by = Api(site.cluster.server, site.cluster.ca_file, token)
    try:
        found = by.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", _REVIEW)
    except ApiError as error:
        return str(error.status)
    return str(found["status"]["userInfo"]["username"])


GRANT = Operation("grant_setup_access", _nothing_granted, _grant, _granted_access)
REVOKE = Operation("revoke_setup_access", _granted, _revoke, _granted_access)


# --- rotate ----------------------------------------------------------------------------------------


@contextmanager
def governed_site(bed: Any, folder: Path) -> Iterator[Site]:
    """A cluster with the prerequisites, and so with all identities."""
    with governed(bed["acme"]) as _contract, site_on(bed["acme"], folder) as site:
        yield site


def _rotate(site: Site, goal: str) -> Forked:
    below = "1.0" if goal == "renewed" else "0.5"
    given = ("-e", f"credentials_dir={site.files}", "-e", f"credentials_renew_below={below}")
    return site.playbook("rotate_credentials", *given)


def _not_rotated(site: Site, goal: str) -> None:
    for path in site.files.iterdir():
        if goal == "made":
            path.unlink()
    if goal == "renewed" and not list(site.files.iterdir()):
        complete(site, ROTATE, "made")


def _credentials(site: Site) -> dict[str, Any]:
    files = {path.name: (path.stat().st_mode & 0o777, _user_of(site, path)) for path in site.files.iterdir()}
    return {**everything(site), "credentials": files}


ROTATE = Operation("rotate_credentials", _not_rotated, _rotate, _credentials, goals=("made", "renewed"))


# --- approve and take back ---------------------------------------------------------------------------

_SYSTEM = "/api/v1/namespaces/fireworks-system"
_DIGESTS = {"first": "a" * 64, "second": "b" * 64}
"""Of what is approved, beside an approval that was there before."""
_THERE = {"by": "early@acme.example", "digest": "c" * 64, "given_at": "2026-11-28T09:00:00+00:00"}
_GIVEN = {"by": "boss@acme.example", "given_at": "2026-11-28T10:00:00+00:00", "expires_at": "2099-11-28T10:00:00+00:00"}


def _approve(site: Site, goal: str) -> Forked:
    return site.operation("change_approval", "approve", digest=_DIGESTS[goal], **_GIVEN)


def _take_back(site: Site, goal: str) -> Forked:
    return site.operation("change_approval", "revoke_approval", digest=_DIGESTS[goal], state="absent")


def _not_approved(site: Site, _goal: str) -> None:
    notes = {APPROVAL_ANNOTATION: json.dumps([_THERE])}
    site.cluster.request("PATCH", _SYSTEM, {"metadata": {"annotations": notes}})


def _approved(site: Site, goal: str) -> None:
    _not_approved(site, goal)
    complete(site, APPROVE, goal)


def _approvals(site: Site) -> dict[str, Any]:
    notes = site.cluster.request("GET", _SYSTEM)["metadata"]["annotations"]
    return {**everything(site), "approvals": json.loads(notes[APPROVAL_ANNOTATION])}


APPROVE = Operation("approve", _not_approved, _approve, _approvals, goals=("first", "second"))
REVOKE_APPROVAL = Operation("revoke_approval", _approved, _take_back, _approvals, goals=("first", "second"))


# --- let pods be evicted, and end that -----------------------------------------------------------------

_EVICTIONS = {"until": "30m", "requested_by": "sre@fireworks.example", "reason": "a test"}


def _let_evict(site: Site, _goal: str) -> Forked:
    return site.operation("eviction_grant", "grant_eviction", **_EVICTIONS)


def _end_evictions(site: Site, _goal: str) -> Forked:
    return site.operation("eviction_grant", "revoke_eviction", state="absent")


def _no_evictions(site: Site, _goal: str) -> None:
    done = perform(connection_to(site.cluster), "fireworks.byoc.eviction_grant", state="absent")
    assert not done["failed"], done


def _evictions_granted(site: Site, goal: str) -> None:
    _no_evictions(site, goal)
    complete(site, GRANT_EVICTION, goal)


def _evictions(site: Site) -> dict[str, Any]:
    notes = site.cluster.request("GET", _SYSTEM)["metadata"].get("annotations") or {}
    return {**everything(site), "evictions": [key for key in sorted(notes) if "/eviction-" in key]}


GRANT_EVICTION = Operation("grant_eviction", _no_evictions, _let_evict, _evictions)
REVOKE_EVICTION = Operation("revoke_eviction", _evictions_granted, _end_evictions, _evictions)
