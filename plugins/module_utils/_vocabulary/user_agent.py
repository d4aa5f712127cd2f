# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each request says of itself, so that an API server's audit log tells which run made it: no secret, and no proof.

``User-Agent: fireworks-byoc/<version> run/<id>``; the records carry the same id.
"""

from __future__ import annotations

import re

CLIENT = "fireworks-byoc"
VERSION = "0.1.0"
"""Of the collection; a test compares it with galaxy.yml."""

_RUN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_AGENT = re.compile(rf"{CLIENT}/\S+ run/({_RUN.pattern})(?: |$)")
_NONE = "-"


def user_agent(run: str) -> str:
    """The header's value. A run whose id could be no word of a header counts as unknown."""
    return f"{CLIENT}/{VERSION} run/{run if _RUN.fullmatch(run) else _NONE}"


def run_in(agent: str) -> str:
    """The id of the run that a client says it is; empty where it names none."""
    found = _AGENT.match(agent)
    return found.group(1) if found and found.group(1) != _NONE else ""
