# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack release as a bundle: its description, its templates and what they render to, judged as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.typed import Contract
from ..release import bundle_digest, not_as_published
from .description import description_problems
from .objects import object_problems
from .rights import rights_problems

__all__ = ["Bundle", "Rendered", "bundle_problems"]

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Rendered:
    """What one component renders to for one contract.

    :param variant: which contract, in words.
    :param error: why it does not render; empty when it does.
    """

    component: str
    variant: str
    contract: Contract
    manifests: Sequence[Data] = ()
    error: str = ""


@dataclass(frozen=True)
class Bundle:
    """A release as it lies in its folder.

    :param folder: the folder's name.
    :param files: the SHA-256 of each file, by its path in the folder.
    :param published: the digest that was written down when it was published; empty when none was.
    """

    folder: str
    release: Data
    files: Mapping[str, str]
    rendered: Sequence[Rendered] = ()
    published: str = ""

    @property
    def digest(self) -> str:
        return bundle_digest(self.files)


def bundle_problems(bundle: Bundle) -> list[str]:
    """Everything that is wrong with a release by itself; its place among the others is ``lineage``'s to judge."""
    found = description_problems(bundle.release, bundle.folder)
    if found:
        return found  # the rest reads the description
    return [*_file_problems(bundle), *_render_problems(bundle), *object_problems(bundle.release, _objects(bundle)),
            *rights_problems(bundle.release, _objects(bundle)), *_digest_problems(bundle)]  # fmt: skip


def _objects(bundle: Bundle) -> list[tuple[Contract, str, Data]]:
    return [(each.contract, each.component, manifest) for each in bundle.rendered for manifest in each.manifests]


def _file_problems(bundle: Bundle) -> list[str]:
    ending = ".yml.j2"
    templates = {path.removesuffix(ending) for path in bundle.files if path.endswith(ending)}
    named = set(bundle.release["components"])
    found = [f"components: {name} has no template {name}{ending}" for name in sorted(named - templates)]
    found += [f"{name}{ending}: is the template of no component" for name in sorted(templates - named)]
    if "NOTES.md" not in bundle.files:
        found.append("NOTES.md: is missing: say what changes for an operator, and what rolling back means")
    return found


def _render_problems(bundle: Bundle) -> list[str]:
    errors: dict[tuple[str, str], list[str]] = {}
    for each in bundle.rendered:
        if each.error:
            errors.setdefault((each.component, each.error), []).append(each.variant)
    found = [
        f"{component}.yml.j2: does not render for {_some(variants)}: {error}"
        for (component, error), variants in errors.items()
    ]
    made = {each.component for each in bundle.rendered if each.manifests or each.error}
    tried = {each.component for each in bundle.rendered}
    return found + [f"{name}.yml.j2: renders to nothing for every contract" for name in sorted(tried - made)]


def _digest_problems(bundle: Bundle) -> list[str]:
    problem = not_as_published(bundle.folder, bundle.digest, bundle.published)
    return [problem] if problem else []


def _some(variants: Sequence[str]) -> str:
    return ", ".join(variants[:2]) + (f" and {len(variants) - 2} more" if len(variants) > 2 else "")
