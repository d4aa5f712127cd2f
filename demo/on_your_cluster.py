# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo on the user's own cluster, selected by KUBECONFIG, and only after a second confirmation."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.cluster_info import OPERATION
from demo.contracts import QWEN, Contract, contract, write_fleet
from demo.playbook import run_playbook

NAME = "yours-here-1"
_IMAGES = "roles/stack/files/releases/2026.11.0/release.yml"
_TIMEOUTS = ("-e", "stack_wait_timeout=300", "-e", "model_wait_timeout=1200")


def main(kubeconfig: str) -> int:
    """Show which cluster it is, and onboard it if the user has agreed."""
    path = Path(kubeconfig).expanduser()
    if os.pathsep in kubeconfig or not path.is_file():
        return _stop(f"KUBECONFIG is {kubeconfig!r}: the demo needs one existing file")
    described = describe(path)
    facts = read_facts(path)
    if facts.get("failed"):
        return _stop(str(facts["msg"]))
    cluster = facts["facts"]
    print(
        f"\nKUBECONFIG is set, so the demo uses your cluster instead of the testbed:\n"
        f"  context  {described['context']}\n  server   {described['server']}\n  UID      {cluster['uid']}\n"
        f"  GPUs     {_gpus(cluster) or 'none'}\n"
    )
    made = contract_for(path, cluster, os.environ.get("BYOC_DEMO_REGISTRY", ""))
    if isinstance(made, str):
        return _stop(made)
    if os.environ.get("BYOC_DEMO_YES") != "1":
        return _stop(
            "it would install the serving stack there, serve one small model, and remove everything again. "
            "If that is what you want: BYOC_DEMO_YES=1 make demo"
        )
    return _onboard(made)


def _onboard(made: Contract) -> int:
    with tempfile.TemporaryDirectory(prefix="byoc-demo-") as scratch:
        inventory = write_fleet(Path(scratch), [made])
        try:
            status = run_playbook("onboard", inventory, "-e", f"clusters={NAME}", *_TIMEOUTS)
            run_playbook("status", inventory)
        finally:
            if os.environ.get("BYOC_DEMO_KEEP") != "1":
                run_playbook("offboard", inventory, "-e", f"clusters={NAME}", "-e", "confirm=offboard")
    return status


def describe(path: Path) -> dict[str, str]:
    """The current context of a kubeconfig, and the server that it leads to."""
    config = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    name = str(config.get("current-context", ""))
    contexts = {str(each["name"]): each["context"] for each in config.get("contexts") or ()}
    clusters = {str(each["name"]): each["cluster"] for each in config.get("clusters") or ()}
    cluster = clusters.get(str((contexts.get(name) or {}).get("cluster")), {})
    return {"context": name or "none", "server": str(cluster.get("server", "unknown"))}


def read_facts(path: Path) -> dict[str, Any]:
    """The facts of the module cluster_info; read-only."""
    arguments = {"connection": {"cluster_name": NAME, "kubeconfig_file": str(path.resolve())}}
    checked = ArgumentSpecValidator(dict(OPERATION.argument_spec)).validate(arguments)
    context = Context(check_mode=True, diff_mode=False, warn=print)
    return OPERATION.attempt(checked.validated_parameters, context)


def contract_for(path: Path, facts: dict[str, Any], registry: str) -> Contract | str:
    """A contract for the GPUs of the cluster, or why there can be none."""
    products = {name: gpus for name, gpus in facts["gpus"]["products"].items() if gpus["free"] and name != "unlabelled"}
    if not products:
        return (
            "it has no free GPU. The demo serves a model, and needs a node with "
            "nvidia.com/gpu and the label nvidia.com/gpu.product (the NVIDIA GPU operator sets both)"
        )
    if not registry:
        return (
            f"it pulls images from your registry. Mirror those of {_IMAGES} there (each names its "
            "source), and set BYOC_DEMO_REGISTRY=registry.example/fireworks"
        )
    made = contract(
        NAME,
        uid=facts["uid"],
        kubeconfig=path.resolve(),
        provider="openshift" if facts["platform"] == "openshift" else "other",
        region="here",
        gpus={name: gpus["allocatable"] for name, gpus in products.items()},
        model=QWEN,
        replicas=1,
    )
    made["compliance"] = {"registries": [registry], "egress": ["0.0.0.0/0"]}
    return made


def _gpus(facts: dict[str, Any]) -> str:
    products = facts["gpus"]["products"].items()
    return ", ".join(f"{gpus['allocatable']} {name} ({gpus['free']} free)" for name, gpus in products)


def _stop(why: str) -> int:
    print(f"The demo cannot start: {why}.")
    return 1
