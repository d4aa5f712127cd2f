# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one reading operation on many clusters in one task; see plugins/modules/fleet_sweep.py for its options."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader
from ansible.template import Templar, trust_as_template

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.progress import Progress
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.access import not_to_be_shown
from ansible_collections.fireworks.byoc.plugins.module_utils._operation import Context
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.readers import READERS
from ansible_collections.fireworks.byoc.plugins.module_utils._unforeseen import unforeseen
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.failure import failed_result
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.listing import few
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.times import rfc3339
from ansible_collections.fireworks.byoc.plugins.plugin_utils.options import controller_options
from ansible_collections.fireworks.byoc.plugins.plugin_utils.orphans import ending_with_its_run
from ansible_collections.fireworks.byoc.plugins.plugin_utils.processes import processes_for, sweep_in_processes
from ansible_collections.fireworks.byoc.plugins.plugin_utils.run_number import run_id_of, with_run
from ansible_collections.fireworks.byoc.plugins.plugin_utils.saying import is_verbose, say, warn
from ansible_collections.fireworks.byoc.plugins.plugin_utils.sweeping import Limits, Work
from ansible_collections.fireworks.byoc.plugins.plugin_utils.variables import is_plain, looked_up

ARGUMENT_SPEC: dict[str, Any] = {
    "operation": {"type": "str", "required": True, "choices": sorted(READERS)},
    "clusters": {"type": "list", "elements": "str", "required": True},
    "arguments": {"type": "dict", "default": {}},
    "keep": {"type": "dict", "default": {}},
    "keep_by": {"type": "str"},
    "keep_options": {"type": "dict", "default": {}},
    "parallel": {"type": "int", "default": 64},
    "cluster_timeout": {"type": "int", "default": 60},
    "timeout": {"type": "int", "default": 600},
    "interval": {"type": "int", "default": 10},
}
#: Templates that are evaluated for each cluster. Checking them as options takes away the mark that they may be.
_LATER = ("arguments", "keep")
#: Requests to one cluster at once. Many clusters are asked at once already, and each connection costs a handshake.
_THREADS = 1
_KEEP_SECONDS = 5.0
_CONTRACT = trust_as_template("{{ contract }}")
#: An option of which the spec says no more.
_ANY_MAPPING = {"type": "dict"}
#: What a result that failed keeps, whatever else is kept.
_FAILURE = ("failed", "msg", "error", "code", "owner", "what", "where", "next_step")

Result = dict[str, Any]


class ActionModule(ActionBase):
    """Runs once, on the controller, in check mode too, and changes nothing."""

    BYPASS_HOST_LOOP = True
    _supports_check_mode = True
    _requires_connection = False

    @classmethod
    def finalize_task_arg(cls, name: str, value: Any, templar: Any, context: Any) -> Any:
        """Leave for later what is evaluated for each cluster; ``assert`` keeps its conditions so."""
        later = name in _LATER and isinstance(value, dict)
        return value if later else super().finalize_task_arg(name, value, templar, context)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        super().run(tmp, task_vars)
        later = {key: self._task.args.get(key) or {} for key in _LATER}
        given = {**controller_options(ARGUMENT_SPEC, self._task.args), **later}
        if low := [key for key in ("parallel", "cluster_timeout", "timeout", "interval") if given[key] < 1]:
            raise AnsibleActionFail(f"{', '.join(low)}: must be at least 1")
        known = (task_vars or {})["hostvars"]
        if given["keep"] and given["keep_by"]:
            raise AnsibleActionFail("keep and keep_by: give one of them")
        if unknown := [name for name in given["clusters"] if name not in known]:
            raise AnsibleActionFail(f"clusters: the inventory has no host {', '.join(unknown)}")
        began = time.monotonic()
        said = Progress(self._task.get_name().strip(), given["clusters"], began)
        one = _OneCluster(known, self._loader, given)

        def ended(name: str, result: Result) -> None:
            said.ended(name, "not read" if result.get("failed") else "done", result.get("msg", ""), time.monotonic())

        work = Work(do=one.result, late=one.late, ended=ended, looked=lambda: say(said.line(time.monotonic())))
        limits = Limits(given["parallel"], given["cluster_timeout"], given["timeout"], given["interval"])
        with ending_with_its_run():
            found = sweep_in_processes(given["clusters"], work, limits, processes_for(len(given["clusters"])))
        return {
            "changed": False,
            "clusters": found,
            "not_read": [name for name, result in found.items() if result.get("failed")],
            "seconds": round(time.monotonic() - began, 2),
        }


class _OneCluster:
    """What is done about one cluster, in a thread of its own: with the variables of its host, as its task would be."""

    def __init__(self, known: Any, loader: Any, given: Mapping[str, Any]) -> None:
        self._known = known
        self._loader = loader
        self._run = run_id_of(known)
        self._arguments = {"connection": trust_as_template("{{ byoc_connection }}"), **given["arguments"]}
        self._keep, self._keep_options = given["keep"], given["keep_options"]
        self._keep_by = _filter(given["keep_by"]) if given["keep_by"] else None
        self._operation = READERS[given["operation"]]
        self._began = rfc3339(datetime.now(UTC))
        # Ansible's variables, templates and lookups are made for one thread. A mixed-up credential would go to another
        # customer's cluster.
        self._templates = threading.Lock()
        # Used under the lock only. It knows the filters that it has looked up once, which takes long.
        self._templar = Templar(loader)
        self._variables: dict[str, dict[str, Any]] = {}
        self._others = cache(known.raw_get)

    def result(self, name: str, until: float) -> Result:
        """The operation's result, or of it what is to be kept; a failed one, where anything goes wrong."""
        try:
            return self._kept(name, self._guarded(lambda: self._read(name, until)))
        finally:
            self._variables.pop(name, None)

    def late(self, name: str, what: str) -> Result:
        """The same of a cluster that was given up."""
        next_step = "look at this cluster by itself, or give more time (`cluster_timeout`, `timeout`)"
        return self._kept(name, _late(f"no answer: {what}", where=name, next_step=next_step))

    def _read(self, name: str, until: float) -> Result:
        if not self._templates.acquire(timeout=max(0.0, until - time.monotonic())):
            return _late("its arguments had no turn: those of another cluster take too long", where=name)
        try:
            arguments = with_run(self._evaluated(self._templar, name, self._arguments), self._run)
        finally:
            self._templates.release()
        validator = ArgumentSpecValidator(dict(self._operation.argument_spec), **dict(self._operation.rules))
        whole = _any_mapping(self._operation.argument_spec, arguments)
        checked = validator.validate({**arguments, **{key: {} for key in whole}})
        secrets = checked._no_log_values | not_to_be_shown(arguments.get("connection") or {})
        if checked.error_messages:
            what = remove_values(few(checked.error_messages), secrets)
            return failed_result(error="ArgumentError", code="invalid_arguments", what=what, where=name)
        context = Context(True, False, warn, until, _THREADS, verbose=is_verbose())
        result = self._operation.attempt({**checked.validated_parameters, **whole}, context)
        return remove_values(result, secrets) if secrets else result

    def _kept(self, name: str, result: Result) -> Result:
        if not (self._keep or self._keep_by):
            return result
        # What is kept needs no lookup. So it is not lost where another cluster's lookup hangs.
        alone = self._templates.acquire(timeout=_KEEP_SECONDS)
        templar = self._templar if alone else Templar(self._loader)
        try:
            told = self._guarded(lambda: self._told(templar, name, result))
            if (make := self._keep_by) and told.get("failed"):
                # The filter tells of its own failure as of any other, by the contract as it was given: a cluster
                # without an outcome would take the table of all others with it.
                result = told
                told = self._guarded(lambda: self._made(make, self._known.raw_get(name)["contract"], result))
            return {**told, **{key: result[key] for key in _FAILURE if key in result}}
        finally:
            if alone:
                self._templates.release()

    def _told(self, templar: Templar, name: str, result: Result) -> Result:
        if self._keep_by is None:
            return self._evaluated(templar, name, self._keep, result=result, began=self._began)
        return self._made(self._keep_by, self._evaluated(templar, name, {"contract": _CONTRACT})["contract"], result)

    def _made(self, keep_by: Callable[..., Result], contract: Any, result: Result) -> Result:
        return dict(keep_by(contract, result, self._began, rfc3339(datetime.now(UTC)), **self._keep_options))

    def _evaluated(self, templar: Templar, name: str, templates: Mapping[str, Any], **more: Any) -> Result:
        known = self._variables.get(name) or self._known.raw_get(name)
        self._variables[name] = known
        available = {**known, "hostvars": self._known, **more}
        given = {key: looked_up(each, available, self._others) for key, each in templates.items()}
        plain = {key: value for key, value in given.items() if is_plain(value)}
        templar.available_variables = available
        return {**templar.template({key: value for key, value in given.items() if key not in plain}), **plain}

    @staticmethod
    def _guarded(work: Callable[[], Result]) -> Result:
        try:
            return work()
        except AnsibleError as error:
            return failed_result(error=type(error).__name__, code="task_failed", what=str(error))
        except Exception as error:  # noqa: BLE001 (what nobody foresaw of one cluster must not take the others with it)
            return unforeseen(error, verbose=is_verbose())


def _filter(name: str) -> Callable[..., Result]:
    found = filter_loader.get(name)
    if found is None:
        raise AnsibleActionFail(f"keep_by: there is no filter {name}")
    return found.j2_function  # type: ignore[no-any-return]


def _any_mapping(spec: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of which nothing is checked but that they are mappings: a check copies them, part by part."""
    return {key: value for key, value in arguments.items() if isinstance(value, dict) and spec.get(key) == _ANY_MAPPING}


def _late(what: str, *, where: str, next_step: str = "") -> Result:
    return failed_result(error="TimeoutError", code="timeout", what=what, where=where, next_step=next_step)
