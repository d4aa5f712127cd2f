# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks releases of the stack as bundles."""

from __future__ import annotations

DOCUMENTATION = r"""
name: release_problems
short_description: Check releases of the stack as bundles
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads each release with all its files, renders its templates for contracts of every provider and access mode, and
    returns all problems. Contacts no cluster.
options:
  _terms:
    description: Versions; without any, all that there are.
    type: list
    elements: str
  directory:
    description: A directory of releases to read instead of the collection's own.
    type: path
"""

EXAMPLES = r"""
- name: Refuse an incomplete release
  ansible.builtin.assert:
    that: found.problems | length == 0
  vars:
    found: "{{ lookup('fireworks.byoc.release_problems', '2026.12.0') }}"
"""

RETURN = r"""
_raw:
  description: Of each release C(release), its C(channel), what it C(upgrades_from), its C(components), the C(digest) of
    all its files, how many C(objects) it renders to at most, and all C(problems), empty if it is valid.
  type: list
  elements: dict
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle import Bundle, Rendered, bundle_problems
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.description import description_problems
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.lineage import lineage_problems
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.variants import variants
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import KubeError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.manifests import parse_definition
from ansible_collections.fireworks.byoc.plugins.plugin_utils.manifest_files import rendered
from ansible_collections.fireworks.byoc.plugins.plugin_utils.release_files import (
    RELEASES,
    file_hashes,
    names_of_templates,
    role_options,
    with_templates,
)


class LookupModule(LookupBase):
    """One report for each release."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        directory = Path(self.get_option("directory") or RELEASES)
        known = {
            path.parent.name: self._read(path)
            for path in sorted(directory.glob("*/release.yml"), key=lambda p: p.parent)
        }
        versions = [str(term) for term in terms] or list(known)
        unknown = sorted(set(versions) - set(known))
        if unknown:
            there = ", ".join(known) or "none"
            raise AnsibleLookupError(f"{directory}: there is no stack release {', '.join(unknown)}; there are {there}")
        readable = {name: each for name, each in known.items() if not description_problems(each, name)}
        lineage = lineage_problems(readable, self._read(directory / "channels.yml"))
        return [self._judged(directory, version, known[version], lineage) for version in versions]

    def _judged(self, directory: Path, version: str, release: dict[str, Any], lineage: list[str]) -> dict[str, Any]:
        folder = directory / version
        published = directory / "digests.yml"
        bundle = Bundle(
            folder=version,
            release=release,
            files=file_hashes(folder),
            rendered=[] if description_problems(release, version) else list(self._rendered(folder, release)),
            published=str((self._read(published) if published.exists() else {}).get(version, "")),
        )
        counts: dict[str, int] = {}
        for each in bundle.rendered:
            counts[each.variant] = counts.get(each.variant, 0) + len(each.manifests)
        return {
            "release": version,
            "channel": str(release.get("channel", "")),
            "upgrades_from": list(release.get("upgrades_from") or ()),
            "components": list(release.get("components") or ()),
            "digest": bundle.digest,
            "objects": max(counts.values(), default=0),
            "problems": [*bundle_problems(bundle), *lineage],
        }

    def _rendered(self, folder: Path, release: dict[str, Any]) -> Any:
        for words, contract in variants():
            described = with_templates(release, folder)
            given = {**role_options(self._loader), "contract": contract, **names_of_templates(contract, described)}
            for component, template in zip(release["components"], described["templates"], strict=True):
                path = Path(template)
                if path.exists():
                    yield self._one(path, component, words, contract, given)

    def _one(self, path: Path, component: str, words: str, contract: Contract, given: dict[str, Any]) -> Rendered:
        try:
            text = rendered(self._templar, path, path.read_text(encoding="utf-8"), given)
            return Rendered(component, words, contract, parse_definition(text))
        except (AnsibleError, KubeError) as error:
            return Rendered(component, words, contract, error=" ".join(str(error).split()))

    def _read(self, path: Path) -> dict[str, Any]:
        return dict(self._loader.load_from_file(str(path)) or {})
