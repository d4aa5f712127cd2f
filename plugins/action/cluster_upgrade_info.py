# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``cluster_upgrade_info`` in Ansible's worker; see plugins/modules/cluster_upgrade_info.py for its options."""

from __future__ import annotations

from ansible_collections.fireworks.byoc.plugins.module_utils._operations.cluster_upgrade_info import OPERATION
from ansible_collections.fireworks.byoc.plugins.plugin_utils.in_process import InProcessAction


class ActionModule(InProcessAction):
    operation = OPERATION
    module = "fireworks.byoc.cluster_upgrade_info"
