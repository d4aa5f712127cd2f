# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where an owner, a contact and a next step become a sentence. Nothing ever reads it back."""

from __future__ import annotations

from .owner import NO_CONTACT, Contact, Owner

#: A message is read by the operator.
_NAMES: dict[str, str] = {Owner.OPERATOR: "you", Owner.FIREWORKS: "Fireworks", Owner.CUSTOMER: "customer"}


def spoken(word: str) -> str:
    """A machine's word for people."""
    return word.replace("_", " ")


def person(contact: Contact | None) -> str:
    """A contact as people write it; empty when there is nobody in particular."""
    name, email = (contact or NO_CONTACT)["name"], (contact or NO_CONTACT)["email"]
    return f"{name} <{email}>".strip() if email else name


def assignee(owner: str, contact: Contact | None = None) -> str:
    """Who has to act, as a table says it: the person where one is known, else the owner; empty for nobody."""
    return person(contact) or owner_word(owner)


def owner_word(owner: str) -> str:
    """An owner for people; anything else as it is."""
    return _NAMES.get(owner, owner)


def addressed(owner: str, contact: Contact | None = None) -> str:
    """Who has to act, said to the person who ran it."""
    return " ".join(filter(None, (_NAMES[owner], _in_brackets(contact))))


def asked_of(owner: str, contact: Contact | None = None) -> str:
    """Who has to act, as the last line of a block that the person who ran it reads."""
    return f"Action required by: {addressed(owner, contact)}"


def _in_brackets(contact: Contact | None) -> str:
    asked = person(contact)
    return f"({asked})" if asked else ""


def action_required(owner: str, contact: Contact | None = None) -> str:
    """Who has to act, as a sentence; empty for nobody."""
    return f"{asked_of(owner, contact)}." if owner else ""


def next_step_sentence(step: str) -> str:
    """What to do next, as a sentence; empty when there is nothing to do."""
    return f"Next: {step.rstrip('.')}." if step else ""


def message(what: str, *, where: str = "", next_step: str = "", owner: str = "", contact: Contact | None = None) -> str:
    """What happened and where, what to do next, and who has to do it.

    :param owner: left out where there is nothing to do next.
    """
    said = what.rstrip(".")
    head = f"{where}: {said}." if where else f"{said}."
    if not next_step:
        return head
    return " ".join(part for part in (head, next_step_sentence(next_step), action_required(owner, contact)) if part)
