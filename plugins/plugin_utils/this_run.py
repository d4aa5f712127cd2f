# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line of this run says, and what of its inventory was read: no variable can say otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.utils.path import unfrackpath

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.awx import requester, said_of, starter
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.host_pattern import pattern_doubts

#: Sources of ours that could not be read, with the reason; and Ansible's list of all sources that were.
_unread: dict[str, str] = {}
_read: list[list[str]] = []
#: Nobody named it: it need not be there.
_UNNAMED = "/etc/ansible/hosts"
#: No task of ours has a tag, so each of these means all of them.
_ALL_TASKS = {"all", "untagged"}


def given_limit() -> str | None:
    """What ``--limit`` says; nothing where it is not given."""
    limit: str | None = context.CLIARGS.get("subset")
    return limit


def limited_inventory(variables: Mapping[str, Any], loader: Any) -> InventoryManager:
    """The hosts and groups of this run, as ``--limit`` leaves them."""
    manager = InventoryManager(loader, parse=False)
    for group, hosts in variables["groups"].items():
        manager.add_group(group)
        for host in hosts:
            manager.add_host(host, group=group)
    manager.subset(given_limit())
    return manager


def limited_hosts(pattern: str | Iterable[str], variables: Mapping[str, Any], loader: Any) -> list[str]:
    """The hosts that a pattern means, as far as ``--limit`` leaves them; none where it is not a pattern."""
    try:
        found = limited_inventory(variables, loader).get_hosts(pattern)
    except AnsibleError:
        return []
    return [host.name for host in found]


def limit_doubts(groups: Mapping[str, Iterable[str]]) -> list[str]:
    """What is wrong with ``--limit``. Ansible takes a blank one for none, and passes by what it does not know."""
    limit = given_limit()
    if limit is None:
        return []
    terms = split_host_pattern(limit)
    named = [term for term in terms if not term.startswith("@")]  # a file of names is Ansible's own affair
    known = {"localhost", *groups, *(host for hosts in groups.values() for host in hosts)}
    return pattern_doubts(named, known) if named or not terms else []


@contextmanager
def noting_whether_read(source: str, all_read: list[str]) -> Iterator[None]:
    """Around the reading of an inventory source: what it raises, Ansible only warns of.

    :param all_read: the list that Ansible keeps of the sources that were read.
    """
    _read[:] = [all_read]
    try:
        yield
    except AnsibleError as error:
        _unread[source] = " ".join(str(error).split())
        raise
    _unread.pop(source, None)


def unread_sources() -> list[str]:
    """Each inventory source that could not be read, with the reason. In a folder only those of ours are known."""
    named = [source for source in context.CLIARGS.get("inventory") or () if "," not in source and source != _UNNAMED]
    reasons = {source: "there is no such file" for source in named if not Path(source).exists()}
    for source in (source for source in named if _read and Path(source).is_file()):
        if unfrackpath(source, follow=False) not in _read[0]:
            reasons[source] = "it is no inventory that Ansible can read"
    return [f"{source}: {reason}" for source, reason in {**reasons, **_unread}.items()]


def started_by(variables: Mapping[str, Any]) -> str:
    """Who started the AWX job that this run is; empty where it is none."""
    return starter(variables) if _is_a_job(variables) else ""


def requested_by(variables: Mapping[str, Any]) -> str:
    """Who asks for what the AWX job that this run is does, by their address; empty where it is none."""
    return requester(variables) if _is_a_job(variables) else ""


def _is_a_job(variables: Mapping[str, Any]) -> bool:
    """Anybody may say so by ``-e``: AWX's own environment has the number of the job."""
    job = os.environ.get("JOB_ID")
    return bool(job) and job == said_of(variables, "job_id")


def part_of_the_tasks() -> str:
    """The option by which only a part of the tasks is run; empty where all are."""
    options = context.CLIARGS
    if options.get("tags") and not set(options["tags"]) & _ALL_TASKS:
        return f"--tags {','.join(options['tags'])}"
    if set(options.get("skip_tags") or ()) & _ALL_TASKS:
        return f"--skip-tags {','.join(options['skip_tags'])}"
    return f"--start-at-task '{options['start_at_task']}'" if options.get("start_at_task") else ""
