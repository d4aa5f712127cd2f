# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences between a live object and its manifest, field by field, without asking a server.

Only fields in the manifest count, so server defaults are no difference. The exception is a field
that somebody else has set since (according to the object's ``managedFields``), for instance an
``ingress`` added to a NetworkPolicy that has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any, TypeAlias

ABSENT = None
"""Stands for a field that is not there, on either side of a difference."""

Difference = dict[str, Any]
Path: TypeAlias = "tuple[str | int, ...]"

#: Mappings whose keys are names that somebody chose: an empty value in them is still a value.
_FREE = frozenset(
    {"annotations", "binaryData", "data", "labels", "matchLabels", "nodeSelector", "selector", "stringData"}
)
_QUANTITIES = frozenset(
    {
        "capacity",
        "default",
        "defaultRequest",
        "hard",
        "limits",
        "max",
        "maxLimitRequestRatio",
        "min",
        "overhead",
        "requests",
    }
)
#: Absent, these do not mean false.
_TRUE_WHEN_ABSENT = frozenset({"allowPrivilegeEscalation", "automountServiceAccountToken"})
#: The server leaves these out when they are 0.
_DROPPED_ZEROS = frozenset({"hostPort", "initialDelaySeconds", "minReadySeconds", "nodePort"})
#: Others may add to these: labels and annotations of their own, and what controllers give a ServiceAccount.
_OPEN = frozenset({"apiVersion", "imagePullSecrets", "kind", "metadata", "secrets", "status"})
#: Server defaults that ``managedFields`` attributes to the object's creator, by the field that they are in.
_DEFAULTS: dict[tuple[str, str], object] = {
    ("", "type"): "Opaque",
    ("spec", "failurePolicy"): "Fail",
    ("resourceRules", "scope"): "*",
    ("excludeResourceRules", "scope"): "*",
    **{(where, "matchPolicy"): "Equivalent" for where in ("matchConstraints", "matchResources")},
    **{(where, "namespaceSelector"): {} for where in ("matchConstraints", "matchResources")},
    **{(where, "objectSelector"): {} for where in ("matchConstraints", "matchResources")},
}
#: What the server fills in later, of which there is one kind only: which volume a claim was given.
_FILLED_IN_LATER = frozenset({("spec", "volumeName")})
#: What the server never fills in. Whoever may write an object may also write who has set what in it, so these count
#: whoever seems to have set them: what runs in a pod, where traffic goes, and each key of a ConfigMap.
_NEVER_FILLED_IN = frozenset(
    {"args", "binaryData", "command", "env", "envFrom", "ephemeralContainers", "externalIPs", "hostAliases"}
    | {"initContainers", "lifecycle", "livenessProbe", "nodeSelector", "paused", "readinessProbe", "startupProbe"}
    | {"volumeMounts", "volumes"}
)
_NEVER_FILLED_UP = frozenset(
    {"binaryData", "capabilities", "data", "lifecycle", "matchLabels", "securityContext", "selector"}
)
_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{letter + "i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


def differences(manifest: Mapping[str, Any], live: Mapping[str, Any], *, manager: str) -> list[Difference]:
    """Each field that is otherwise, as ``field``, ``expected`` and ``found`` (``None`` for what is not there).

    :param manager: the field manager that applies the manifest; what another one set is not what the server filled in.
    """
    wanted = {key: value for key, value in manifest.items() if key not in ("status", "apiVersion")}
    return [
        {"field": _spoken(path), "expected": expected, "found": found}
        for path, expected, found in _of_mapping((), wanted, live, _set_by_others(live, manager))
    ]


def same_quantity(one: object, other: object) -> bool:
    """Whether two quantities (``8`` and ``"8"``, ``1Gi`` and ``1024Mi``) are worth the same to the server.

    It stores whole thousandths, rounded up: ``100n`` as ``1m``.
    """
    first, second = _thousandths(one), _thousandths(other)
    return first is not None and first == second


# --- the walk: a path, what is wanted there, what is found, and what others have set there ------------------------

_Found = Iterator[tuple[Path, Any, Any]]
_Owned: TypeAlias = "Mapping[str, Any] | bool"
"""The fields that others have set: a tree; True for a whole value, False for nothing."""


def _of_mapping(path: Path, wanted: Mapping[str, Any], live: Mapping[str, Any], owned: _Owned) -> _Found:
    for key, value in wanted.items():
        if value is None:
            continue
        if key in live and live[key] is not None:
            yield from _of_value((*path, key), value, live[key], _below(owned, f"f:{key}"))
        elif not _dropped_when_empty(path, key, value):
            yield (*path, key), value, ABSENT
    for key, value in live.items():
        theirs = _below(owned, f"f:{key}")
        counts = theirs is not False or _is_never_filled_in(path, key)
        if wanted.get(key) is None and counts and not _is_default(path, key, value):
            yield (*path, key), ABSENT, value


def _of_value(path: Path, wanted: Any, live: Any, owned: _Owned) -> _Found:
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        yield from _of_mapping(path, wanted, live, owned)
    elif isinstance(wanted, list) and isinstance(live, list):
        yield from _of_list(path, wanted, live, owned)
    elif not _same_scalar(path, wanted, live):
        yield path, wanted, live


def _of_list(path: Path, wanted: Sequence[Any], live: Sequence[Any], owned: _Owned) -> _Found:
    if not any(isinstance(item, (Mapping, list)) for item in [*wanted, *live]):
        if len(wanted) != len(live) or not all(_same_scalar(path, *pair) for pair in zip(wanted, live, strict=True)):
            yield path, list(wanted), list(live)
    elif len(wanted) == len(live):
        for number, (one, other) in enumerate(zip(wanted, live, strict=True)):
            yield from _of_value((*path, number), one, other, _of_item(owned, other))
    else:
        yield from _unpaired(path, wanted, live, owned)


def _unpaired(path: Path, wanted: Sequence[Any], live: Sequence[Any], owned: _Owned) -> _Found:
    """The items of lists of unequal length that have no like on the other side."""
    left = dict(enumerate(live))
    for number, item in enumerate(wanted):
        like = next((at for at, it in left.items() if not any(_of_value(path, item, it, _of_item(owned, it)))), None)
        if like is None:
            yield (*path, number), item, ABSENT
        else:
            del left[like]
    for number, item in left.items():
        yield (*path, number), ABSENT, item


def _same_scalar(path: Path, wanted: Any, live: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(live, bool):
        return wanted is live
    if wanted == live:
        return True
    counted = path[-1] == "sizeLimit" or (len(path) > 1 and path[-2] in _QUANTITIES)
    return counted and same_quantity(wanted, live)


def _dropped_when_empty(path: Path, key: str, value: Any) -> bool:
    """Whether the server stores nothing for such a value, so that its absence says the same."""
    if path and path[-1] in _FREE:
        return False
    if value == {} and isinstance(value, Mapping):
        return key in _FREE or key in _QUANTITIES
    if isinstance(value, bool):
        return not value and key not in _TRUE_WHEN_ABSENT
    if isinstance(value, int):
        return value == 0 and key in _DROPPED_ZEROS
    return value in ([], "")


def _is_default(path: Path, key: str, value: Any) -> bool:
    named = [step for step in path if isinstance(step, str)]
    where = (named[-1] if named else "", key)
    return where in _FILLED_IN_LATER or (where in _DEFAULTS and _DEFAULTS[where] == value)


def _is_never_filled_in(path: Path, key: str) -> bool:
    return bool(path) and (key in _NEVER_FILLED_IN or path[-1] in _NEVER_FILLED_UP)


def _thousandths(quantity: object) -> Decimal | None:
    worth = _worth(quantity)
    return None if worth is None else (worth * 1000).to_integral_value(ROUND_CEILING)


def _worth(quantity: object) -> Decimal | None:
    text = str(quantity)
    digits = text.rstrip("".join(set("".join(_SUFFIXES)) - {"e"}))
    try:
        return Decimal(digits) * _SUFFIXES[text[len(digits) :]]
    except (InvalidOperation, KeyError):
        return None


# --- who has set what: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management ----------


def _set_by_others(live: Mapping[str, Any], manager: str) -> _Owned:
    merged: dict[str, Any] = {}
    for entry in (live.get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") != manager and not entry.get("subresource"):
            fields = entry.get("fieldsV1") or {}
            _merge(merged, {key: below for key, below in fields.items() if key.removeprefix("f:") not in _OPEN})
    return merged


def _merge(into: dict[str, Any], fields: Mapping[str, Any]) -> None:
    for key, below in fields.items():
        if key == ".":
            continue
        if not below or into.get(key) is True:
            into[key] = True
        else:
            _merge(into.setdefault(key, {}), below)


def _below(owned: _Owned, key: str) -> _Owned:
    return owned if isinstance(owned, bool) else owned.get(key, False)


def _of_item(owned: _Owned, item: Any) -> _Owned:
    """What others have set of one item of a list whose items are identified by keys (``k:{"name":"x"}``)."""
    if isinstance(owned, bool):
        return owned
    keyed: Iterator[tuple[dict[str, Any], _Owned]]
    keyed = ((json.loads(key[2:]), below) for key, below in owned.items() if key.startswith("k:"))
    for names, below in keyed:
        if isinstance(item, Mapping) and all(item.get(name) == value for name, value in names.items()):
            return below
    return False


def _spoken(path: Path) -> str:
    """A path as people write it: ``spec.hard[requests.nvidia.com/gpu]``, ``rules[2].verbs``."""
    text = ""
    for step in path:
        plain = isinstance(step, str) and step.isalnum()
        text += (f".{step}" if text else str(step)) if plain else f"[{step}]"
    return text
