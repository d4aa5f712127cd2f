# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ended, for people: lines of a given width, each with how severe it is. Nothing is cut; it wraps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._vocabulary.actions import ACTIONS, CREATED, RECREATED, TOKEN_ISSUED, UPDATED
from .._vocabulary.listing import amount
from .._vocabulary.owner import NO_CONTACT
from .._vocabulary.wording import asked_of, spoken
from .outcome import GOOD, Result
from .table import width as columns_of
from .table import wrapped
from .written import counted

Data = Mapping[str, Any]
#: A line, and how severe what it says is: ``good``, ``changed``, ``waiting``, ``bad``, or empty.
Line = tuple[str, str]

_BAD = (Result.FAILED, Result.REFUSED, Result.NOT_BEGUN)
_MARKS = {"good": "✔", "changed": "✔", "waiting": "…", "bad": "✘"}
_STEP_MARKS = {"done": "✔", "failed": "✘", "not_begun": "·"}
_GAP = "   "
_LABEL = 8


def summary_lines(run: Data, *, wide: int) -> list[Line]:
    """One cluster as a block; several as a line each, with a block for each that needs somebody, and the sum last.

    :param wide: how many columns there are.
    """
    clusters: Sequence[Data] = run["clusters"]
    title = spoken(str(run["playbook"])).upper()
    if run["what"]:  # no cluster had its turn
        whole = {**run, "object": "", "contact": NO_CONTACT, "started": "", "steps": (), "written": ()}
        return _block(whole, (), wide, title=title)
    if len(clusters) == 1:
        return _block(clusters[0], clusters, wide, title=title)
    lines = _listed([one for one in clusters if one["result"] != Result.PASSED], wide)  # the sum counts these
    for alike in _alike(one for one in clusters if _needs_somebody(one)):
        lines += [("", ""), *_block(alike[0], alike, wide)]
    return [*lines, *([("", "")] if lines else []), *_sum(run, title, wide)]


def _severity(result: str) -> str:
    if result in _BAD:
        return "bad"
    if result in (Result.DONE, Result.WOULD_CHANGE):
        return "changed"
    return "good" if result in GOOD and result != Result.UNPROVEN else "waiting"


def _needs_somebody(outcome: Data) -> bool:
    return bool(outcome["result"] in _BAD or outcome["owner"] or outcome["next_step"])


def _alike(outcomes: Iterable[Data]) -> list[list[Data]]:
    """Clusters that need the same from the same, together."""
    found: dict[tuple[str, ...], list[Data]] = {}
    for one in outcomes:
        keys = [str(one[key]) for key in ("result", "code", "what", "next_step", "owner")]
        found.setdefault((*keys, str(one["contact"]), str(one["steps"])), []).append(one)
    return list(found.values())


def _listed(clusters: Sequence[Data], wide: int) -> list[Line]:
    names = max((columns_of(str(one["cluster"])) for one in clusters), default=0)
    results = max((len(spoken(str(one["result"]))) for one in clusters), default=0)
    lines: list[Line] = []
    for one in clusters:
        severity = _severity(one["result"])
        name = f"{one['cluster']}{' ' * (names - columns_of(str(one['cluster'])))}"
        head = f"  {_MARKS[severity]} {name}{_GAP}{spoken(one['result']).ljust(results)}{_GAP}"
        why = "" if _needs_somebody(one) and one["result"] in _BAD else str(one["what"])
        said = f"{_objects(one)}{_GAP if _objects(one) and why else ''}{why}"
        lines += [(text, severity) for text in wrapped(said, head, wide)]
    return lines


def _block(one: Data, alike: Sequence[Data], wide: int, *, title: str = "") -> list[Line]:
    severity = _severity(one["result"])
    names = ", ".join(str(each["cluster"]) for each in alike)
    result = spoken(one["result"])
    heading = [f"{title} {names}".strip(), f"{result.upper() if severity == 'bad' else result}{_after(one)}"]
    heading += [_objects(one)] if len(alike) == 1 and _objects(one) else []
    lines = [(text, severity) for text in wrapped(_GAP.join(heading), "", wide)]
    steps = _GAP.join(
        f"{_STEP_MARKS[step['state']]} {step['name']}{' ' + step['note'] if step['note'] else ''}"
        for step in one["steps"]
    )
    lines += [(text, "") for text in wrapped(steps, "  ", wide)] if steps else []
    mark = _MARKS[severity] if severity in ("bad", "waiting") else " "
    lines += [(text, severity) for text in wrapped(_told(one), f"  {mark} ", wide)] if _told(one) else []
    if one["next_step"]:
        lines += [(text, "") for text in wrapped(str(one["next_step"]), "  Fix".ljust(_LABEL + 2), wide)]
    if one["owner"]:
        page = f"        {one['runbook']}" if one["runbook"] else ""
        lines += [(text, "") for text in wrapped(f"{asked_of(one['owner'], one['contact'])}{page}", "  ", wide)]
    return lines


def _told(one: Data) -> str:
    what, thing = str(one["what"]), str(one["object"])
    return f"{thing}: {what}" if what and thing and not what.startswith(thing) else what


def _after(one: Data) -> str:
    return f" after {spell(int(one['seconds']))}" if one["started"] and one["ended"] else ""


def _objects(one: Data) -> str:
    """What was written, by action: "83 objects created, 2 deleted"."""
    counts = counted(one["written"])
    if not counts:
        return ""
    would = "would be " if one["result"] == Result.WOULD_CHANGE else ""
    first, *more = [(count, f"{would}{_DEEDS[action]}") for action, count in counts.items()]
    said = [f"{amount(first[0], 'object')} {first[1]}", *(f"{n} {deed}" for n, deed in more)]
    return ", ".join(filter(None, [*said, _became(one, counts)]))


def _became(one: Data, counts: Mapping[str, int]) -> str:
    """What became of what a failed run has written."""
    if one["result"] != Result.FAILED or not set(counts) & {CREATED, UPDATED, RECREATED}:
        return ""
    if one["code"] == _ROLLED_BACK:
        return "rolled back"
    # To restore a model is to update it, and the reason says of each whether it was.
    return "" if one["code"] in _OF_MODELS and UPDATED in counts else "kept"


_ROLLED_BACK = "rolled_back"
_OF_MODELS = ("rollout_failed", "held_by_policy")
_DEEDS = {
    **{action: action for action in ACTIONS},
    TOKEN_ISSUED: "given a new token",
}


def _sum(run: Data, title: str, wide: int) -> list[Line]:
    clusters = run["clusters"]
    results = Counter(str(one["result"]) for one in clusters)
    counts = Counter(str(one["action"]) for each in clusters for one in each["written"])
    would = "would be " if run["check_mode"] else ""
    said = [f"{title} {amount(len(clusters), 'cluster')}"] if clusters else [title, spoken(run["result"])]
    said += [", ".join(f"{count} {spoken(result)}" for result, count in results.most_common())] if results else []
    said += [", ".join(f"{count} {would}{_DEEDS[action]}" for action, count in counts.items())] if counts else []
    said += [f"after {spell(int(run['seconds']))}"]
    return [(text, _severity(run["result"])) for text in wrapped(_GAP.join(said), "", wide)]


def spell(seconds: int) -> str:
    """A span of time as people say it."""
    if seconds < 60:
        return f"{seconds} s"
    return (
        f"{seconds // 60} min {seconds % 60} s" if seconds < 3600 else f"{seconds // 3600} h {seconds % 3600 // 60} min"
    )
