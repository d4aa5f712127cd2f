# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ansible-playbook`` and ``ansible-inventory`` load, loaded here: in the process that runs are forked from."""

from __future__ import annotations

import gc
import os
from importlib import import_module

from tests.integration.ansible_runs import ROOT, ansible_environment

# Ansible reads its configuration where it is first imported.
os.environ.update(ansible_environment())

import ansible.cli.inventory
import ansible.cli.playbook  # noqa: F401
from ansible.plugins import loader
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

from tests.integration.compiled import keep_compiled

_OURS = {
    "action_loader": [path.stem for path in (ROOT / "plugins" / "action").glob("*.py")],
    "inventory_loader": ["fleet"],
}
_ANSIBLES = {
    "action_loader": ["copy", "debug", "include_vars", "set_fact"],
    "callback_loader": ["default"],
    "connection_loader": ["local"],
    "inventory_loader": ["auto", "host_list", "yaml"],
    "strategy_loader": ["free", "linear"],
}

loader.init_plugin_loader()

import_module("ansible_collections.fireworks.byoc.plugins.plugin_utils.warmup").load_filters()
for collection, plugins in (("fireworks.byoc", _OURS), ("ansible.builtin", _ANSIBLES)):
    for kind, names in plugins.items():
        for name in names:
            getattr(loader, kind).get(f"{collection}.{name}", class_only=True)
keep_compiled(ROOT)
# Each run puts a finder of collections in place, and would be warned of this one.
_AnsibleCollectionFinder._remove()
gc.collect()
gc.freeze()  # the collector would write to every page, and so copy it for each run
