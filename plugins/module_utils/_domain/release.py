# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack release: which version a contract names, and where its images come from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from .._vocabulary.listing import few
from .contract.typed import Contract, Engine, Stack
from .form import Either, misfit

_VERSION = re.compile(r"(\d+)\.(\d+)")
_RELEASE = re.compile(r"[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,4}")
_IMAGE = {"name": str, "digest": str}
_RIGHTS = Either([{"namespace": str, "group": str, "resources": [str], "verbs": [str]}], None)
#: Of what is there; what has to be there is checked where a release is read whole.
_FORM = {
    "registry?": str,
    "components?": [str],
    "images?": {str: _IMAGE},
    "engines?": {str: {str: _IMAGE}},
    "kubernetes?": {},
    "requires?": Either({"apis?": [str]}, None),
    "permissions?": {"apply?": _RIGHTS, "accounts?": Either({str: _RIGHTS}, None)},
}


class UnknownReleaseError(ValueError):
    """The contract names a release, a channel or an engine version that does not exist."""


class InvalidReleaseError(ValueError):
    """A release describes itself in a way that nothing can be planned by."""


def check_release(release: Mapping[str, Any], *, whole: bool = False) -> None:
    """What a plan needs of a release's description. Raises InvalidReleaseError with everything that is wrong.

    ``upgrades_from`` lists the releases that it may replace in a cluster, whole versions; none: it is only installed
    anew.

    :param whole: it is to be installed, so that nothing may be missing.
    """
    form = {key.rstrip("?"): its for key, its in _FORM.items()} if whole else _FORM
    wrong = list(filter(None, [misfit(release, form)]))
    if not _RELEASE.fullmatch(str(release.get("version", ""))):
        wrong.append(f"version: {release.get('version')!r} is not a whole version, like 2026.11.0")
    if not release.get("channel"):
        wrong.append("channel: is missing: name the channel that it was published in")
    kubernetes = release.get("kubernetes")
    minimum = kubernetes.get("minimum") if isinstance(kubernetes, Mapping) else None
    if not isinstance(minimum, str) or kubernetes_version(minimum) == (0, 0):
        wrong.append(f'kubernetes.minimum: {minimum!r} is not a version in quotes, like "1.30"')
    sources = release.get("upgrades_from")
    if not isinstance(sources, list):
        wrong.append("upgrades_from: is not a list of releases; [] when there is none before it")
    else:
        wrong += [
            f"upgrades_from: {source!r} is not a whole version, like 2026.11.0"
            for source in sources
            if not _RELEASE.fullmatch(str(source))
        ]
        if release.get("version") in sources:
            wrong.append("upgrades_from: names the release itself")
    if wrong:
        raise InvalidReleaseError(f"stack release {release.get('version')}: {few(wrong)}")


def bundle_digest(files: Mapping[str, str]) -> str:
    """One SHA-256, in hexadecimal, for all files of a release.

    :param files: the SHA-256 of each, by its path in the release's folder.
    """
    found = hashlib.sha256()
    for path in sorted(files):
        found.update(f"{path}\0{files[path]}\0".encode())
    return found.hexdigest()


def not_as_published(version: str, digest: str, published: str) -> str:
    """Why a release of this digest is not the one that was published; empty where it is.

    :param published: its digest when it was published, as ``digests.yml`` keeps it; empty where that has none.
    """
    if not published:
        return f"digests.yml: has no digest of it; when it is published: {version}: {digest}"
    if published == digest:
        return ""
    next_step = "a release that was published never changes: put the files back, or make a new release"
    return f"its files have the digest {digest[:12]}…, and {published[:12]}… was published; {next_step}"


def release_version(stack: Stack, channels: Mapping[str, str], known: list[str]) -> str:
    """The release that a contract's ``stack`` section names, by version or by channel."""
    version, channel = stack.get("release"), stack.get("channel")
    if not version:
        channel = str(channel or "stable")
        if channel not in channels:
            raise UnknownReleaseError(f"stack.channel: there is no channel {channel!r}; there are {_list(channels)}")
        version = channels[channel]
    if str(version) not in known:
        raise UnknownReleaseError(
            f"stack.release: there is no stack release {version}; there are {_list(known)}. Where it is in a folder of "
            "its own, name that: -e releases=<folder>"
        )
    return str(version)


def release_in_force(stack: Stack, installed: Mapping[str, Any] | None) -> dict[str, Any]:
    """By which release a cluster's models are made: the one that is installed there, whatever its channel has since.

    :param stack: the contract's section, which decides where nothing is installed yet.
    :param installed: what ``cluster_info`` found of the stack.
    """
    return {"release": str(installed["release"])} if installed else dict(stack)


def registry(contract: Contract, release: Mapping[str, Any]) -> str:
    """Where images come from: the customer's first registry, else the one that the release is published in."""
    allowed = (contract.get("compliance") or {}).get("registries")
    return str(allowed[0] if allowed else release["registry"])


def image(contract: Contract, release: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """What the customer's nodes pull: always by digest, so that it is what was tested."""
    return f"{registry(contract, release)}/{entry['name']}@{entry['digest']}"


def component_images(contract: Contract, release: Mapping[str, Any]) -> dict[str, str]:
    """The image of each component of a release."""
    return {name: image(contract, release, entry) for name, entry in release["images"].items()}


def engine_image(contract: Contract, release: Mapping[str, Any], engine: Engine) -> str:
    """The image of a model's engine; only the versions that a release was tested with are served."""
    name, version = engine["name"], engine["version"]
    tested = release["engines"].get(name, {})
    if version not in tested:
        raise UnknownReleaseError(
            f"engine {name} {version} is not part of stack release {release['version']}, which has "
            + (", ".join(f"{name} {v}" for v in tested) or f"engines {_list(release['engines'])}")
        )
    return image(contract, release, tested[version])


def needed_images(contract: Contract, release: Mapping[str, Any]) -> list[str]:
    """Every image this contract needs in the customer's registry."""
    found = set(component_images(contract, release).values())
    found |= {engine_image(contract, release, model["engine"]) for model in contract.get("models") or ()}
    return sorted(found)


def kubernetes_version(text: object) -> tuple[int, int]:
    """``v1.36.2-eks-1``, ``1.29`` and the like as (major, minor); what cannot be read is (0, 0)."""
    match = _VERSION.search(str(text))
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def _list(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
