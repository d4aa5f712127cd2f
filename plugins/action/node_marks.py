# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``node_marks`` in Ansible's worker; see plugins/modules/node_marks.py for its options."""

from __future__ import annotations

from ansible_collections.fireworks.byoc.plugins.module_utils._operations.node_marks import OPERATION
from ansible_collections.fireworks.byoc.plugins.plugin_utils.in_process import InProcessAction


class ActionModule(InProcessAction):
    operation = OPERATION
    module = "fireworks.byoc.node_marks"
