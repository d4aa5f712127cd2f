# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A contract's credential lookup as the text of a Jinja expression."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def lookup_expression(lookup: Mapping[str, Any]) -> str:
    """The template that evaluates a valid ``access.credential.lookup``.

    Every part of the contract is inside it as a quoted literal, and the schema lets no part have a double quote or
    a backslash: nothing of it can become code.
    """
    return "{{ lookup('fireworks.byoc.contract_credential', " + _literal(lookup) + ") }}"


def _literal(value: Any) -> str:
    # Without escapes, JSON's literals are Jinja's.
    return json.dumps(value, ensure_ascii=False)
