# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory says of a role's options is what the role works with; of what is internal, it can say nothing.

By a real ansible-playbook and the roles' own defaults/ and vars/, without their tasks and without a cluster.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible_runs import run_playbook
from tests.meta.test_the_tree import TREE
from tests.meta.tree import Role

#: Each host is told in one way only, which is its name: by a file of its group, by one of its own, by the inventory.
WAYS = ("by_group_vars", "by_host_vars", "by_inventory")
SAID = {name: "from the inventory" for role in TREE.roles for name in (*role.options, *role.variables)}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By host, what the roles see of each of their variables, all of which the inventory sets."""
    folder = tmp_path_factory.mktemp("roles")
    _write(folder / "group_vars" / "grouped.json", SAID)
    _write(folder / "host_vars" / "by_host_vars.json", SAID)
    alone = {"by_host_vars": {}, "by_inventory": SAID}
    _write(folder / "hosts.json", {"grouped": {"hosts": {"by_group_vars": {}}}, "alone": {"hosts": alone}})
    for role in TREE.roles:
        _copy(role, folder / "roles" / role.name)
    tasks = [{"ansible.builtin.include_role": {"name": role.name, "tasks_from": "tell"}} for role in TREE.roles]
    writes = {"content": "{{ told }}", "dest": f"{folder}/{{{{ inventory_hostname }}}}", "mode": "0600"}
    interpreter = {"ansible_python_interpreter": sys.executable}
    play = {"hosts": "all", "gather_facts": False, "connection": "local", "vars": interpreter}
    _write(folder / "play.json", [{**play, "tasks": [*tasks, {"ansible.builtin.copy": writes}]}])
    done = run_playbook("-i", str(folder / "hosts.json"), str(folder / "play.json"))
    assert done.returncode == 0, done.stdout
    return {way: json.loads((folder / way).read_text()) for way in WAYS}


def _copy(role: Role, folder: Path) -> None:
    """The role, with tasks that tell what it sees. What is internal is computed from a cluster, and a word here."""
    shutil.copytree(role.path / "defaults", folder / "defaults")
    _write(folder / "vars" / "main.json", dict.fromkeys(role.variables, "from the role"))
    told = {name: f"{{{{ {name} }}}}" for name in (*role.options, *role.variables)}
    fact = {"told": f"{{{{ told | default({{}}) | combine(seen_by_{role.name}) }}}}"}
    _write(folder / "tasks" / "tell.json", [{"ansible.builtin.set_fact": fact, "vars": {f"seen_by_{role.name}": told}}])


def _write(path: Path, data: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize("way", WAYS)
def test_every_option_of_a_role_is_honoured(seen: dict[str, dict[str, Any]], way: str) -> None:
    options = {name for role in TREE.roles for name in role.options}
    assert options
    assert {name: seen[way][name] for name in options} == dict.fromkeys(options, "from the inventory")


@pytest.mark.parametrize("way", WAYS)
def test_what_is_internal_is_never_the_inventorys(seen: dict[str, dict[str, Any]], way: str) -> None:
    internal = {name for role in TREE.roles for name in role.variables}
    assert {"stack__contract", "model__release"} <= internal
    assert {name: seen[way][name] for name in internal} == dict.fromkeys(internal, "from the role")
