# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release may ask of a cluster's API: what it says, what it uses, and what the presetup gives, compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..identities.needs import IDENTITIES, READ, UPGRADER, WRITE, Need
from ..identities.permissions import questions
from ..names import SYSTEM_NAMESPACE
from ..presetup_version import NEWEST
from .objects import Objects, pod_template

Data = Mapping[str, Any]
#: Namespace, API group, resource, verb.
Right = tuple[str, str, str, str]

# A set remembers its members in a ConfigMap.
_PARENT = {(SYSTEM_NAMESPACE, "", "configmaps", verb) for verb in (*READ, *WRITE)}


def release_questions(release: Data) -> list[dict[str, str]]:
    """What to ask an API server of whoever shall bring a release, as questions for ``can_i``."""
    entries = (release.get("permissions") or {}).get("apply") or ()
    needs = [
        Need(entry["namespace"], entry["group"], tuple(entry["resources"]), tuple(entry["verbs"])) for entry in entries
    ]
    return questions(needs)


def refused(permissions: Iterable[Data]) -> list[str]:
    """What an API server refused of what it was asked, in words: verbs and resource."""
    verbs: dict[str, list[str]] = {}
    for each in permissions:
        if not each["allowed"]:
            group = f".{each['group']}" if each.get("group") else ""
            verbs.setdefault(f"{each['resource']}{group} in {each.get('namespace')}", []).append(str(each["verb"]))
    return [f"{', '.join(found)} {what}" for what, found in verbs.items()]


def rights_problems(release: Data, objects: Objects) -> list[str]:
    """Where what a release says that it needs is not what it uses, or is not given to who applies it."""
    said = _said(release["permissions"]["apply"])
    used = _PARENT | {right for _contract, _component, manifest in objects for right in _to_apply(manifest)}
    found = _compared("permissions.apply", said, used)
    [upgrader] = [identity for identity in IDENTITIES if identity.name == UPGRADER]
    lacking = used - _given(upgrader.needs)
    found += [f"identities: the {UPGRADER} may not {_text(rights)}" for rights in _grouped(lacking)]
    return found + _account_problems(release, objects)


def _account_problems(release: Data, objects: Objects) -> list[str]:
    """The accounts of a release's pods, as far as the pods get a token."""
    identities = {identity.name: identity for identity in IDENTITIES}
    said = release["permissions"]["accounts"] or {}
    with_token = {
        str(spec.get("serviceAccountName") or "default")
        for _contract, _component, manifest in objects
        if (spec := (pod_template(manifest) or {}).get("spec")) and spec.get("automountServiceAccountToken", True)
    }
    found = [f"identities: there is no account {name}" for name in sorted(with_token - set(identities))]
    found += [f"permissions.accounts.{name}: no pod works as it" for name in sorted(set(said) - with_token)]
    for name in sorted(with_token & set(identities)):
        given = _given(identities[name].needs)
        found += _compared(f"permissions.accounts.{name}", _said(said.get(name) or ()), given)
    return found


def _compared(where: str, said: set[Right], used: set[Right]) -> list[str]:
    return [
        *(f"{where}: {_text(rights)} is used, and not declared" for rights in _grouped(used - said)),
        *(f"{where}: {_text(rights)} is declared, and not used" for rights in _grouped(said - used)),
    ]


def _said(entries: Iterable[Data]) -> set[Right]:
    return {
        (entry["namespace"], entry["group"], resource, verb)
        for entry in entries
        for resource in entry["resources"]
        for verb in entry["verbs"]
    }


def _given(needs: Iterable[Need]) -> set[Right]:
    """What is given on whole collections, whatever the contract says."""
    return {
        (need.scope, need.group, resource, verb)
        for need in needs
        if not need.names and need.since <= NEWEST <= need.last
        for resource in need.resources
        for verb in need.verbs
    }


def _to_apply(manifest: Data) -> set[Right]:
    group = str(manifest["apiVersion"]).rpartition("/")[0]
    namespace = str((manifest.get("metadata") or {}).get("namespace") or "")
    return {(namespace, group, plural(str(manifest["kind"])), verb) for verb in (*READ, *WRITE)}


def plural(kind: str) -> str:
    """The resource of a kind, as Kubernetes itself guesses it (UnsafeGuessKindToResource)."""
    name = kind.lower()
    if name.endswith("s"):
        return name + "es"
    return name[:-1] + "ies" if name.endswith("y") else name + "s"


def _grouped(rights: set[Right]) -> list[list[Right]]:
    found: dict[tuple[str, str, str], list[Right]] = {}
    for right in sorted(rights):
        found.setdefault(right[:3], []).append(right)
    return list(found.values())


def _text(rights: Sequence[Right]) -> str:
    namespace, group, resource, _verb = rights[0]
    verbs = ", ".join(right[3] for right in rights)
    return f"{verbs} {resource}{'.' + group if group else ''} in {namespace or 'no namespace'}"
