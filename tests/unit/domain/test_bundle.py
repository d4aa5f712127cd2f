# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of a stack release is found, and the releases that there are have none that needs no rendering to see."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle import Bundle, Rendered, bundle_problems
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.description import description_problems
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.lineage import lineage_problems
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.rights import plural, release_questions
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.bundle.variants import variants
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.release import bundle_digest
from ansible_collections.fireworks.byoc.plugins.plugin_utils.release_files import RELEASES, file_hashes
from tests.unit.domain.agreed import contract

VERBS = ["get", "list", "watch", "create", "patch", "delete"]
ROUTER, TELEMETRY = "sha256:" + "a" * 64, "sha256:" + "b" * 64
PODS = {"group": "", "resources": ["pods"], "verbs": ["get", "list", "watch"]}


def right(group: str, *resources: str) -> dict[str, Any]:
    return {"namespace": "fireworks-system", "group": group, "resources": list(resources), "verbs": list(VERBS)}


RELEASE: dict[str, Any] = {
    "version": "2026.11.0",
    "channel": "stable",
    "upgrades_from": [],
    "registry": "registry.fireworks.example/byoc",
    "kubernetes": {"minimum": "1.30"},
    "requires": {"apis": ["apps/v1", "v1"]},
    "permissions": {
        "apply": [right("", "configmaps", "services"), right("apps", "deployments")],
        "accounts": {"telemetry": [{"namespace": f"fireworks-{where}", **PODS} for where in ("models", "system")]},
    },
    "components": ["router", "telemetry"],
    "images": {
        "router": {"name": "envoy", "digest": ROUTER},
        "telemetry": {"name": "prometheus", "digest": TELEMETRY},
    },
    "engines": {"vllm": {"0.11.0": {"name": "vllm-openai", "digest": "sha256:" + "c" * 64}}},
}
FILES = dict.fromkeys(("release.yml", "NOTES.md", "router.yml.j2", "telemetry.yml.j2"), "0" * 64)


def labels(name: str, **more: str) -> dict[str, str]:
    own = {"managed-by": "fireworks-byoc", "part-of": "stack", "name": name}
    return {f"app.kubernetes.io/{key}": text for key, text in own.items()} | {
        f"byoc.fireworks.ai/{key}": text for key, text in more.items()
    }


def deployment(name: str, image: str, token: bool = False) -> dict[str, Any]:
    running = labels(name, component=name, release="2026.11.0")
    spec = {
        "serviceAccountName": name,
        "automountServiceAccountToken": token,
        "containers": [{"name": name, "image": f"registry.acme.example/fireworks/{image}"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "fireworks-system", "labels": running},
        "spec": {"template": {"metadata": {"labels": dict(running)}, "spec": spec}},
    }


def service() -> dict[str, Any]:
    metadata = {"name": "router", "namespace": "fireworks-system", "labels": labels("router")}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata}


class Made:
    """A bundle that is right, for a test to spoil."""

    def __init__(self) -> None:
        self.release = copy.deepcopy(RELEASE)
        self.files = dict(FILES)
        self.router = deployment("router", f"envoy@{ROUTER}")
        self.telemetry = deployment("telemetry", f"prometheus@{TELEMETRY}", token=True)
        self.more: list[Rendered] = []
        self.published = ""

    @property
    def router_pods(self) -> dict[str, Any]:
        return dict(self.router["spec"]["template"])

    def problems(self) -> list[str]:
        rendered = [
            Rendered("router", "aws", contract(), [self.router, service()]),
            Rendered("telemetry", "aws", contract(), [self.telemetry]),
            *self.more,
        ]
        published = self.published or bundle_digest(self.files)
        return bundle_problems(Bundle("2026.11.0", self.release, self.files, rendered, published))


def test_one_that_is_right_has_no_problems() -> None:
    assert Made().problems() == []


def put(*path: Any, value: Any) -> Callable[[Made], None]:
    """Spoil the description at a path; None takes it out."""

    def spoil(made: Made) -> None:
        found: Any = made.release
        for key in path[:-1]:
            found = found[key]
        if value is None:
            del found[path[-1]]
        else:
            found[path[-1]] = value

    return spoil


APPLY = ("permissions", "apply")
ACCOUNTS = ("permissions", "accounts")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (put("engines", value=None), "engines: is missing"),
        (put("gates", value=[]), "gates: is not a key of a release"),
        (put("version", value="2026.11.1"), "version: is 2026.11.1, and the folder is 2026.11.0"),
        (put("channel", value=""), "channel: is missing"),
        (put("components", value="router"), "components: is not a list of names, each once"),
        (put("components", value=["router", "router"]), "components: is not a list of names, each once"),
        (put("requires", value={}), "requires.apis: is not a list of API versions"),
        (put("images", value=[]), "images: names none"),
        (put("images", "router", value="r:v1"), "images.router: is not a name and a digest"),
        (put("images", "router", "digest", value="v1"), "images.router.digest: 'v1' is no digest"),
        (put("engines", "vllm", "0.11.0", "digest", value="latest"), "engines.vllm.0.11.0.digest: 'latest' is no"),
        (put("permissions", value={"apply": []}), "permissions: is not `apply` and `accounts`"),
        (put(*APPLY, 0, value={"verbs": []}), "permissions.apply: an entry is not group, namespace, resources, verbs"),
        (put(*APPLY, 0, "namespace", value="default"), "permissions.apply: 'default' is no namespace of ours"),
        (put(*APPLY, 0, "verbs", value=["*"]), "no wildcards"),
        (put(*APPLY, 0, "resources", value=["*"]), "no wildcards"),
    ],
)  # fmt: skip
def test_a_description_that_nothing_can_be_planned_by(spoil: Callable[[Made], None], problem: str) -> None:
    made = Made()
    spoil(made)
    assert [each for each in made.problems() if problem in each], made.problems()


def no_template(made: Made) -> None:
    del made.files["telemetry.yml.j2"]


def template_of_nothing(made: Made) -> None:
    made.files["alerts.yml.j2"] = "0" * 64


def no_notes(made: Made) -> None:
    del made.files["NOTES.md"]


def does_not_render(made: Made) -> None:
    made.more = [Rendered("router", words, contract(), error="'x' is undefined") for words in ("a", "b", "c")]


def renders_to_nothing(made: Made) -> None:
    made.more = [Rendered("alerts", "aws", contract())]


def changed_afterwards(made: Made) -> None:
    made.published = "1" * 64


def no_label(made: Made) -> None:
    del made.router["metadata"]["labels"]["app.kubernetes.io/managed-by"]


def no_release_on_the_pods(made: Made) -> None:
    made.router_pods["metadata"]["labels"]["byoc.fireworks.ai/release"] = "2026.10.0"


def elsewhere(made: Made) -> None:
    made.router["metadata"]["namespace"] = "default"


def settings_by_a_fixed_name(made: Made) -> None:
    ours = {"app.kubernetes.io/managed-by": "fireworks-byoc", "app.kubernetes.io/part-of": "stack"}
    for name in ("telemetry", "telemetry-0123456789"):
        metadata = {
            "name": name,
            "namespace": "fireworks-system",
            "labels": {**ours, "app.kubernetes.io/name": "telemetry"},
        }
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        made.more.append(Rendered("telemetry", "aws", contract(), [settings]))


def by_tag(made: Made) -> None:
    made.router_pods["spec"]["initContainers"] = [{"image": "registry.acme.example/fireworks/busybox:1"}]


def image_of_nobody(made: Made) -> None:
    made.release["images"]["spare"] = {"name": "spare", "digest": ROUTER}


def another_api(made: Made) -> None:
    made.telemetry["apiVersion"] = "apps/v2"


def right_not_declared(made: Made) -> None:
    made.release["permissions"]["apply"][1]["verbs"].remove("delete")


def right_not_used(made: Made) -> None:
    made.release["permissions"]["apply"].append(right("batch", "jobs"))


def right_not_given(made: Made) -> None:
    made.telemetry["kind"] = "DaemonSet"


def account_not_declared(made: Made) -> None:
    made.release["permissions"]["accounts"] = {}


def account_without_pods(made: Made) -> None:
    made.release["permissions"]["accounts"]["router"] = []


def account_of_nobody(made: Made) -> None:
    made.telemetry["spec"]["template"]["spec"].update(serviceAccountName="prom", automountServiceAccountToken=True)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (no_template, "components: telemetry has no template telemetry.yml.j2"),
        (template_of_nothing, "alerts.yml.j2: is the template of no component"),
        (no_notes, "NOTES.md: is missing"),
        (does_not_render, "router.yml.j2: does not render for a, b and 1 more: 'x' is undefined"),
        (renders_to_nothing, "alerts.yml.j2: renders to nothing for every contract"),
        (changed_afterwards, "111111111111… was published; a release that was published never changes"),
        (no_label, "router: Deployment router lacks the label app.kubernetes.io/managed-by: fireworks-byoc"),
        (no_release_on_the_pods, "lacks the label byoc.fireworks.ai/release: 2026.11.0, on its pods"),
        (elsewhere, "is in namespace default, not in fireworks-system"),
        (
            settings_by_a_fixed_name,
            "telemetry: ConfigMap telemetry is not named telemetry-<the first ten digits of a digest",
        ),
        (by_tag, "runs registry.acme.example/fireworks/busybox:1, which the release does not name by digest"),
        (image_of_nobody, "images.spare: nothing runs it"),
        (another_api, "requires.apis: apps/v2 is used, and not named"),
        (
            put("requires", "apis", value=["apps/v1", "v1", "batch/v1"]),
            "requires.apis: batch/v1 is named, and not used",
        ),
        (
            right_not_declared,
            "permissions.apply: delete deployments.apps in fireworks-system is used, and not declared",
        ),
        (right_not_used, "watch jobs.batch in fireworks-system is declared, and not used"),
        (
            right_not_given,
            "identities: the upgrader may not create, delete, get, list, patch, watch daemonsets.apps in",
        ),
        (
            account_not_declared,
            "permissions.accounts.telemetry: get, list, watch pods in fireworks-models is used, and not",
        ),
        (account_without_pods, "permissions.accounts.router: no pod works as it"),
        (account_of_nobody, "identities: there is no account prom"),
    ],
)
def test_a_bundle_that_is_not_whole(spoil: Callable[[Made], None], problem: str) -> None:
    made = Made()
    spoil(made)
    assert [each for each in made.problems() if problem in each], made.problems()


def test_all_is_said_at_once() -> None:
    made = Made()
    for spoil in (no_template, no_label, right_not_used):
        spoil(made)
    assert len(made.problems()) == 3


def test_a_release_without_a_digest_is_told_which_it_would_be() -> None:
    bundle = Bundle("2026.11.0", RELEASE, FILES)
    assert f"2026.11.0: {bundle.digest}" in bundle_problems(bundle)[-1]


@pytest.mark.parametrize(
    ("sources", "channels", "problems"),
    [
        ({"1.1.0": [], "1.2.0": ["1.1.0"], "1.10.0": ["1.2.0"]}, {"stable": "1.10.0"}, []),
        ({"1.1.0": [], "1.2.0": ["1.0.0"]}, {}, ["names 1.0.0, and there is no", "no upgrades lead from 1.1.0"]),
        ({"1.1.0": [], "1.2.0": ["1.3.0"], "1.3.0": ["1.1.0"]}, {}, ["1.3.0, which is not older"]),
        ({"1.1.0": [], "1.2.0": []}, {}, ["1.2.0: no cluster can come to it: upgrades_from is empty"]),
        ({"1.1.0": []}, {"stable": "1.2.0"}, ["channels.yml: stable is 1.2.0, and there is no such release"]),
    ],
)  # fmt: skip
def test_the_releases_among_each_other(sources: Any, channels: Any, problems: list[str]) -> None:
    found = lineage_problems({version: {"upgrades_from": each} for version, each in sources.items()}, channels)
    assert len(found) >= len(problems)
    assert [part for part in problems if not any(part in each for each in found)] == []
    assert bool(found) == bool(problems)


@pytest.mark.parametrize(
    ("kind", "resource"),
    [("Service", "services"), ("Ingress", "ingresses"), ("NetworkPolicy", "networkpolicies")],
)
def test_the_resource_of_a_kind(kind: str, resource: str) -> None:
    assert plural(kind) == resource


def test_the_contracts_that_it_is_rendered_for_reach_every_branch() -> None:
    made = dict(variants())
    assert {each["identity"]["provider"] for each in made.values()} >= {"openshift", "aws"}
    assert {each["access"]["mode"] for each in made.values()} == {"standard", "hardened"}
    for told in (
        [each for each in made.values() if each["health"]],
        [each for each in made.values() if "alerts" in each],
    ):
        assert len(told) * 3 == len(made)


def test_what_is_asked_of_whoever_brings_it() -> None:
    asked = release_questions(RELEASE)
    assert {(each["resource"], each["group"], each["namespace"]) for each in asked} == {
        ("configmaps", "", "fireworks-system"),
        ("services", "", "fireworks-system"),
        ("deployments", "apps", "fireworks-system"),
    }
    assert len(asked) == 3 * len(VERBS)
    assert release_questions({}) == []


PUBLISHED = yaml.safe_load((RELEASES / "digests.yml").read_text())


@pytest.mark.parametrize("version", sorted(path.parent.name for path in RELEASES.glob("*/release.yml")))
def test_a_release_that_was_published_never_changes(version: str) -> None:
    files = file_hashes(RELEASES / version)
    assert bundle_digest(files) == PUBLISHED[version]
    assert description_problems(yaml.safe_load((RELEASES / version / "release.yml").read_text()), version) == []


def test_the_releases_that_there_are_form_a_path() -> None:
    releases = {path.parent.name: yaml.safe_load(path.read_text()) for path in RELEASES.glob("*/release.yml")}
    assert lineage_problems(releases, yaml.safe_load((RELEASES / "channels.yml").read_text())) == []
    assert set(PUBLISHED) == set(releases)
