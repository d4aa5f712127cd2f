# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo on clusters of its own."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from byoc_testbed import ApiError, Cluster, Testbed, TestbedError
from demo.aside import Aside
from demo.contracts import LLAMA, write_fleet
from demo.customers import ACME, BIRCH, CEDAR, clusters, contracts, make_gateway
from demo.playbook import ROOT, run_playbook
from demo.reality import Reality, found
from demo.waking import Waking
from tests.tools import environments

_PROMISED = {ACME: "done", BIRCH: "done", CEDAR: "refused"}
_ONBOARDING_SECONDS, _STATUS_SECONDS = 600.0, 120.0
_KEDA_SECONDS = 90.0
_CLIENT_SECONDS = 60.0


def main() -> int:
    """Start, onboard, show the fleet, ask a model a question where one answers, and remove everything again."""
    started = time.monotonic()
    reality = found()
    _say("Three customers' clusters are starting, a real Kubernetes each.")
    for line in reality.told(ACME, f"{BIRCH} and {CEDAR}"):
        print(f"  {line}", flush=True)
    client = Aside(environments.openai().ensure) if reality.answers else None
    bed, reality = _started(reality)
    with bed, tempfile.TemporaryDirectory(prefix="byoc-demo-") as scratch:
        scaler = _installing_keda(bed) if reality.scales else None
        make_gateway(bed[BIRCH])
        inventory = _inventory(Path(scratch), bed, reality)
        _say(f"They are up after {time.monotonic() - started:.0f} s. Onboarding all of them:")
        problems = _onboarded(bed, inventory)
        if not problems:
            _say(f"{ACME} and {BIRCH} serve; {CEDAR} was refused before anything was written. {_took(started)}")
        again = ""
        if reality.answers and not problems:
            waking = Waking(bed[ACME], _no_scaler(reality, scaler))
            problems, again = _asked(waking, inventory, client), waking.again()
        else:
            problems += _fleet(inventory)
        if not reality.answers:
            _say(f"No model is asked a question, since nothing answers here: {reality.no_nodes}.")
        for problem in problems:
            _say(f"Unexpected: {problem}")
        kept = os.environ.get("BYOC_DEMO_KEEP") == "1"
        _next(inventory, kept, again)
        if kept:
            _keep()
    _say(f"Everything is stopped and removed. {_took(started)}")
    return 1 if problems else 0


def _started(reality: Reality) -> tuple[Testbed, Reality]:
    """The clusters; where real nodes do not start although nothing seems to be missing, with simulated ones."""
    try:
        return Testbed.start(clusters(reality)), reality
    except TestbedError as error:
        if not reality.answers:
            raise
        why = str(error).partition("\n")[0]
        _say(f"The clusters do not start with real nodes, so all nodes are simulated: {why}")
        simulated = Reality(why, "")
        return Testbed.start(clusters(simulated)), simulated


def _onboarded(bed: Testbed, inventory: Path) -> list[str]:
    """Onboard all; gives what the demo did not promise."""
    file = inventory.with_name("result.json")
    options = ("-e", "clusters=byoc", "-e", f"result_file={file}")
    run_playbook("onboard", inventory, *options, seconds=_ONBOARDING_SECONDS)
    return [*_not_as_promised(file), *_problems(bed)]


def _fleet(inventory: Path) -> list[str]:
    """Show the fleet; gives what was wrong with that."""
    _say("The fleet:")
    looked = run_playbook("status", inventory, seconds=_STATUS_SECONDS)
    return [f"the status ended with {looked}"] if looked else []


def _not_as_promised(file: Path) -> list[str]:
    """What the onboarding itself says of each cluster, where that is something else."""
    if not file.exists():
        return ["the onboarding left no result"]
    said = {one["cluster"]: one["result"] for one in json.loads(file.read_text(encoding="utf-8"))["clusters"]}
    return [
        f"onboarding {name} is {said.get(name)}, not {wanted}"
        for name, wanted in _PROMISED.items()
        if said.get(name) != wanted
    ]


def _installing_keda(bed: Testbed) -> Aside:
    """As the customer does, beside the onboarding."""
    from demo import keda

    return Aside(lambda: keda.install(bed[ACME], _KEDA_SECONDS))


def _inventory(folder: Path, bed: Testbed, reality: Reality) -> Path:
    """The fleet's. Simulated pods answer no requests, so none is sent to them, and validation reports that."""
    source = write_fleet(folder, contracts(bed, reality))
    variables = folder / "host_vars"
    variables.mkdir()
    for name in (BIRCH, CEDAR) if reality.answers else (ACME, BIRCH, CEDAR):
        (variables / f"{name}.yml").write_text("validate_http_request: false\n", encoding="utf-8")
    return source


def _no_scaler(reality: Reality, scaler: Aside | None) -> str:
    """Why nobody scales acme's model; empty where KEDA does."""
    if scaler is None:
        return f"KEDA and Prometheus are {reality.no_scaler}"
    return scaler.problem(_KEDA_SECONDS)


def _asked(waking: Waking, inventory: Path, client: Aside | None) -> list[str]:
    """What went wrong when a model was asked. While it wakes, the fleet is shown."""
    _say("A question for a model that sleeps, through the front door (the router's Service, from a node's network):")
    problems: list[str] = []
    try:
        waking.ask()
        problems += _fleet(inventory)
        _say("The question once more, when the model has woken:")
        waking.answer(client.problem(_CLIENT_SECONDS) if client else "")
    except TestbedError as error:
        problems.append(str(error))
    return problems


def _problems(bed: Testbed) -> list[str]:
    """Deviations from what the demo promises, read from the clusters."""
    found = []
    for name in (ACME, BIRCH):
        model = _get(bed[name], f"/apis/apps/v1/namespaces/fireworks-models/deployments/{LLAMA['name']}")
        ready = (model or {}).get("status", {}).get("readyReplicas", 0)
        if ready != 2:
            found.append(f"{name} has {ready} of 2 replicas of {LLAMA['name']} ready")
    if _get(bed[CEDAR], "/api/v1/namespaces/fireworks-system"):
        found.append(f"{CEDAR} was refused but written to")
    return found


def _get(cluster: Cluster, path: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cluster.request("GET", path)
    except ApiError as error:
        if error.status != 404:
            raise
        return None
    return found


def _next(inventory: Path, kept: bool, again: str) -> None:
    if not kept:
        print(
            "\nWhat to try next\n"
            "  BYOC_DEMO_KEEP=1 make demo                keeps the clusters and shows what to try with them\n"
            "  KUBECONFIG=~/my.kubeconfig make demo      the same on your own cluster\n"
            "  README.md                                 onboard a real customer's cluster\n",
            flush=True,
        )
        return
    run, fleet = "ansible-playbook fireworks.byoc", f"-i {inventory}"
    ask = f"  {again}\n      the question once more\n" if again else ""
    print(
        f"""
What to try next, in another terminal

  cd {ROOT} && . .venv/bin/activate
  {run}.onboard {fleet} -e clusters={ACME}
      again: reports that the cluster is unchanged
  {run}.onboard {fleet} -e clusters=customer_acme --check --diff
      after changing context_length in clusters/{ACME}.yml: shows what would change
  {run}.validate {fleet} -e clusters={BIRCH} -e validate_http_request=true
      sends requests to the models, which are simulated there: shows how a failed check names the owner
  {run}.offboard {fleet} -e clusters={ACME} -e confirm=offboard
      removes everything and verifies that nothing is left
{ask}""",
        flush=True,
    )


def _keep() -> None:
    _say("The clusters stay until Ctrl-C.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


def _took(started: float) -> str:
    return f"({time.monotonic() - started:.0f} s)"


def _say(text: str) -> None:
    print(f"\n=== {text}", flush=True)
