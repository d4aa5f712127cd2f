# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each form of a manifest, put through kubectl and through our reader, server-side: the same object, or both refuse.

What each came to is in build/manifests-beside-kubectl.md.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._connection import open_session
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.apply import SetApplier
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.discovery import Discovery
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import KubeError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.manifests import parse_definition
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.objects import Ref, desired_part
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.set_options import SetOptions
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context
from byoc_testbed.kubectl import find_kubectl
from tests.integration.plays import connection_to
from tests.manifest_forms import NATIVE, REFUSED, SCALARS, STRICTER, TEXTS

TABLE = Path(__file__).parents[2] / "build/manifests-beside-kubectl.md"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "forms.byoc.example"},
    "spec": {
        "group": "byoc.example",
        "names": {"kind": "Form", "listKind": "FormList", "plural": "forms", "singular": "form"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"x-kubernetes-preserve-unknown-fields": True}},
                    }
                },
            }
        ],
    },
}

#: kubectl sends a line break of YAML's as it is, and the API server, which reads the patch as YAML, makes it a space.
FOLDED = r'`"a\u0085b\u2028c\ufeffd"`'


@pytest.fixture(scope="module")
def cluster(bed: Any) -> Iterator[Any]:
    cluster = bed["acme"]
    connection = connection_to(cluster)
    made = _applier(connection, "definition-of-forms")
    made.apply_present(made.plan_present([DEFINITION]))  # which waits until it is served
    yield cluster
    made.apply_absent(made.plan_absent([DEFINITION]), seconds=60)


def _applier(connection: dict[str, Any], name: str = "forms") -> SetApplier:
    session = open_session(connection, Context(check_mode=False, diff_mode=False, warn=print))
    parent = Ref("ConfigMap", "", "default", name)
    return SetApplier(session, Discovery.of(session, cached=False), parent, SetOptions(annotations={}))


def _forms() -> dict[str, str]:
    head = "apiVersion: byoc.example/v1\nkind: Form\nmetadata: {name: NAME, namespace: default}\nspec:\n"
    scalars = {f"`{said}`": f"{head}  a: {said}\n" for said in SCALARS}
    texts = {title: text for title, (text, _wanted) in TEXTS.items()}
    found = {**scalars, **texts, **STRICTER, **NATIVE}
    return {title: text.replace("NAME", f"form-{at}") for at, (title, text) in enumerate(found.items())}


def _kubectl(cluster: Any, *arguments: str, text: str = "") -> tuple[int, list[Any]]:
    """The exit status, and the objects that the server says they would be."""
    command = [str(find_kubectl()), "--kubeconfig", str(cluster.kubeconfig), "apply", "--server-side", "-o", "json"]
    command += ["--validate=ignore"]  # it is about what is read, not about fields that no schema knows
    done = subprocess.run(
        [*command, "--dry-run=server", *arguments], input=text.encode(), capture_output=True, check=False, timeout=300
    )
    answer = json.loads(done.stdout) if done.stdout.strip() else {"kind": "List", "items": []}
    return done.returncode, answer["items"] if answer["kind"] == "List" else [answer]


def _all_by_kubectl(cluster: Any, folder: Path, forms: dict[str, str]) -> dict[str, Any]:
    """What kubectl makes of each: of those that it read when they were recorded in one run, since each takes long."""
    alone = {title for title in forms if title in NATIVE or _recorded().get(title) is REFUSED}
    for at, (title, text) in enumerate(forms.items()):
        if title not in alone:
            (folder / f"{at:03}.yml").write_text(text, encoding="utf-8", newline="")
    _status, together = _kubectl(cluster, "-f", str(folder))
    found: dict[str, Any] = {}
    for at, (title, text) in enumerate(forms.items()):
        if title in alone:
            status, objects = _kubectl(cluster, "-f", "-", text=text)
        else:
            objects = [one for one in together if one["metadata"]["name"] in (f"form-{at}", f"form-{at}-b")]
            status = not objects
        found[title] = REFUSED if status else _comparable(objects)
    return found


def _recorded() -> dict[str, Any]:
    return {**{f"`{said}`": value for said, value in SCALARS.items()}, **{key: it[1] for key, it in TEXTS.items()}}


def _ours(applier: SetApplier, text: str) -> Any:
    try:
        return _comparable([change.after for change in applier.plan_present(parse_definition(text)).changes])
    except KubeError:
        return REFUSED


def _comparable(objects: list[Any]) -> Any:
    """Without what the server writes and without our labels; numbers as JSON's readers without integers see them."""
    kept = [desired_part(each) for each in objects]
    for each in kept:
        each["metadata"].pop("labels", None)
    return json.loads(json.dumps(kept), parse_int=lambda digits: int(digits) if len(digits) < 16 else float(digits))


@pytest.mark.soak(sample=0)
def test_each_form_is_read_as_kubectl_reads_it_or_refused_by_both(cluster: Any, tmp_path: Path) -> None:
    applier, forms = _applier(connection_to(cluster)), _forms()
    theirs = _all_by_kubectl(cluster, tmp_path, forms)
    rows = [(title, theirs[title], _ours(applier, text)) for title, text in forms.items()]
    _write(rows)
    assert len(rows) >= 60
    assert [row for row in rows if row[1] != row[2] and row[0] not in (*STRICTER, FOLDED)] == []
    assert {title for title, kubectl, ours in rows if ours is REFUSED and kubectl is not REFUSED} == set(STRICTER)
    refused = {title for title, value in _recorded().items() if value is REFUSED}
    assert {title for title in _recorded() if theirs[title] is REFUSED} == refused


def _write(rows: list[tuple[str, Any, Any]]) -> None:
    said = {True: "refused", False: "read"}
    lines = ["| form | kubectl | ours | the same |", "|---|---|---|---|"]
    for title, kubectl, ours in rows:
        cells = (json.dumps(title, ensure_ascii=False)[1:-1], said[kubectl is REFUSED], said[ours is REFUSED])
        lines.append(f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} | {kubectl == ours} |")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
