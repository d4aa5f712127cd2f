# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a text secrets hide: in the parts of URLs that a contract has no use for."""

from __future__ import annotations


def holds_login(text: str) -> bool:
    """Whether a URL in the text may have user info, a query or a fragment, which are where secrets are."""
    return "://" in text and any(mark in text for mark in "@?#")
