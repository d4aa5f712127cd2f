# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding credentials that were written into a contract. What is found is never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .logins import holds_login
from .secret_forms import KEYS, PRIVATE_KEY, VALUES

Place = tuple[Any, ...]

# Keys that hold a secret when they stand under `access`. The references to one (…_file, …_env) do not match.
_SECRET_KEY = re.compile(rf"(^|_)(pass|{KEYS})$")
# `secret` is a path in some lookups' options, and a secret anywhere else.
_OPTIONS: Place = ("access", "credential", "lookup", "options")
_SECRET_VALUE = re.compile(
    rf"{PRIVATE_KEY}|client-key-data\s*:|^hvs\.\w|://[^/\s@]*:[^/\s@]*@|{VALUES}",
    re.MULTILINE,
)
_ADVICE = (
    "a contract refers to a credential (kubeconfig_file, kubeconfig_env, token_file, token_env, lookup, or a Secret's "
    "name) and never holds one. Remove it, and have it replaced at its source, since it was written into a file"
)
# The few values under `access` that may be shown in a message.
_SHOWN = frozenset({"mode", "context", "ca_file", "tls_server_name"})


def inline_secrets(data: Any) -> Iterator[tuple[Place, str]]:
    """Every place in ``data`` that holds a secret, with what to say about it."""
    for place, key, value in _leaves_and_keys(data):
        if place[:1] == ("access",) and isinstance(key, str) and _is_secret_key(key, place[:-1]):
            yield place, f"'{key}' would hold a secret, and {_ADVICE}"
        elif isinstance(value, str) and _SECRET_VALUE.search(value):
            yield place, f"a secret is written here (its value is not shown): {_ADVICE}"


def may_be_shown(place: Place) -> bool:
    """Whether a message may repeat the value at ``place``: not when a secret may have been put there by mistake."""
    if place[:1] == ("access",):
        return len(place) == 2 and place[1] in _SHOWN
    return not (place and isinstance(place[-1], str) and _is_secret_key(place[-1], place[:-1]))


def may_be_told(value: Any) -> bool:
    """Whether ``value`` may be shown: no text that holds a secret, and nothing that may have one inside."""
    if isinstance(value, str):
        return not (_SECRET_VALUE.search(value) or holds_login(value))
    return not isinstance(value, (Mapping, list))


def _is_secret_key(key: str, parent: Place) -> bool:
    folded = key.strip().lower().replace("-", "_")
    return bool(_SECRET_KEY.search(folded)) or (folded == "secret" and parent != _OPTIONS)


def _leaves_and_keys(data: Any) -> Iterator[tuple[Place, Any, Any]]:
    # Aliases let a small file stand for an endless tree: each container is entered once.
    entered: set[int] = set()
    waiting: list[tuple[Place, Any, Any]] = [((), None, data)]
    while waiting:
        place, key, value = waiting.pop()
        yield place, key, value
        if isinstance(value, (Mapping, list)):
            if id(value) in entered:
                continue
            entered.add(id(value))
            pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
            waiting.extend(((*place, one), one, item) for one, item in pairs)
