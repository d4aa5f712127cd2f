# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a fault in a DCGM exporter to a node without traffic: a real Prometheus, Alertmanager and ansible-rulebook.

What each stage took is printed and written to build/event-path.md. No figure is asserted: the machine is shared.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.ansible_runs import ROOT
from tests.integration.event_chain import Chain, alerts, chain, moment
from tests.integration.exporting import Exporter, exporters
from tests.integration.guarded import until
from tests.integration.journey import agreed, play
from tests.integration.remediating import NODE, OTHER, SPACE, TAINT, node, restore, said
from tests.tools import monitoring
from tests.tools.environments import SetupError, events

SPACES = (SPACE, "fireworks-system")
MODEL = "llama-3-1-8b"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{SPACE}/endpointslices"
WELL = {
    "DCGM_FI_DEV_GPU_TEMP": "gauge GPU temperature (in C).",
    "DCGM_FI_DEV_GPU_RECOVERY_ACTION": "gauge What the driver asks for to recover the GPU (driver r570 or newer).",
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": "counter Total number of double-bit volatile ECC errors.",
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": "gauge Whether remapping of rows has failed.",
    "DCGM_FI_DEV_ROW_REMAP_PENDING": "gauge Whether remapping of rows is pending.",
    "DCGM_EXP_XID_ERRORS_COUNT": "gauge Count of XID Errors within user-specified time window (see window_size_in_ms).",
}
GPUS = 8
LOOKED = "Reset the results of this run"


def metrics(host: str, sick: str = "") -> str:
    """What dcgm-exporter 4 answers for a node of eight GPUs; ``sick`` is a metric that is 1 on the third of them."""
    lines = []
    for name, (kind, _blank, text) in ((name, told.partition(" ")) for name, told in WELL.items()):
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        for index in range(GPUS):
            more = ',window_size_in_ms="300000",xid="0"' if name.startswith("DCGM_EXP_XID") else ""
            labels = (
                f'gpu="{index}",UUID="GPU-{index}f027ee8-6e1e-2b8c-0108-{host.encode().hex():>012}",'
                f'pci_bus_id="00000000:{index:X}F:00.0",device="nvidia{index}",modelName="NVIDIA H100 80GB HBM3",'
                f'Hostname="{host}",DCGM_FI_DRIVER_VERSION="570.133.20"{more}'
            )
            value = 41 if name.endswith("TEMP") else int(name == sick and index == 2)
            lines.append(f"{name}{{{labels}}} {value}")
    return "\n".join(lines) + "\n"


def contract(cluster: Any) -> dict[str, Any]:
    made = agreed(cluster)
    made["actions"] = {"cordon": "auto", "drain": "auto", "gpu_reset": "approve"}
    made["health"] = {"sources": {"node_problem_detector": False}}
    [model] = made["models"]
    model["replicas"] = {"min": 1, "max": 2}
    return made


@pytest.fixture(scope="module")
def programs() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in ("prometheus", "alertmanager"):
        if (command := monitoring.command(name)) is None:
            pytest.skip(monitoring.lacking(name))
        found[name] = command
    try:
        events().ensure()
    except SetupError as error:
        pytest.skip(f"ansible-rulebook cannot be installed here: {error}")
    return found


@pytest.fixture(scope="module")
def serving(bed: Any) -> Iterator[Any]:
    """A cluster where a model has a replica on each node, behind its service."""
    it = bed["birch"]
    before = {name: node(it, name) for name in (NODE, OTHER)}
    for space in SPACES:
        it.request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    marks = {"byoc.fireworks.ai/model": MODEL}
    apart = {"labelSelector": {"matchLabels": marks}, "topologyKey": "kubernetes.io/hostname"}
    container = {"name": "engine", "image": "engine:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    pod = {
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": apart}]
            }
        },
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "containers": [container],
    }
    spec = {"replicas": 2, "selector": {"matchLabels": marks}, "template": {"metadata": {"labels": marks}, "spec": pod}}
    ports = [{"port": 80, "targetPort": 8000}]
    for made in (
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": MODEL}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": MODEL},
            "spec": {"selector": marks, "ports": ports},
        },
    ):
        made["metadata"]["namespace"] = SPACE
        it.api.create(made)
    until(lambda: sorted(takers(it)) == [NODE, OTHER], "there is not one replica with traffic on each node")
    yield it
    it.remove_namespaces(*SPACES)
    for name, was in before.items():
        restore(it, name, was)


@pytest.fixture(scope="module")
def reporting(serving: Any) -> Iterator[dict[str, Exporter]]:
    with exporters(serving, {name: metrics(name) for name in (NODE, OTHER)}) as made:
        yield made


@pytest.fixture(scope="module")
def inventory(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the inventory's source, which ansible-rulebook copies for each run."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "contracts").mkdir()
    (folder / "inventory").mkdir()
    made = contract(serving)
    (folder / "contracts" / "birch.yml").write_text(yaml.safe_dump(made))
    source = {
        "plugin": "fireworks.byoc.fleet",
        "contracts": str(folder / "contracts"),
        "credential_roots": {
            made["identity"]["customer"]: {
                "contracts": ["birch.yml"],
                "directories": [str(serving.kubeconfig.parent)],
            },
        },
    }
    (folder / "inventory" / "fleet.byoc.yml").write_text(yaml.safe_dump(source))
    return folder / "inventory"


@pytest.fixture(scope="module")
def path(
    serving: Any,
    reporting: dict[str, Exporter],
    inventory: Path,
    programs: dict[str, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Chain]:
    targets = [one.port for one in reporting.values()]
    folder = tmp_path_factory.mktemp("chain")
    with chain(folder, inventory, f"{serving.name}-eu-1", targets, programs, events()) as made:
        yield made


def takers(cluster: Any) -> list[str]:
    """The nodes of the pods that the model's service sends requests to."""
    slices = cluster.request("GET", f"{SLICES}?labelSelector=kubernetes.io%2Fservice-name%3D{MODEL}")["items"]
    return [
        point["nodeName"] for one in slices for point in one.get("endpoints") or () if point["conditions"].get("ready")
    ]


def log(made: Chain) -> str:
    """What ansible-rulebook and its playbooks said, on one line."""
    return " ".join(made.log("rulebook").split())


def test_there_is_an_alertmanager_where_the_contract_names_a_receiver_and_it_never_holds_its_token(
    serving: Any,
) -> None:
    assert alerts({"health": {}}) == []
    events = {"url": "https://events.byoc.example/alerts", "token_secret": {"name": "byoc-events", "key": "token"}}
    made = alerts({"health": {"events": events}})
    assert [one["kind"] for one in made] == ["ConfigMap", "Deployment", "Service"]
    for one in made:
        serving.request("POST", f"{serving.api.collection(one)}?dryRun=All&fieldValidation=Strict", one)
    pod = made[1]["spec"]["template"]["spec"]
    assert {"name": "secret-1", "secret": {"secretName": "byoc-events", "defaultMode": 0o440}} in pod["volumes"]


@pytest.mark.soak
def test_what_is_posted_chooses_when_a_node_is_looked_at_and_nothing_else(
    path: Chain, serving: Any, tmp_path: Path
) -> None:
    alert = {"status": "firing", "labels": {"remediate": "true", "cluster": "birch-eu-1", "node": OTHER}}

    def posted(**labels: str) -> dict[str, Any]:
        return {"alerts": [{**alert, "labels": {**alert["labels"], **labels}}]}

    assert path.post(posted(), token="another") == 401
    assert path.post_signed({"cluster": "birch-eu-1", "node": OTHER}, secret="another") == 401
    marker = tmp_path / "evaluated"
    lookup = f"{{{{ lookup('pipe', 'touch {marker}') }}}}"
    for refused in (
        {"alerts": [{**alert, "status": "resolved"}]},
        posted(node=lookup),
        posted(cluster=lookup),
        posted(cluster="byoc:!other"),
        posted(cluster="byoc"),
        posted(node="../../etc"),
        posted(remediate="false"),
        {"alerts": "none", "cluster": "birch-eu-1", "node": OTHER},
        {"meta": {"hosts": "all"}},
        ["no object"],
    ):
        assert path.post(refused) == 200
    # A name of another group, a cluster and a node that nobody has: each is a run that ends without a change.
    assert path.post(posted(cluster="web")) == 200
    assert path.post(posted(cluster="elsewhere-eu-1")) == 200
    assert path.post_signed({"cluster": "birch-eu-1", "node": "no-such-node", "more": lookup}) == 200
    # And one that is forged: the node is well, and stays in service.
    assert path.post(posted()) == 200
    assert path.post(posted()) == 200  # it is the same
    says = (
        "the inventory has no cluster of the name web;",
        "the inventory has no cluster of the name elsewhere-eu-1;",
        "birch-eu-1: there is no GPU node of the name no-such-node",
    )
    for text in says:
        until(lambda text=text: text in log(path), f"nobody said: {text}", 180)
    until(lambda: LOOKED in log(path), "the node was not looked at", 180)
    time.sleep(2)
    assert log(path).count(LOOKED) == 1
    assert not marker.exists()
    assert said(serving, OTHER) == {} and not node(serving, OTHER)["spec"].get("unschedulable")
    assert sorted(takers(serving)) == [NODE, OTHER]


@pytest.mark.soak
def test_a_fault_in_an_exporter_takes_the_nodes_traffic_away(
    path: Chain, serving: Any, reporting: dict[str, Exporter]
) -> None:
    before, plays = path.log("rulebook"), path.log("rulebook").count("PLAY [Check the request]")
    posts = before.count("received_at")
    seen: dict[str, float] = {"the fault is in the exporter": time.time()}
    begun = seen["the fault is in the exporter"]
    reporting[NODE].text = metrics(NODE, "DCGM_FI_DEV_GPU_RECOVERY_ACTION")
    observed = {
        "the playbook began": lambda: path.log("rulebook").count("PLAY [Check the request]") > plays,
        "the node is tainted and cordoned": lambda: out_of_service(serving),
        "no pod of it takes requests": lambda: NODE not in takers(serving),
    }
    while missing := [name for name in observed if name not in seen]:
        assert time.time() < begun + 240, f"not {missing[0]}: {path.log('rulebook')[-4000:]}"
        seen |= {name: time.time() for name in missing if observed[name]()}
        time.sleep(0.05)
    seen["Prometheus scraped it"] = min(at for at in reporting[NODE].asked if at >= begun)
    fired = path.get("prometheus", "/api/v1/alerts")["data"]["alerts"]
    [alert] = [each for each in fired if each["labels"]["alertname"] != "Watchdog"]
    assert alert["labels"]["alertname"] == "GpuAsksForRecovery" and alert["labels"]["node"] == NODE
    seen["its rule fired"] = moment(alert["activeAt"])
    received = re.findall(r"'received_at': '([^']+)'", path.log("rulebook"))[posts:]
    seen["the rulebook received it"] = moment(received[0])
    until(lambda: sorted(takers(serving)) == [OTHER, OTHER], "the replica did not come up elsewhere", 120)
    seen["its replacement takes requests"] = time.time()
    assert said(serving)["state"] in ("drained", "repairing", "quarantined")
    write(seen)


def out_of_service(cluster: Any) -> bool:
    spec = node(cluster)["spec"]
    return bool(spec.get("unschedulable")) and TAINT in [taint["key"] for taint in spec.get("taints") or ()]


def write(seen: dict[str, float]) -> None:
    """The stages with their moments, on the screen and in build/event-path.md."""
    begun, last = min(seen.values()), min(seen.values())
    lines = ["| stage | at (UTC) | s since the fault | s of it |", "|---|---|---|---|"]
    for name, at in sorted(seen.items(), key=lambda one: one[1]):
        clock = time.strftime("%H:%M:%S", time.gmtime(at)) + f"{at % 1:.2f}"[1:]
        lines.append(f"| {name} | {clock} | {at - begun:.1f} | {at - last:.1f} |")
        last = at
    text = "\n".join(lines) + "\n"
    print("\n" + text)
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "event-path.md").write_text(text)


@pytest.mark.soak
def test_the_playbook_by_hand_is_as_strict(serving: Any, tmp_path: Path) -> None:
    """``fireworks.byoc.remediate_node``."""
    named = ("-e", "cluster=birch-eu-1", "-e", f"node={OTHER}")
    checked = play("remediate_node", tmp_path, [contract(serving)], "--check", *named, clusters="")
    assert checked.returncode == 0, checked.stdout
    for wrong, says in (
        ((), "no node is named"),
        (("-e", "cluster=*", "-e", f"node={OTHER}"), "the inventory has no cluster of the name *"),
        (("-e", "cluster=birch-eu-1", "-e", "node=h100-9"), "there is no GPU node of the name h100-9"),
    ):
        refused = play("remediate_node", tmp_path, [contract(serving)], *wrong, clusters="")
        assert refused.returncode == 2 and says in " ".join(refused.stdout.split()), refused.stdout
