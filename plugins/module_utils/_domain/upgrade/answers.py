# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What requests through the router showed before an upgrade, and what is worse about it now.

Plain data, since it is kept with the upgrade: ``error``, why the router's list of models could not be read, and
``models``, by the name that requests ask for: ``error``, and ``ms`` until the answer of one token was there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Data = Mapping[str, Any]


def is_list(said: Data) -> bool:
    """Whether it is an answer to ``/v1/models``; one that lists none is."""
    return "data" in said


def listed(said: Data, asleep: Collection[str] = ()) -> list[str]:
    """The names in a router's answer to ``/v1/models``, as OpenAI's API has it.

    :param asleep: models whose names are left out: a request for one would wake it.
    """
    entries = [one for one in said.get("data") or () if isinstance(one, Mapping) and one.get("id")]
    return sorted({str(one["id"]) for one in entries if str(one.get("root") or one["id"]) not in asleep})


def worse(before: Data, now: Data, asleep: int) -> tuple[str, ...]:
    """What was answered before, and is not now.

    :param asleep: how many models have been scaled to zero meanwhile: those are not asked for.
    """
    if not judged(before):
        return ()
    if now["error"]:
        return (f"the router answered before, and now: {now['error']}",)
    found = []
    served = [name for name, one in sorted(before["models"].items()) if not one["error"]]
    missing = [name for name in served if name not in now["models"]]
    if len(missing) > asleep:
        found += [f"the router lists {name} no more" for name in missing]
    for name in served:
        error = now["models"].get(name, {}).get("error")
        if error:
            found.append(f"{name} answered a request through the router before, and now: {error}")
    return tuple(found)


def judged(before: Data) -> bool:
    """Whether anything was answered before that could be worse now."""
    return bool(before) and not before["error"] and any(not one["error"] for one in before["models"].values())


def shown(before: Data, now: Data) -> str:
    """The evidence in words: what answered, in which time, and what was not judged."""
    if not before:
        return "no request was sent, as asked"
    if before["error"]:
        return f"whether it answers was not judged: before, the router said {before['error']}"
    if not before["models"]:
        return "the router listed no model before, so none was asked"
    told = []
    for name, one in sorted(before["models"].items()):
        if one["error"]:
            told.append(f"{name} not judged: before, it said {one['error']}")
        elif name in now["models"]:
            told.append(f"{name} answers in {now['models'][name]['ms']} ms, {one['ms']} ms before")
        else:
            told.append(f"{name} sleeps")
    return f"through the router, {', '.join(told)}"
