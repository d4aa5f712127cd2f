# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries over results, in JMESPath."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import missing_required_lib

try:
    import jmespath
    import jmespath.exceptions
except ImportError:
    jmespath = None


def query_doubt(query: str) -> str:
    """Why a query cannot be answered, before anything is done; empty when it can."""
    if jmespath is None:
        return str(missing_required_lib("jmespath", reason="for -e query"))
    try:
        jmespath.compile(query)
    except jmespath.exceptions.JMESPathError as error:
        return " ".join(str(error).split())
    return ""


def found_by(query: str, data: Any) -> Any:
    """What a query finds.

    :raises ValueError: what it asks for does not fit the data, which nobody can know before.
    """
    try:
        return jmespath.search(query, data)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(" ".join(str(error).split())) from None
