# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as people may read them: without user info, queries and fragments, which are where secrets are."""

from __future__ import annotations

import re

NOT_SHOWN = "an address (not shown)"

_SCHEME = "[A-Za-z][A-Za-z0-9+.-]*://"
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[^/?#@\s:;\[\]]*)"
_ADDRESS = re.compile(
    rf"(?:(?P<scheme>{_SCHEME})|(?!{_SCHEME}))(?:[^/?#@]*@)?(?P<place>{_HOST}(?::[0-9]*)?(?:/[^?#@\s;]*)?)(?:[?#;][^@]*)?"
)


def shown_address(text: str) -> str:
    """Scheme, host, port and path of an address, or that it is not shown, where one cannot be sure what is what."""
    found = _ADDRESS.fullmatch(text)
    return f"{found['scheme'] or ''}{found['place']}" if found else NOT_SHOWN


def holds_more(text: str) -> bool:
    """Whether an address has a part that is not shown."""
    return shown_address(text) != text
