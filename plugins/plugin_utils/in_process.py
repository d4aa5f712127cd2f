# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of our actions: run a module's operation inside Ansible's worker, without a process for each task.

What that saves is measured in tests/benchmarks. Where the task is not local (another connection, another user, an
environment of its own, async) the action hands over to the module of the same name, which runs the same operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.access import not_to_be_shown
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import KubeError
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.waits import Waits
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context, Operation
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.lock_keeper import (
    attempt_under_lock,
    has_answered,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.listing import few
from ansible_collections.fireworks.byoc.plugins.plugin_utils.journal import note
from ansible_collections.fireworks.byoc.plugins.plugin_utils.options import checked_options
from ansible_collections.fireworks.byoc.plugins.plugin_utils.orphans import ending_with_its_run
from ansible_collections.fireworks.byoc.plugins.plugin_utils.run_number import run_id_of, with_run
from ansible_collections.fireworks.byoc.plugins.plugin_utils.saying import is_verbose, say, warn

#: Where a run keeps the result of ``operation_lock``: registered so, the lock is renewed by all our actions.
LOCK_VARIABLE = "byoc_lock"


class InProcessAction(ActionBase):
    """An action that runs ``operation`` in-process when it can, and as a module when it must."""

    operation: ClassVar[Operation]
    module: ClassVar[str]
    under_lock: ClassVar[bool] = True
    """Whether the lock that the run holds is kept meanwhile, and the work not done without it once it is lost."""
    keeps_apart: ClassVar[bool] = False
    """Whether what it writes only keeps operations apart and recorded, and is no part of what they did."""
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        try:
            prepared = self.prepare(dict(self._task.args), task_vars)
        except KubeError as error:
            return error.as_result()
        arguments = with_run(prepared, run_id_of(task_vars.get("hostvars")))
        if not self._is_local():
            result = self._execute_module(
                module_name=self.module, module_args=arguments, task_vars=task_vars, wrap_async=self._task.async_val
            )
            self._note(task_vars, result.get("written") or ())
            return dict(result)
        checked = checked_options(self.operation, arguments)
        secrets = checked._no_log_values | not_to_be_shown(arguments.get("connection") or {})
        if checked.error_messages:
            raise AnsibleActionFail(remove_values(few(checked.error_messages), secrets))
        parameters, lock = checked.validated_parameters, task_vars.get(LOCK_VARIABLE)
        answered = has_answered(parameters.get("connection") or {}, lock)
        host = task_vars.get("inventory_hostname", "")
        waits = Waits(lambda text: say(f"{host}: waits for {text}"))
        context = Context(
            self._task.check_mode, self._task.diff, warn, has_answered=answered, waits=waits, verbose=is_verbose()
        )
        with ending_with_its_run():
            try:
                result = attempt_under_lock(self.operation, parameters, context, lock if self.under_lock else None)
            finally:
                self._note(task_vars, context.writes)
        return remove_values(result, secrets) if secrets else result

    def prepare(self, arguments: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        """What has to be done on the controller before the operation: nothing, unless an action says otherwise."""
        return arguments

    def _note(self, task_vars: dict[str, Any], written: Iterable[Mapping[str, str]]) -> None:
        if not self.keeps_apart:
            note(task_vars, written)

    def _is_local(self) -> bool:
        environment = any(self._task.environment or [])  # `environment:` reaches a process of its own only
        elsewhere = self._connection.transport != "local" or self._play_context.become
        return not (elsewhere or environment or self._task.async_val)
