# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX's API tells of a workflow, and what AWX keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.access.merged_kubeconfig import merged_kubeconfig
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.awx import approval_answer


def _merged_kubeconfig(texts: Mapping[str, str]) -> str:
    try:
        return merged_kubeconfig(texts)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Filters between this collection and AWX."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"awx_approval": approval_answer, "merged_kubeconfig": _merged_kubeconfig}
