# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals as data, wherever they come from: an AWX workflow's approval, a file in Git, an annotation in the cluster.

An approval is a mapping: ``by`` (an e-mail address), ``digest`` (of the change to one cluster, or of the whole plan),
``given_at``, and perhaps ``expires_at``, ``source`` and ``units`` (the digests of the parts of the change, where it has
several); times are ISO 8601 with an offset. What else it says of what it
is for (``_ABOUT``) has to be so, and is told where it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ..._vocabulary.owner import Owner
from ..._vocabulary.times import local_time
from ..contract.defaults import said
from ..contract.durations import parse_duration
from ..contract.schema import SCHEMA
from ..contract.typed import Approvals, Contract
from ..people import everybody

Data = Mapping[str, Any]

SHORTEST = 12
"""So many characters of a digest are shown, and are enough in an approval: 48 bits, which no two changes share."""
CLUSTER, FILE, AWX = "cluster", "file", "awx"
"""Where approvals and emergencies are found, as ``change.approvals.sources`` calls it."""
# What `change.approvals` says by itself. Of actions on nodes `actions` says it too, and the more careful word counts.
_NEW_VERSIONS = ("stack_upgrade", "model_change")
_KINDS = (*_NEW_VERSIONS, "consolidation")
_ABOUT = ("node", "goal", "session")
# Two machines' clocks may differ by as much.
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Verdict:
    """Whether there is an approval, by whom and until when, and else why not and who has to act."""

    approved: bool
    reason: str
    owner: Owner = Owner.NOBODY
    by: str = ""
    until: datetime | None = None

    def data(self) -> dict[str, str]:
        """For a plan: whether it is ``not_needed``, ``missing`` or ``given``, by whom and until when."""
        state = "given" if self.by else "not_needed" if self.approved else "missing"
        until = self.until.astimezone(UTC).isoformat(timespec="seconds") if self.until else ""
        return {"state": state, "by": self.by, "until": until}


@dataclass(frozen=True)
class Change:
    """A change that asks to be approved.

    :param kind: the key of ``change.approvals`` that it falls under.
    :param digests: those of which an approval may name one, or the beginning: the change's own, and the plan's.
    :param requested_by: who wants to make it, as an e-mail address.
    :param about: what it is of, by the words of ``_ABOUT``.
    :param of_plan: that of ``digests`` which is the plan's. It does not say from what this cluster moves.
    :param units: of a change of several parts the digest of each: where all are approved, so is the whole.
    :param since: since when the cluster is what it moves from; None where it was installed as that.
    :param standing: what in the contract has approved it once and for all. No window delays such a change.
    """

    kind: str
    digests: frozenset[str]
    requested_by: str
    about: Data = field(default_factory=dict)
    standing: str = ""
    of_plan: str = ""
    units: tuple[str, ...] = ()
    since: datetime | None = None


def approved(contract: Contract, change: Change, approvals: Iterable[Data], now: datetime) -> Verdict:
    """Whether a contract lets this change be made: it asks for no approval, or one of these holds.

    :param now: with a time zone.
    """
    if change.standing:
        return Verdict(True, f"the contract's {change.standing}")
    if asks_for_none(contract, change.kind):
        return Verdict(True, "the contract asks for no approval")
    if not change.requested_by.strip():
        reason = "who requests the change is not named (-e requested_by=...), and nobody approves a change of their own"
        return Verdict(False, reason, Owner.OPERATOR)
    given = list(approvals)
    whole = _named(contract, change, given, now)
    if whole.approved or len(change.units) < 2:
        return whole
    parts = [_named(contract, replace(change, digests=frozenset({unit})), given, now) for unit in change.units]
    if not all(part.approved for part in parts):
        return whole
    reason = "; ".join(dict.fromkeys(part.reason for part in parts))
    return replace(min(parts, key=lambda part: part.until or now), reason=reason)


def _named(contract: Contract, change: Change, approvals: Iterable[Data], now: datetime) -> Verdict:
    """The verdict by those approvals that name one of the change's digests."""
    verdicts, others = [], []
    for approval in approvals:
        if any(names_one_of(str(named).strip(), change.digests) for named in _names(approval)):
            verdicts.append(judge(contract, change, approval, now))
        elif not _is_of_another(approval, change):
            others.append(_told(approval))
    if verdicts:
        return next((verdict for verdict in verdicts if verdict.approved), verdicts[-1])
    found = _for_something_else(others)
    covers = "; an approval covers the contract's bounds, the change itself, and from what it moves" if others else ""
    asks = f"{_who(contract)} approves digest {_short(change.digests)}"
    return Verdict(False, f"{found or 'no approval yet'}: {asks}{covers}", Owner.CUSTOMER)


def _is_of_another(approval: Data, change: Change) -> bool:
    """Whether an approval says itself that it is of another kind of change, or of another node."""
    kinds = {str(version).partition("/")[0] for version in approval.get("versions") or ()}
    node = approval.get("node")
    return bool(kinds and change.kind not in kinds) or bool(node and change.about.get("node") != node)


def _names(approval: Data) -> list[Any]:
    units = approval.get("units")
    return [approval.get("digest", ""), *(units if isinstance(units, list) else ())]


def names_one_of(digest: str, digests: frozenset[str]) -> bool:
    """Whether an approval's digest, or the beginning of it that was shown, is one of a change's."""
    return any(digest == one or (len(digest) >= SHORTEST and one.startswith(digest)) for one in digests)


def _for_something_else(others: Sequence[str]) -> str:
    if len(others) == 1:
        return f"the one approval that was given is for something else (it names {others[0]})"
    return f"none of the {len(others)} approvals is for this (they name {', '.join(others[:3])})" if others else ""


def _told(approval: Data) -> str:
    """What an approval is for, as far as it says so."""
    named = str(approval.get("digest", "")).strip()[:SHORTEST] or "nothing"
    about = [f"{word} {approval[word]}" for word in _ABOUT if approval.get(word)]
    return f"{named}, for {', '.join(about)}" if about else named


def asks_for_none(contract: Contract, kind: str) -> bool:
    """Whether the contract lets such changes be made without an approval. Of actions on nodes ``actions`` says it."""
    return kind in _KINDS and policy_of(contract).get(kind, "required") == "none"


def policy_of(contract: Contract) -> Approvals:
    """The contract's ``change.approvals``."""
    return (contract.get("change") or {}).get("approvals") or {}


def sources_of(contract: Contract) -> list[str]:
    """From where approvals and emergencies count: unless the contract says more, where only administrators write."""
    return list(policy_of(contract).get("sources") or (CLUSTER,))


def found_in(approval: Data) -> str:
    """Where an approval was found. What a run was given says so itself (see ``given_approvals``)."""
    return {"annotation": CLUSTER, AWX: AWX}.get(str(approval.get("source")), FILE)


def not_counted(contract: Contract, source: str) -> str:
    """Why what was found there does not count; empty where it does."""
    listed = sources_of(contract)
    if source in listed:
        return ""
    place = {FILE: "given to the run, by a file or a variable", AWX: "given to the run, by AWX"}.get(source, source)
    return f"was {place}, and the contract counts only {', '.join(listed)} (change.approvals.sources)"


def enforced_kinds(contract: Contract) -> list[str]:
    """The kinds of change for which the API server itself asks for an approval: where the contract says so in words.

    Whoever has not decided it would else have every correction of a component held, which no approval is for. What is
    moved is no new version.
    """
    asked = [kind for kind in _NEW_VERSIONS if policy_of(contract).get(kind, "required") == "required"]
    return asked if list(policy_of(contract).get("sources") or ()) == [CLUSTER] else []


def approvers(contract: Contract) -> list[str]:
    """Who may approve: those that the contract names for it, else everybody in its ``contacts``."""
    named = [same_address(one) for one in policy_of(contract).get("approvers") or ()]
    return named or sorted({same_address(one["email"]) for one in everybody(contract)})


def judge(contract: Contract, change: Change, approval: Data, now: datetime) -> Verdict:
    """Whether an approval that is for this change counts."""
    by, source = same_address(approval.get("by", "")), str(approval.get("source") or "data")
    what = f"the approval of {by or 'nobody'} ({source})"
    if not by:
        return Verdict(False, f"{what} does not say who gave it", Owner.CUSTOMER)
    if doubt := not_counted(contract, found_in(approval)):
        return Verdict(False, f"{what} {doubt}", Owner.CUSTOMER)
    if by == same_address(change.requested_by):
        return Verdict(False, f"{what} is by who asks for the change: somebody else approves it", Owner.CUSTOMER)
    for word, own in change.about.items():
        if approval.get(word) and str(approval[word]) != own:
            reason = f"{what} is for {word} {approval[word]}, and its digest for {word} {own}: it counts for neither"
            return Verdict(False, reason, Owner.CUSTOMER)
    if by not in approvers(contract):
        return Verdict(False, f"{what} is not by one of those who may: {_who(contract)}", Owner.CUSTOMER)
    try:
        given, expires = _times(contract, approval)
    except ValueError as error:
        return Verdict(False, f"{what} has no time that can be read: {error}", Owner.CUSTOMER)
    if given > now + _SKEW:
        return Verdict(
            False, f"{what} is dated {local_time(given)}, which is to come: check the clock", Owner.FIREWORKS
        )
    if expires <= now:
        return Verdict(False, f"{what} expired at {local_time(expires)}", Owner.CUSTOMER)
    named = str(approval.get("digest", "")).strip()
    if _is_used(change, named, given):
        reason = (
            f"{what} of the whole plan is older than what is here now, since {change.since}: it counts for one move"
        )
        return Verdict(False, reason, Owner.CUSTOMER)
    # As it stands in the cluster's record: who, by which digest.
    said = f"approved by {by} ({source}) until {local_time(expires)}, digest {named}"
    return Verdict(True, said, by=by, until=expires)


def _is_used(change: Change, named: str, given: datetime) -> bool:
    """Whether the cluster has moved since the plan was approved, forth and back: its own digest is another then."""
    if not change.since or not names_one_of(named, frozenset({change.of_plan})):
        return False
    return given <= change.since


def _times(contract: Contract, approval: Data) -> tuple[datetime, datetime]:
    """When it was given and when it ends: never later than the contract lets any approval last."""
    given = moment(approval.get("given_at"))
    last = given + parse_duration(str(said(contract, SCHEMA, "change", "approvals", "valid_for")))
    own = approval.get("expires_at")
    return given, min(last, moment(own)) if own else last


def moment(text: Any) -> datetime:
    """A moment in ISO 8601. Raises ValueError when it cannot be read or has no offset."""
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError(f"{str(text)!r} has no offset: write it like 2026-11-25T14:00:00+00:00")
    return found


def _who(contract: Contract) -> str:
    people = approvers(contract)
    return ", ".join(people[:3]) + (" or another" if len(people) > 3 else "")


def same_address(address: Any) -> str:
    """An e-mail address, to be compared with others."""
    return str(address).strip().casefold()


def _short(digests: frozenset[str]) -> str:
    return " or ".join(one[:SHORTEST] for one in sorted(digests))
