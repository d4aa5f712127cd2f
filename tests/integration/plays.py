# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run tasks through a real ``ansible-playbook`` and read their results back as data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context
from tests.integration.ansible_runs import run_playbook

#: A task with an environment of its own leaves Ansible's worker and runs as a module.
AS_MODULE = {"environment": {"BYOC_TEST": "module"}}


@dataclass(frozen=True)
class Outcome:
    """What one ansible-playbook run did."""

    returncode: int
    output: str
    results: list[dict[str, Any]]

    @property
    def result(self) -> dict[str, Any]:
        """The result of the only task."""
        assert len(self.results) == 1, self.output
        return self.results[0]


def run_tasks(
    folder: Path,
    connection: dict[str, Any],
    *tasks: dict[str, Any],
    flags: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
    seconds: float = 300,
) -> Outcome:
    """Run tasks against one cluster; a task that fails does not stop the next ones.

    :param tasks: each a task; the first of its keys that has a dot in it is the module.
    :param flags: more arguments, for instance ``--check``.
    """
    answers = folder / "results.json"
    answers.unlink(missing_ok=True)
    named = [f"result_{number}" for number in range(len(tasks))]
    dump = "{{ [" + ", ".join(named) + "] | to_json }}"
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "module_defaults": {"group/fireworks.byoc.cluster": {"connection": connection}},
        "tasks": [
            *({**task, "register": name, "ignore_errors": True} for task, name in zip(tasks, named, strict=True)),
            {"ansible.builtin.copy": {"content": dump, "dest": str(answers), "mode": "0600"}, "check_mode": False,
             "diff": False},
        ],
    }  # fmt: skip
    playbook = folder / "play.yml"
    playbook.write_text(json.dumps([play]))
    arguments = ("-i", "localhost,", "-c", "local", str(playbook), *flags)
    done = run_playbook(*arguments, environment=environment, seconds=seconds)
    results = json.loads(answers.read_text()) if answers.exists() else []
    return Outcome(done.returncode, done.stdout, results)


def perform(connection: dict[str, Any], module: str, **options: Any) -> dict[str, Any]:
    """Run a module's operation in this process, as its action does in Ansible's worker.

    For what a test needs on its way, and for the many cases of one operation: a run of ansible-playbook costs a second
    or two, and that the module and the action hand on what they are given is seen where they are run.
    """
    return _performed(connection, module, options)


def perform_tasks(
    folder: Path, connection: dict[str, Any], *tasks: dict[str, Any], flags: tuple[str, ...] = ()
) -> Outcome:
    """As :func:`run_tasks`, but in this process where nothing is asked for that only ansible-playbook has."""
    modules = [next(key for key in task if "." in key) for task in tasks]
    if any(set(task) - {module, "check_mode"} for task, module in zip(tasks, modules, strict=True)):
        return run_tasks(folder, connection, *tasks, flags=flags)
    results = []
    for task, module in zip(tasks, modules, strict=True):
        check = bool(task.get("check_mode", "--check" in flags))
        results.append(_performed(connection, module, task[module], check_mode=check, diff_mode="--diff" in flags))
    return Outcome(0, "", results)


def _performed(
    connection: dict[str, Any],
    module: str,
    options: dict[str, Any],
    *,
    check_mode: bool = False,
    diff_mode: bool = False,
) -> dict[str, Any]:
    name = module.removeprefix("fireworks.byoc.")
    operation = import_module(f"ansible_collections.fireworks.byoc.plugins.module_utils._operations.{name}").OPERATION
    given = json.loads(json.dumps({"connection": connection, **options}))
    checked = ArgumentSpecValidator(dict(operation.argument_spec), **dict(operation.rules)).validate(given)
    if checked.error_messages:
        return {"failed": True, "changed": False, "msg": "; ".join(checked.error_messages)}
    context = Context(check_mode=check_mode, diff_mode=diff_mode, warn=print, verbose=True)
    result: dict[str, Any] = json.loads(json.dumps(operation.attempt(checked.validated_parameters, context)))
    return {"failed": False, **result}


def connection_to(cluster: Any, **changes: Any) -> dict[str, Any]:
    """The ``connection`` of a testbed cluster's administrator: by a token where the way to it is another one."""
    connection = {
        "cluster_name": cluster.name,
        "cluster_uid": cluster.uid,
        **(_by_token(cluster, changes) if _WAY & changes.keys() else {"kubeconfig_file": str(cluster.kubeconfig)}),
        **changes,
    }
    return {key: value for key, value in connection.items() if value is not None}


_WAY = {"server", "ca_file", "ca_cert", "tls_server_name", "proxy_url"}


def _by_token(cluster: Any, changes: dict[str, Any]) -> dict[str, Any]:
    trusted = {} if "ca_cert" in changes else {"ca_file": str(cluster.ca_file)}
    return {"server": cluster.server, "token": cluster.token, **trusted}


def token_in(kubeconfig: Path | str) -> str:
    """The token of a kubeconfig, which is a file or its text."""
    text = kubeconfig.read_text() if isinstance(kubeconfig, Path) else kubeconfig
    return str(yaml.safe_load(text)["users"][0]["user"]["token"])
