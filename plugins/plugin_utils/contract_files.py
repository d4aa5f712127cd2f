# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's contracts out of the contents of their files, on every processor: reading one takes milliseconds of it."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import (
    Asked,
    ContractErrors,
    Problem,
    parse_contract,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.identities.dropped_rules import DROPPED_RULES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.model.rules import MODEL_RULES
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.readable import texts_are_readable
from ansible_collections.fireworks.byoc.plugins.plugin_utils.processes import processes_for, sweep_in_processes
from ansible_collections.fireworks.byoc.plugins.plugin_utils.sweeping import Limits, Work

_RULES = (*MODEL_RULES, *DROPPED_RULES, texts_are_readable)
#: Far more than any contract takes: seconds for one, and for all.
_EACH_SECONDS, _WHOLE_SECONDS = 60.0, 600.0

Read = Contract | list[Problem]


def read_contracts(contents: Mapping[str, bytes]) -> tuple[dict[str, Contract], dict[str, list[Problem]]]:
    """Of each file, by its path, the contract, or what is wrong with it.

    :raises LibraryMissing: contracts cannot be read here.
    """
    if not contents:
        return {}, {}
    # The first is read here. So what reading needs is loaded once, and is known to be there.
    first, *others = contents
    read = {first: _read(first, contents[first])}
    processes = processes_for(len(others))
    work = Work[Read](
        do=lambda path, _until: _read(path, contents[path]),
        late=lambda path, what: [Problem(path, "", None, f"cannot be read: {what}", Asked.READING)],
        ended=lambda _path, _read: None,
        looked=lambda: None,
    )
    read |= sweep_in_processes(others, work, Limits(processes, _EACH_SECONDS, _WHOLE_SECONDS, 1.0), processes)
    problems = {path: found for path, found in read.items() if isinstance(found, list)}
    return {path: found for path, found in read.items() if not isinstance(found, list)}, problems


def _read(path: str, content: bytes) -> Read:
    try:
        return parse_contract(content, path=path, rules=_RULES)
    except ContractErrors as error:
        return error.problems
