# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo on clusters of its own."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from byoc_testbed import ApiError, Cluster, Testbed
from demo.contracts import LLAMA, write_fleet
from demo.customers import ACME, BIRCH, CEDAR, clusters, contracts, make_gateway
from demo.playbook import ROOT, run_playbook

# The testbed's pods are simulated and answer no requests, so none is sent, and validation reports that.
_NO_REQUESTS = ("-e", "validate_http_request=false")
_REFUSED = 2


def main() -> int:
    """Start, onboard, show the fleet, and remove everything again."""
    started = time.monotonic()
    _say("Three customers' clusters are starting: a real Kubernetes each, with simulated nodes.")
    with Testbed.start(clusters()) as bed, tempfile.TemporaryDirectory(prefix="byoc-demo-") as scratch:
        make_gateway(bed[BIRCH])
        inventory = write_fleet(Path(scratch), contracts(bed))
        _say(f"They are up after {time.monotonic() - started:.0f} s. Onboarding all of them:")
        status = run_playbook("onboard", inventory, "-e", "clusters=byoc", *_NO_REQUESTS)
        _say("The fleet:")
        looked = run_playbook("status", inventory)
        problems = _problems(bed, status, looked)
        for problem in problems:
            _say(f"Unexpected: {problem}")
        if not problems:
            _say(f"{ACME} and {BIRCH} serve; {CEDAR} was refused before anything was written. {_took(started)}")
        kept = os.environ.get("BYOC_DEMO_KEEP") == "1"
        _next(inventory, kept)
        if kept:
            _keep()
    _say(f"Everything is stopped and removed. {_took(started)}")
    return 1 if problems else 0


def _problems(bed: Testbed, status: int, looked: int) -> list[str]:
    """Deviations from what the demo promises, read from the clusters."""
    found = []
    if status != _REFUSED:
        found.append(f"onboarding ended with {status}; one refused cluster ends it with {_REFUSED}")
    if looked:
        found.append(f"the status ended with {looked}")
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


def _next(inventory: Path, kept: bool) -> None:
    if not kept:
        print(
            "\nWhat to try next\n"
            "  BYOC_DEMO_KEEP=1 make demo                keeps the clusters and shows what to try with them\n"
            "  KUBECONFIG=~/my.kubeconfig make demo      the same on your own cluster\n"
            "  README.md                                 onboard a real customer's cluster\n",
            flush=True,
        )
        return
    again, fleet = "ansible-playbook fireworks.byoc", f"-i {inventory}"
    print(
        f"""
What to try next, in another terminal

  cd {ROOT} && . .venv/bin/activate
  {again}.onboard {fleet} -e clusters={ACME} -e validate_http_request=false
      again: reports that the cluster is unchanged
  {again}.onboard {fleet} -e clusters=customer_acme --check --diff
      after changing context_length in clusters/{ACME}.yml: shows what would change
  {again}.validate {fleet} -e clusters={ACME}
      sends requests to the models, which are simulated here: shows how a failed check names the owner
  {again}.offboard {fleet} -e clusters={ACME} -e confirm=offboard
      removes everything and verifies that nothing is left
""",
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
