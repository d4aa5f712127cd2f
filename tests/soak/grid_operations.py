# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations of the grid: from which state to which each goes, and how to see whether what it says is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.guarded import until
from tests.integration.journey import NO_BAKE, NO_REQUESTS
from tests.integration.plays import token_in
from tests.integration.remediating import NODE, OTHER, PODS, finding, node, restore, said
from tests.integration.test_setup_access import who
from tests.integration.upgrades import NEW, NO_SOAK, OLD, QUICK, REQUESTED_BY, publish
from tests.soak.grid import BARE, ONBOARDED, SHORTENED, UPGRADED, Operation, Run, World, until_settled

#: A lock that a run could not release holds up the next one for so long.
SHORT_LOCK = ("-e", "lock_duration=10")
_SHORT_CONTEXT = {"context_length": 16384}


def _upgrade(world: World) -> tuple[str, ...]:
    releases = world.folder / "releases"
    if not releases.exists():
        publish(world.folder)
    asked = ("-e", f"release={NEW}", "-e", f"releases={releases}", "-e", "retry=true")
    return (*asked, *REQUESTED_BY, *QUICK, *NO_SOAK)


# --- a drain ---------------------------------------------------------------------------------------------------------


def _pods_on_the_node(world: World) -> list[str]:
    pods = world.cluster.request("GET", PODS)["items"]
    return [pod["metadata"]["name"] for pod in pods if pod["spec"].get("nodeName") == NODE]


def _sicken(world: World) -> None:
    """A model's pod is on the node, which is about to be found sick."""
    world.memory.setdefault("nodes", {name: node(world.cluster, name) for name in (NODE, OTHER)})
    if not _pods_on_the_node(world):
        pod = world.cluster.request("GET", PODS)["items"][0]["metadata"]["name"]
        world.cluster.request("DELETE", f"{PODS}/{pod}")
        until(lambda: bool(_pods_on_the_node(world)), "no pod came to the node", 30)
    until_settled(world.cluster)


def _cure(world: World) -> None:
    for name, before in world.memory["nodes"].items():
        restore(world.cluster, name, before)
    until_settled(world.cluster)


def _found(world: World) -> tuple[str, ...]:
    file = world.folder / "findings.json"
    if not world.memory.get("found"):
        world.memory["found"] = finding()
    file.write_text(json.dumps({"remediate_findings": [finding()]}))
    return ("-e", f"@{file}", *REQUESTED_BY, *SHORT_LOCK)


def _not_drained(world: World, _done: Run) -> list[str]:
    """What keeps its repair from being requested rightly."""
    state, left = said(world.cluster).get("state"), _pods_on_the_node(world)
    found = [f"the node is {state}, not repairing"] * (state != "repairing")
    return found + [f"its repair is requested with {', '.join(left)} on it"] * bool(left)


def _repair_requested(done: Run) -> bool:
    """Whether the run hands the node over for its reboot."""
    steps = done.stdout.partition("Next steps")[2]
    rows = [row.split() for row in steps.splitlines() if row.startswith(f"{NODE} ")]
    return any(row[1:3] == ["repair", "reboot"] for row in rows)


# --- credentials -----------------------------------------------------------------------------------------------------


def _rotation(world: World) -> tuple[str, ...]:
    return ("-e", f"credentials_dir={world.folder / 'credentials'}", "-e", "credentials_renew_below=1.0")


def _remember_tokens(world: World) -> None:
    world.memory["tokens"] = {path: token_in(path) for path in _files(world)}


def _files(world: World) -> list[Path]:
    return sorted((world.folder / "credentials").glob("*.kubeconfig"))


def _not_renewed(world: World, _done: Run) -> list[str]:
    found = [f"{len(_files(world))} files instead of 6"] * (len(_files(world)) != 6)
    for path in _files(world):
        if token_in(path) == world.memory["tokens"].get(path):
            found.append(f"{path.name} is the one before")
        if who(world.cluster, token_in(path)) != 200:
            found.append(f"{path.name} is not accepted")
    return found


# --- what only reads -------------------------------------------------------------------------------------------------


def _rows(done: Run) -> list[str]:
    return [row.rstrip() for row in done.stdout.splitlines() if row.startswith("acme-eu-1  ")]


def _learn(name: str) -> Any:
    def learn(world: World) -> None:
        if name not in world.memory:
            until_settled(world.cluster)
            clean = world.run(BY_NAME[name][0])
            assert _was_read(clean), clean.stdout
            world.memory[name] = _rows(clean)

    return learn


def _other_rows(name: str) -> Any:
    def other(world: World, done: Run) -> list[str]:
        rows = _rows(done)
        return [] if rows == world.memory[name] else [f"it says {rows} and not {world.memory[name]}"]

    return other


def _was_read(done: Run) -> bool:
    return bool(_rows(done)) and not any("unreachable" in row or "not judged" in row for row in _rows(done))


def _reads(name: str) -> Operation:
    return Operation(name, ONBOARDED, ONBOARDED, finished=_was_read, before=_learn(name), untrue=_other_rows(name))


#: The testbed's pods answer no requests.
_QUICK_MODELS = (*NO_REQUESTS, *NO_BAKE, *SHORT_LOCK)
GRID = (
    Operation("onboard", BARE, ONBOARDED, options=lambda _: _QUICK_MODELS),
    Operation("offboard", ONBOARDED, BARE, options=lambda _: ("-e", "confirm=offboard", *SHORT_LOCK)),
    Operation("deploy_models", ONBOARDED, SHORTENED, model=_SHORT_CONTEXT, options=lambda _: _QUICK_MODELS),
    Operation("deploy_models", SHORTENED, ONBOARDED, options=lambda _: _QUICK_MODELS),
    Operation("upgrade", ONBOARDED, UPGRADED, options=_upgrade),
    Operation("rollback_stack", UPGRADED, ONBOARDED, options=lambda _: (*QUICK, "-e", f"to={OLD}")),
    Operation("remediate", ONBOARDED, ONBOARDED, options=_found, finished=_repair_requested, untrue=_not_drained,
              before=_sicken, after=_cure),
    Operation("rotate_credentials", ONBOARDED, ONBOARDED, options=_rotation, untrue=_not_renewed,
              before=_remember_tokens),
    _reads("status"),
    _reads("health"),
)  # fmt: skip
BY_NAME: dict[str, list[Operation]] = {}
for _operation in GRID:
    BY_NAME.setdefault(_operation.name, []).append(_operation)
