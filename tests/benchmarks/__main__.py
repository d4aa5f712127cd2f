# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench``: what our modules cost beside kubernetes.core and kubectl, measured in one run on the testbed."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from byoc_testbed import ClusterSpec, NodePool, Testbed
from byoc_testbed.kubectl import find_kubectl
from tests.benchmarks import (
    audit_log,
    fleet,
    logs,
    records,
    remediation,
    report,
    sweeping,
    whole_fleet,
    workloads,
)
from tests.benchmarks.admission import run as admission
from tests.benchmarks.measure import BenchmarkError, Figure, Sample, idle_share, in_turns, run_once
from tests.benchmarks.placement import beside, day
from tests.benchmarks.placement import run as placement
from tests.benchmarks.router import prefix
from tests.benchmarks.router import run as router
from tests.integration.ansible_runs import ROOT, ansible_environment
from tests.integration.plays import connection_to

HOSTS, TASKS_EACH = 50, 5
#: Tasks for each host while a run is shown.
TASKS = 10
NODES, PODS = 1500, 4000
MODELS = 50
QUARANTINED = 150
#: Nodes that are drained, their pods, and nodes for the replacements.
DRAINED, DRAINED_PODS, DRAINED_ROOM = 100, 800, 120
#: Hosts of the fleets that are swept. With a task for each only the small one is: the large one takes minutes.
SWEPT, TASK_EACH_AT_MOST = (100, 1000), 100
SETTLE_SECONDS = 180
# The testbed's own rule for so many nodes: with short leases, 1,500 heartbeats keep two cores busy.
LEASE_SECONDS = NODES // 8
LIGHT = ClusterSpec("bench", pools=[], device_plugin=False, lease_seconds=LEASE_SECONDS)


class Bench:
    """One benchmark's folder, cluster and commands."""

    def __init__(self, cluster: Any, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.connection = connection_to(cluster)
        self.kubectl_config = f"--kubeconfig={cluster.kubeconfig}"

    def playbook(self, name: str, tasks: list[dict[str, Any]], hosts: int = 1) -> Callable[[], Sample]:
        """A command that runs a playbook of these tasks."""
        inventory = "".join(f"host-{number}," for number in range(hosts))
        play = {
            "hosts": "all",
            "gather_facts": False,
            "connection": "local",
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "module_defaults": {
                "group/fireworks.byoc.cluster": {"connection": self.connection},
                "group/kubernetes.core.k8s": {"kubeconfig": str(self.cluster.kubeconfig)},
            },
            "tasks": tasks,
        }
        path = self.folder / f"{name}.yml"
        path.write_text(json.dumps([play]))
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        return self.command([program, "-i", inventory, "-f", "5", str(path)])

    def command(self, command: Sequence[str]) -> Callable[[], Sample]:
        environment = ansible_environment(PYTHONDONTWRITEBYTECODE="")
        return lambda: run_once(command, environment, self.folder)


def show(title: str, figures: dict[str, Figure], base: str, ours: str) -> None:
    """A table: seconds, seconds without the empty playbook's, memory, and how often ours fits into it."""
    print(f"\n{title}")
    print(f"  {'':44}{'median s':>9}{'net s':>8}{'min-max':>13}{'peak MiB':>10}{'x ours':>8}")
    for name, figure in figures.items():
        floor = figures[base].seconds if "playbook" in name or "task" in name or "ours" in name else 0.0
        net = f"{figure.seconds - floor:8.2f}" if name != base else f"{'':8}"
        ratio = figure.seconds / figures[ours].seconds
        print(f"  {name:44}{figure.seconds:9.2f}{net}{figure.spread:>13}{figure.peak_mib:10.0f}{ratio:8.1f}")


def fifty_objects(bench: Bench, runs: int) -> None:
    objects = workloads.mixed_objects("bench")
    source = bench.folder / "objects.yaml"
    source.write_text(yaml.safe_dump_all(objects))
    ours = {"fireworks.byoc.apply_set": {"name": "bench", "namespace": "bench", "src": [str(source)]}}
    apply = {"apply": True, "server_side_apply": {"field_manager": "bench"}, "state": "present"}
    one_src = {"kubernetes.core.k8s": {"src": str(source), **apply}}
    a_task_each = {"kubernetes.core.k8s": {"definition": "{{ item }}", **apply}, "loop": objects,
                   "loop_control": {"label": "{{ item.kind }}"}}  # fmt: skip
    commands = {
        "an empty playbook": bench.playbook("empty", []),
        "ours: apply_set playbook": bench.playbook("ours", [ours]),
        "kubernetes.core.k8s, one src, playbook": bench.playbook("src", [one_src]),
        "kubernetes.core.k8s, a task for each": bench.playbook("each", [a_task_each]),
    }
    kubectl = find_kubectl()
    if kubectl:
        arguments = ["apply", "--server-side", "--force-conflicts", "--field-manager=bench", "-f", str(source)]
        commands["kubectl apply --server-side"] = bench.command([kubectl, bench.kubectl_config, *arguments])
    bench.playbook("ours", [ours])()  # now there is nothing to change
    counts = {name: 1 if "each" in name else runs for name in commands}
    figures = in_turns(commands, counts)
    show("50 mixed objects, nothing to change", figures, "an empty playbook", "ours: apply_set playbook")


def filled(bench: Bench) -> None:
    """Nodes and pods on the cluster, which the first part that wants them makes."""
    # In a process of its own: a child's peak memory starts at what its parent holds.
    filler = multiprocessing.get_context("fork").Process(target=_fill, args=(bench.cluster,))
    filler.start()
    filler.join()
    settle()


def _fill(cluster: Any) -> None:
    cluster.api.close()  # what the parent has open is the parent's
    spaces = cluster.request("GET", "/api/v1/namespaces")["items"]
    if any(space["metadata"]["name"] == "load" for space in spaces):
        return
    print(f"\nmaking {NODES} nodes and {PODS} pods …", flush=True)
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "load"}})
    cluster.create_many(workloads.nodes(NODES))
    workloads.until_pods_may_come(cluster, "load", SETTLE_SECONDS)
    cluster.create_many(workloads.pods(PODS, "load", NODES))


def settle() -> None:
    """Wait until the new nodes and pods have been looked at by all controllers: their work would be measured too."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        if idle_share(seconds=5) > 0.8:
            return
    print(f"the testbed is still busy after {SETTLE_SECONDS} s: what follows reads too slow", flush=True)


def large_cluster(bench: Bench, runs: int) -> None:
    filled(bench)
    ours = [{"fireworks.byoc.cluster_info": {}}]
    core = [
        {"kubernetes.core.k8s_info": {"kind": "Node"}, "no_log": True},
        {"kubernetes.core.k8s_info": {"kind": "Pod"}, "no_log": True},
    ]
    commands = {
        "an empty playbook": bench.playbook("empty", []),
        "ours: cluster_info playbook": bench.playbook("info", ours),
        "kubernetes.core.k8s_info twice, playbook": bench.playbook("core_info", core),
    }
    kubectl = find_kubectl()
    if kubectl:
        arguments = ["get", "nodes,pods", "-A", "-o", "json"]
        commands["kubectl get nodes,pods -o json"] = bench.command([kubectl, bench.kubectl_config, *arguments])
    counts = {name: 1 if "core" in name else runs for name in commands}
    figures = in_turns(commands, counts)
    show(f"{NODES} nodes and {PODS} pods read", figures, "an empty playbook", "ours: cluster_info playbook")


def many_hosts(bench: Bench, runs: int) -> None:
    set_of_one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": "default"}}
    ours = [{"fireworks.byoc.apply_set": {"name": "many", "namespace": "default", "definition": [set_of_one]}}]
    theirs = {**set_of_one, "metadata": {"name": "two", "namespace": "default"}}
    core = [{"kubernetes.core.k8s": {"definition": theirs}}]
    commands = {
        "an empty playbook": bench.playbook("empty", []),
        "ours: apply_set of one object, playbook": bench.playbook("ours_many", ours * TASKS_EACH, HOSTS),
        "kubernetes.core.k8s of one object, playbook": bench.playbook("core_many", core * TASKS_EACH, HOSTS),
    }
    figures = in_turns(commands, {name: 1 if "core" in name else runs for name in commands})
    title = f"{HOSTS} hosts x {TASKS_EACH} tasks, one object each, nothing to change"
    show(title, figures, "an empty playbook", "ours: apply_set of one object, playbook")


def fifty_models(bench: Bench, runs: int) -> None:
    for name in ("fireworks-system", "fireworks-models"):
        bench.cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    account = {"metadata": {"name": "engine"}}
    bench.cluster.request("POST", "/api/v1/namespaces/fireworks-models/serviceaccounts", account)
    for word in ("critical", "standard", "batch"):
        priority = {"metadata": {"name": f"fireworks-{word}"}, "value": 1}
        bench.cluster.request("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", priority)
    variables = bench.folder / "contract.json"
    variables.write_text(json.dumps({"contract": workloads.contract_of_models(MODELS)}))
    load = {"ansible.builtin.include_vars": {"file": str(variables)}}
    names = "contract.models | map(attribute='name')"
    release = "lookup('fireworks.byoc.stack_release', contract.stack)"
    models = f"(contract | fireworks.byoc.model_changes({names}, {release}, bake=0))"
    ours = {"fireworks.byoc.model_rollout": {"models": "{{ " + models + " }}", "http_request": False}}
    source = bench.folder / "models.json"
    listed = f"{{'apiVersion': 'v1', 'kind': 'List', 'items': {models} | map(attribute='definition') | flatten}}"
    write = {"ansible.builtin.copy": {"dest": str(source), "content": "{{ " + listed + " | to_json }}", "mode": "0600"}}
    bench.playbook("rollout", [load, ours, write])()  # now there is nothing to change
    # A manager of its own: as ours, it would take away the labels by which the set knows its members.
    apply = {"apply": True, "server_side_apply": {"field_manager": "bench"}, "state": "present"}
    one_src = {"kubernetes.core.k8s": {"src": str(source), **apply}}
    a_task_each = {"kubernetes.core.k8s": {"definition": "{{ item.definition }}", **apply},
                   "loop": "{{ " + models + " }}", "loop_control": {"label": "{{ item.name }}"}}  # fmt: skip
    commands = {
        "an empty playbook": bench.playbook("empty", [load]),
        "ours: model_rollout playbook": bench.playbook("again", [load, ours]),
        "kubernetes.core.k8s, one src, playbook": bench.playbook("models_src", [one_src]),
        "kubernetes.core.k8s, a task for each model": bench.playbook("models_each", [load, a_task_each]),
    }
    counts = {name: 1 if "each" in name else runs for name in commands}
    figures = in_turns(commands, counts)
    objects = len(json.loads(source.read_text())["items"])
    title = f"{MODELS} models ({objects} objects), nothing to change"
    show(title, figures, "an empty playbook", "ours: model_rollout playbook")


def planning_a_fleet(bench: Bench, runs: int) -> None:
    """In a process of its own, where no window has been read before."""
    print("", flush=True)
    path = os.pathsep.join([str(ROOT), str(ROOT / ".collections")])
    command = [sys.executable, "-m", "tests.benchmarks.planning"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, check=True)


def large_audit_log(_bench: Bench, _runs: int) -> None:
    print("", flush=True)
    audit_log.main()


def many_records(_bench: Bench, _runs: int) -> None:
    print("", flush=True)
    records.main()


def assess(bench: Bench, runs: int) -> None:
    """Every node judged, beside what only reads the nodes and pods. There are no exporters, which is a finding."""
    filled(bench)
    load = {"ansible.builtin.set_fact": {"contract": workloads.contract_of_models(1)}}
    policy = "{{ lookup('fireworks.byoc.fault_policy', contract.health | default({})) }}"
    ours = {"fireworks.byoc.node_health_info": {"contract": "{{ contract }}", "policy": policy}, "no_log": True}
    commands = {
        "an empty playbook": bench.playbook("empty", [load]),
        "ours: node_health_info playbook": bench.playbook("assess", [load, ours]),
    }
    kubectl = find_kubectl()
    if kubectl:
        arguments = ["get", "nodes,pods", "-A", "-o", "json"]
        commands["kubectl get nodes,pods -o json (judges nothing)"] = bench.command(
            [kubectl, bench.kubectl_config, *arguments]
        )
    figures = in_turns(commands, dict.fromkeys(commands, runs))
    title = f"{NODES} nodes judged, {PODS} pods on them"
    show(title, figures, "an empty playbook", "ours: node_health_info playbook")


def quarantine(bench: Bench, _runs: int) -> None:
    """Each command once, on the same nodes put back in between: it can only be measured while it changes something."""
    filled(bench)
    sick = [f"node-{number:04}" for number in range(QUARANTINED)]
    commands = {
        "an empty playbook": bench.playbook("empty", []),
        "ours: node_remediation playbook": bench.playbook("quarantine", [remediation.quarantine_task(sick)]),
        "kubernetes.core.k8s_drain state=cordon, a call for each": bench.playbook(
            "cordon", [remediation.cordon_task(sick)]
        ),
    }
    kubectl = find_kubectl()
    if kubectl:
        both = remediation.kubectl_quarantine([kubectl, bench.kubectl_config], sick)
        commands["kubectl cordon, then kubectl taint"] = bench.command(["sh", "-c", both])
    figures = {}
    for name, command in commands.items():
        figures[name] = Figure([command()])
        remediation.restored(bench.cluster, sick)
    show(f"{QUARANTINED} of {NODES} nodes quarantined", figures, "an empty playbook", "ours: node_remediation playbook")


def drain(_runs: int) -> None:
    """Pods moved off full nodes to others that are there for them; each command once, the way there and back."""
    with tempfile.TemporaryDirectory() as folder, Testbed.start([LIGHT]) as bed:
        _drain(Bench(bed[LIGHT.name], Path(folder)))


def _drain(bench: Bench) -> None:
    print(f"\nmaking {DRAINED} nodes full of {DRAINED_PODS} pods, and more nodes …", flush=True)
    nodes = list(workloads.nodes(DRAINED + DRAINED_ROOM))
    bench.cluster.create_many(nodes[:DRAINED])
    bench.cluster.create_many(remediation.serving(DRAINED_PODS, 40), threads=1)
    remediation.until_ready(bench.cluster, DRAINED_PODS, SETTLE_SECONDS)
    bench.cluster.create_many(nodes[DRAINED:])
    settle()
    figures = {"an empty playbook": Figure([bench.playbook("empty", [])()])}
    sick = remediation.nodes_with_most(bench.cluster, DRAINED_PODS)
    figures["ours: node_remediation playbook"] = Figure([bench.playbook("ours", [remediation.drain_task(sick)])()])
    remediation.restored(bench.cluster, sick)
    again = remediation.nodes_with_most(bench.cluster, DRAINED_PODS)
    each = bench.playbook("core", [remediation.core_drain_task(again)])
    figures["kubernetes.core.k8s_drain, a call for each (waits for no replacement)"] = Figure([each()])
    remediation.restored(bench.cluster, again)
    kubectl = find_kubectl()
    if kubectl:
        again = remediation.nodes_with_most(bench.cluster, DRAINED_PODS)
        words = ["drain", *again, "--delete-emptydir-data", "--ignore-daemonsets"]
        figures["kubectl drain (waits for no replacement)"] = Figure(
            [bench.command([kubectl, bench.kubectl_config, *words])()]
        )
        remediation.restored(bench.cluster, again)
    title = f"{len(sick)} nodes with {DRAINED_PODS} pods drained"
    show(title, figures, "an empty playbook", "ours: node_remediation playbook")
    net = figures["ours: node_remediation playbook"].seconds - figures["an empty playbook"].seconds
    print(f"  ours: {DRAINED_PODS / net:.0f} pods a second, each with its replacement Ready")


def progress(runs: int) -> None:
    """What it costs to show a run as ``fleet_progress`` does, of the processor's time: it works while others wait."""
    plain = {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
    ours = {"ANSIBLE_STDOUT_CALLBACK": "fireworks.byoc.fleet_progress"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        steps = [{"name": f"Step {number}", "ansible.builtin.set_fact": {"step": number}} for number in range(TASKS)]
        book = fleet.playbook(folder, "steps", steps, hosts="all")
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "-i", "".join(f"host-{number}," for number in range(HOSTS)), "-c", "local", book]

        def play(shown: dict[str, str]) -> Callable[[], Sample]:
            return lambda: run_once(command, ansible_environment(**shown), folder)

        commands = {"default": play(plain), "fleet_progress": play(ours)}
        figures = in_turns(commands, dict.fromkeys(commands, runs))
    print(f"\n{HOSTS} hosts x {TASKS} tasks, by the callback that shows them")
    for name, figure in figures.items():
        ratio = figure.processor / figures["default"].processor
        print(f"  {name:44}{figure.processor:9.2f} s of processor time{figure.seconds:9.2f} s{ratio:8.2f} x default")


def sweep(runs: int) -> None:
    """A fleet's hosts share a few API servers: two cores do not hold a hundred."""
    for hosts in SWEPT:
        with tempfile.TemporaryDirectory() as name, Testbed.start(sweeping.specs()) as bed:
            folder = Path(name)
            inventory = fleet.inventory(
                folder, [bed[spec.name] for spec in sweeping.specs()], hosts, health=sweeping.HEALTH
            )
            settle()

            def play(book: str, folder: Path = folder, inventory: Path = inventory) -> Callable[[], Sample]:
                program = str(Path(sys.executable).with_name("ansible-playbook"))
                environment = ansible_environment(PYTHONDONTWRITEBYTECODE="", ANSIBLE_FORKS="5")
                return lambda: run_once([program, "-i", str(inventory), book], environment, folder)

            commands = {
                "an empty playbook, the inventory read": play(fleet.playbook(folder, "nothing", [])),
                "ours: health, one task for the fleet": play("fireworks.byoc.health"),
                "an empty task for each host": play(fleet.playbook(folder, "empty_task", fleet.EMPTY_TASK)),
            }
            if hosts <= TASK_EACH_AT_MOST:
                commands["health, a task for each host"] = play(sweeping.task_each(folder))
            figures = in_turns(commands, dict.fromkeys(commands, runs if hosts <= TASK_EACH_AT_MOST else 1))
        title = f"{hosts} hosts on {sweeping.SERVERS} API servers, two GPU nodes each, swept by health"
        show(title, figures, *list(commands)[:2])


PARTS = {
    "assess": assess,
    "fifty_models": fifty_models,
    "fifty_objects": fifty_objects,
    "large_audit_log": large_audit_log,
    "large_cluster": large_cluster,
    "many_hosts": many_hosts,
    "many_records": many_records,
    "planning_a_fleet": planning_a_fleet,
    "quarantine": quarantine,
}
#: These have clusters of their own, or none, and the machine for themselves.
ALONE = {
    "admission": admission.main,
    "consolidators": beside.main,
    "day_of_load": day.main,
    "drain": drain,
    "logs": logs.run,
    "placement": placement.main,
    "prefix": prefix.main,
    "progress": progress,
    "report": report.run,
    "router": router.main,
    "sweep": sweep,
    "whole_fleet": whole_fleet.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, *ALONE, []], help="which benchmarks; all of them when not given"
    )
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each command (the slowest run once)")
    options = parser.parse_args()
    parts = options.parts or [*PARTS, *ALONE]
    with_gpus = ClusterSpec("models", pools=[NodePool("h100", count=-(-MODELS // 8))], device_plugin=False)
    try:
        for part, alone in ALONE.items():
            if part in parts:
                alone(options.runs)
        parts = [part for part in parts if part not in ALONE]
        if not parts:
            return 0
        specs = [*([with_gpus] if "fifty_models" in parts else []), *([LIGHT] if parts != ["fifty_models"] else [])]
        with tempfile.TemporaryDirectory() as folder, Testbed.start(specs) as bed:
            for part in parts:
                cluster = bed["models" if part == "fifty_models" else "bench"]
                PARTS[part](Bench(cluster, Path(folder)), options.runs)
    except BenchmarkError as error:
        print(f"make bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
