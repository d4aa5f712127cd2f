# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the stack release that a contract names."""

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_release
short_description: Read the stack release that a contract names
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads the description of a stack release, by version or by channel, from the releases in this collection.
  - It is an error if its files are not those that were published, by the digest in C(digests.yml) beside the releases.
options:
  _terms:
    description: The C(stack) section of one contract or of several, with C(release) or C(channel).
    type: list
    elements: dict
    required: true
  directory:
    description: A directory of releases to read instead of the collection's own.
    type: path
    vars:
      - name: releases
  skip_unknown:
    description:
      - Whether a term that names what there is not is left out, and is no error. Of a release that is there and cannot
        be used, then only its C(version) is returned, and as C(unusable) why.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the images that a customer has to mirror
  ansible.builtin.debug:
    msg: "{{ release.images }}"
  vars:
    release: "{{ lookup('fireworks.byoc.stack_release', contract.stack) }}"
"""

RETURN = r"""
_raw:
  description: The release of each term, with C(version), C(channel), C(upgrades_from), C(kubernetes), C(requires),
    C(permissions), C(components), C(images) and C(engines), the paths of its components' C(templates), and a C(digest)
    of all its files.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import (
    InvalidReleaseError,
    UnknownReleaseError,
    bundle_digest,
    check_release,
    not_as_published,
    release_version,
)
from ansible_collections.fireworks.byoc.plugins.plugin_utils.release_files import RELEASES, file_hashes, with_templates


class LookupModule(LookupBase):
    """One description for each contract."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        directory = Path(self.get_option("directory") or RELEASES)
        channels = self._read(directory / "channels.yml")
        known = sorted(path.parent.name for path in directory.glob("*/release.yml"))
        versions = []
        for term in terms:
            if not isinstance(term, Mapping):
                raise AnsibleLookupError(
                    f"{term!r} is no section `stack` of a contract, such as {{'release': '2026.12.0'}}"
                )
            try:
                versions.append(release_version(term, channels, known))
            except UnknownReleaseError as error:
                if not self.get_option("skip_unknown"):
                    raise AnsibleLookupError(str(error)) from None
        digests = directory / "digests.yml"
        published = self._read(digests) if digests.exists() else {}
        return [self._release(directory / version, str(published.get(version, ""))) for version in versions]

    def _release(self, folder: Path, published: str) -> dict[str, Any]:
        try:
            return self._described(folder, published)
        except AnsibleError as error:
            if not self.get_option("skip_unknown"):
                raise
            return {"version": folder.name, "unusable": " ".join(str(error).split())}

    def _described(self, folder: Path, published: str) -> dict[str, Any]:
        release = self._read(folder / "release.yml")
        try:
            check_release(release, whole=True)
        except InvalidReleaseError as error:
            raise AnsibleLookupError(f"{folder / 'release.yml'}: {error}") from None
        digest = bundle_digest(file_hashes(folder))
        if problem := not_as_published(folder.name, digest, published):
            raise AnsibleLookupError(f"{folder} is not used: {problem}")
        return {**with_templates(release, folder), "digest": digest}

    def _read(self, path: Path) -> dict[str, Any]:
        # "Unsafe" means uncopied: nothing here changes what is read, and the copies took a third of applying a stack.
        found = self._loader.load_from_file(str(path), unsafe=True)
        if not isinstance(found, Mapping):
            raise AnsibleLookupError(f"{path} holds no mapping: put it back as it was published")
        return dict(found)
