# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One module's operation in a process of its own, under the cluster's lock, as a playbook runs it."""

from __future__ import annotations

import json
import sys
import uuid
from importlib import import_module
from typing import Any

_PLUGINS = "ansible_collections.fireworks.byoc.plugins.module_utils"


def under_lock(module: str, purpose: str, given: str, seconds: int) -> None:
    """Acquire the lock, run the operation, release the lock, print the result, and exit as it went.

    :param given: the module's options, as JSON. :param seconds: how long the lock lasts.
    """
    options = json.loads(given)
    lock = {"connection": options["connection"], "run_id": uuid.uuid4().hex[:8], "holder": "alice@ctl-1"}
    held = _run("operation_lock", {**lock, "purpose": purpose, "duration": seconds, "wait_timeout": 60})
    if held.get("failed"):
        sys.exit(json.dumps(held))
    try:
        result = _run(module, options, held)
    finally:
        _run("operation_lock", {**lock, "state": "absent"})
    print(json.dumps(result), flush=True)
    sys.exit(bool(result.get("failed")))


def _run(module: str, options: dict[str, Any], held: Any = None) -> dict[str, Any]:
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    operation = import_module(f"{_PLUGINS}._operations.{module}").OPERATION
    keep = import_module(f"{_PLUGINS}._operations.lock_keeper").attempt_under_lock
    context = import_module(f"{_PLUGINS}._operation").Context(False, False, print)
    checked = ArgumentSpecValidator(dict(operation.argument_spec), **dict(operation.rules)).validate(options)
    assert not checked.error_messages, checked.error_messages
    result: dict[str, Any] = keep(operation, checked.validated_parameters, context, held)
    return result
