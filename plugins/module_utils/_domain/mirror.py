# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a customer copies before anything is installed: images into their registry by digest, weights by revision.

Each as a row for people, and as a line for a copying tool. A line is a command of a shell: nothing of a contract or a
release gets into it unquoted.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .contract.schema_model_source import SECRET
from .contract.typed import Contract, Source
from .model.engine_adapter import sources
from .release import engine_image, image, registry

Data = Mapping[str, Any]
Row = dict[str, str]

_TAG_DIGITS = 12
_AS_IT_IS = "pulled from there (compliance.registries names no registry)"
TOOLS: Mapping[str, Callable[[str, str], list[str]]] = {
    # An index with all its platforms, so that its digest stays what was tested: skopeo-copy(1); crane, "crane copy".
    "skopeo": lambda source, to: [
        "skopeo",
        "copy",
        "--all",
        "--preserve-digests",
        f"docker://{source}",
        f"docker://{to}",
    ],
    "crane": lambda source, to: ["crane", "copy", source, to],
}
_FETCH: Mapping[str, Callable[[str, str], list[str]]] = {
    "hf": lambda place, revision: ["hf", "download", place, *(["--revision", revision] if revision else [])],
    "s3": lambda place, _revision: ["aws", "s3", "sync", f"s3://{place}", place],
    "gs": lambda place, _revision: ["gcloud", "storage", "rsync", "--recursive", f"gs://{place}", place],
}


def mirror_plan(contract: Contract, release: Data, tool: str = "skopeo") -> dict[str, Any]:
    """The rows ``images`` and ``weights``, and the ``lines`` that copy them, each once.

    Images are those of the release's components and of the models' engines. Where the contract names no registry they
    are pulled from the release's own, and there is nothing to copy.

    :raises UnknownReleaseError: a model's engine is not part of the release.
    """
    images, weights = list(_images(contract, release)), list(_weights(contract))
    lines = [shlex.join(TOOLS[tool](row["from"], row["to"])) for row in images if row["to"] != _AS_IT_IS]
    lines += [shlex.join(_fetching(row["from"], row["revision"])) for row in weights]
    return {"images": images, "weights": weights, "lines": list(dict.fromkeys(lines))}


def _images(contract: Contract, release: Data) -> Iterator[Row]:
    for name, entry in release["images"].items():
        yield _image(contract, release, name, entry)
    engines = {(str(m["engine"]["name"]), str(m["engine"]["version"])) for m in contract.get("models") or ()}
    for name, version in sorted(engines):
        engine_image(contract, release, {"name": name, "version": version})  # says what is wrong with an unknown one
        yield _image(contract, release, f"{name} {version}", release["engines"][name][version])


def _image(contract: Contract, release: Data, what: str, entry: Data) -> Row:
    published, here = str(release["registry"]), registry(contract, release)
    digest = str(entry["digest"])
    # A tag of its own for each digest: none ever moves, and a registry that drops what has no tag keeps it.
    tag = digest.removeprefix("sha256:")[:_TAG_DIGITS]
    return {
        "cluster": str(contract["identity"]["name"]),
        "what": what,
        "release": str(release["version"]),
        "from": f"{published}/{entry['name']}@{digest}",
        "to": _AS_IT_IS if here == published else f"{here}/{entry['name']}:{tag}",
        "pulled_as": image(contract, release, entry),
    }


def _weights(contract: Contract) -> Iterator[Row]:
    for model in contract.get("models") or ():
        source, adapters = model["source"], model.get("adapters") or []
        for number, uri in enumerate(sources(model).values()):
            if uri.partition("://")[0] not in _FETCH:
                continue
            own = number == 0
            yield {
                "cluster": str(contract["identity"]["name"]),
                "what": str(model["name"]) if own else f"{model['name']}, adapter {adapters[number - 1]['name']}",
                "from": uri,
                "revision": str(source["revision"]) if own else "",
                "digest": str(source.get("digest") or "") if own else "",
                "credential": _credential(source) if own or uri.startswith("hf://") else "",
            }


def _credential(source: Source) -> str:
    credential = source.get("credential") or {}
    return "the customer's own" if SECRET in credential else ", ".join(map(str, credential)).replace("_", " ")


def _fetching(uri: str, revision: str) -> list[str]:
    scheme, _sep, place = uri.partition("://")
    return _FETCH[scheme](place, revision)
