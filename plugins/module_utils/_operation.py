# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One function, two ways to run: the operation that a module and the action of the same name share.

An operation is an argument spec and a function from validated parameters to a result. The module runs it in a
process of its own, anywhere; the action (``plugins/plugin_utils/in_process.py``) runs it inside Ansible's worker.
Errors become a failed result here, and only here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ._domain.contract.whole import lacking
from ._domain.written import written_once
from ._kube import plain_yaml as _plain_yaml
from ._kube import session as _session
from ._kube.access import not_to_be_shown
from ._kube.errors import KubeError
from ._kube.waits import Waits
from ._kube.writes import Write
from ._unforeseen import unforeseen
from ._vocabulary.failure import failed_result
from ._vocabulary.harmless import one_line

#: From how many ``-v`` on somebody looks for what went wrong.
VERBOSE = 3


class StopError(Exception):
    """Nothing more may be written. No ``KubeError``: what bears with those and tries again must not bear with this."""


@dataclass(frozen=True)
class Context:
    """How this run was asked for.

    :param check_mode: nothing may be written.
    :param diff_mode: the result should carry a diff.
    :param warn: shows a warning to the operator.
    :param until: the moment (of ``time.monotonic``) by which it has to be over; ``None``: it knows best itself.
    :param threads: how many requests to one API server may be on their way at once.
    :param before_write: called before each request that may write; what it raises stops the operation.
    :param has_answered: this run had an answer from the cluster before: if it does not answer now, it restarts perhaps.
    :param writes: what the API server has accepted so far, in whatever way the operation ends.
    :param waits: told what is waited for while that takes long.
    :param verbose: whether what an error says that nobody foresaw may be shown (``-vvv``).
    """

    check_mode: bool
    diff_mode: bool
    warn: Callable[[str], None]
    until: float | None = None
    threads: int = _session.THREADS
    before_write: Callable[[], None] | None = None
    has_answered: bool = False
    writes: list[Write] = field(default_factory=list)
    waits: Waits = field(default_factory=Waits)
    verbose: bool = False

    def told(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result with the objects that were written, each once; without any, as it is."""
        return {**result, "written": written_once(self.writes)} if self.writes else result


@dataclass(frozen=True)
class Operation:
    """One module's work.

    :param argument_spec: as for ``AnsibleModule``.
    :param run: from validated parameters to the result; raises :class:`KubeError` when it cannot.
    :param rules: ``mutually_exclusive``, ``required_if`` and the like, as for ``AnsibleModule``.
    """

    argument_spec: Mapping[str, Any]
    run: Callable[[dict[str, Any], Context], dict[str, Any]]
    rules: Mapping[str, Any]

    def attempt(self, parameters: dict[str, Any], context: Context) -> dict[str, Any]:
        """The result, or a failed result with one clear message."""
        missing = missing_libraries()
        if missing:
            next_step = "install it for that Python, and run this again"
            return failed_result(error="LibraryMissing", code="library_missing", what=missing, next_step=next_step)
        if lacks := lacking(contract) if (contract := parameters.get("contract")) is not None else []:
            what = f"the contract that was given is not whole: it lacks {', '.join(lacks)}"
            next_step = "give the cluster's contract, as the inventory has it"
            return failed_result(error="InputError", code="invalid_input", what=what, next_step=next_step)
        try:
            result = {"changed": False, **self.run(parameters, context)}
        except KubeError as error:
            result = error.as_result()
        except StopError:
            raise
        except Exception as error:  # noqa: BLE001 (Ansible would show all that it says)
            result = unforeseen(error, verbose=context.verbose)
        return context.told(result)


def missing_libraries() -> str:
    """What has to be installed where this runs; empty when nothing is missing."""
    if _session.URLLIB3_IMPORT_ERROR:
        return str(missing_required_lib("urllib3"))
    if _plain_yaml.YAML_IMPORT_ERROR:
        return str(missing_required_lib("PyYAML"))
    return ""


def run_as_module(operation: Operation) -> None:
    """A module's whole ``main()``."""
    module = AnsibleModule(
        argument_spec=dict(operation.argument_spec), supports_check_mode=True, **dict(operation.rules)
    )
    module.no_log_values.update(not_to_be_shown(module.params.get("connection") or {}))
    verbose = module._verbosity >= VERBOSE
    context = Context(module.check_mode, module._diff, lambda text: module.warn(one_line(text)), verbose=verbose)
    result = operation.attempt(module.params, context)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
