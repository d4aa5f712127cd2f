# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``endpoint_info``: what this machine sees of a public endpoint."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from typing import Any

from .._domain.moments import shown_moment
from .._domain.preflight.asked_addresses import to_ask
from .._operation import Context, Operation
from .._vocabulary.harmless import harmless_data
from .public_endpoint import Place, Ways, ask, look_up_all

ARGUMENT_SPEC: dict[str, Any] = {
    "domain": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "ask_private_addresses": {"type": "bool", "default": False},
    "port": {"type": "int", "default": 443},
    "timeout": {"type": "int", "default": 5},
}
_PROXIES = ("https_proxy", "all_proxy")


def run(parameters: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Ask, and say from where."""
    return {"endpoint": harmless_data(look(parameters, Ways()))}


def look(parameters: dict[str, Any], ways: Ways) -> dict[str, Any]:
    """The look-ups and one answer. All is over within three times the timeout."""
    domain, seconds = parameters["domain"], float(parameters["timeout"])
    names = list(dict.fromkeys((domain, *parameters["hosts"])))
    found = look_up_all([*names, *parameters["addresses"]], seconds, ways)
    looked_up, entry = found[: len(names)], found[len(names) :]
    where = list(dict.fromkeys(address for one in entry for address in one["addresses"]))
    addresses, not_tested = to_ask(looked_up[0]["addresses"], where, private=parameters["ask_private_addresses"])
    return {
        "domain": domain,
        "asked_from": socket.gethostname(),
        "asked_at": shown_moment(time.time()),
        "proxy": any(os.environ.get(each) or os.environ.get(each.upper()) for each in _PROXIES),
        "names": looked_up,
        "entry": entry,
        "not_tested": not_tested,
        "answer": _first_connected(addresses, parameters, ways),
    }


def _first_connected(addresses: Sequence[str], parameters: dict[str, Any], ways: Ways) -> dict[str, Any]:
    seconds = float(parameters["timeout"])
    until = time.monotonic() + 2 * seconds
    answer: dict[str, Any] = {}
    for address in addresses:
        answer = ask(Place(parameters["domain"], address, parameters["port"], seconds, until), ways)
        if answer["connected"] or time.monotonic() >= until:
            break
    return answer


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
