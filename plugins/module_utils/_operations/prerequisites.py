# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of the prerequisites a cluster has."""

from __future__ import annotations

from .._domain.names import PRESETUP_SET, SYSTEM_NAMESPACE
from .._domain.presetup_version import version_of
from .._kube.errors import NotFoundError
from .._kube.session import Session


def applied_version(session: Session) -> int | None:
    """The version that is applied, as its set says; None where there is none."""
    try:
        parent = session.get(f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/configmaps/{PRESETUP_SET}")
    except NotFoundError:
        return None
    return version_of(parent["metadata"].get("annotations") or {})
