# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all workers need, loaded once in the process that they are forked from.

Ansible forks a worker for each task of each host, and loads the filters of a collection where they are first used: in
the worker, which forgets them. It compiles a collection's source each time too, since it keeps no bytecode of it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.loader import filter_loader

_FILTERS = Path(__file__).parents[1] / "filter"


def load_filters() -> None:
    """Load every filter of this collection, and with them Ansible's own and the thinking that ours are made of."""
    for documented in _FILTERS.glob("*.yml"):
        # One that cannot be loaded is reported where it is used, with the task that uses it.
        with suppress(AnsibleError, KeyError):
            filter_loader.get(f"fireworks.byoc.{documented.stem}")
