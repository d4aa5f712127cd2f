# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The presetup as text that people review and keep in git: the same bytes each time for the same contract."""

from __future__ import annotations

import json
import textwrap
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from ..contract.typed import Contract
from ..names import MANAGED_BY, PRESETUP_SET
from ..people import contact

try:
    import yaml
except ImportError:  # reported by whoever reads a contract, long before this
    YAML_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

_WIDTH = 120
_DESCRIPTION = "kubernetes.io/description"
#: What a reviewer wants to know of a kind, once, before its first object.
_ABOUT = {
    "Namespace": "Where everything of Fireworks' lives.",
    "ConfigMap": "Remembers what belongs to this set, so that what a later version drops goes (an ApplySet parent).",
    "PriorityClass": "Which of our pods may push which of our pods aside. None is a default for others.",
    "ResourceQuota": "What the contract approves (capacity): the GPUs, and what else it limits.",
    "LimitRange": "Defaults for containers that say nothing of their size.",
    "ServiceAccount": "One account for each component and job. No token of it is kept in the cluster.",
    "ClusterRole": "Rights on what has no namespace: nodes, and single objects by their names.",
    "ClusterRoleBinding": "Each binds one of these roles to the account of its name.",
    "Role": "Rights inside Fireworks' own namespaces.",
    "RoleBinding": "Each binds one of these roles to the account of its name.",
    "NetworkPolicy": "Who may open a connection to whom: nobody, and then what was agreed.",
    "ValidatingAdmissionPolicy": "What RBAC cannot say: the API server refuses whatever is outside the contract.",
    "ValidatingAdmissionPolicyBinding": "Puts the policy of its name into force.",
}


def presetup_text(contract: Contract, objects: Iterable[Mapping[str, Any]]) -> str:
    """The objects, in the order given, as commented YAML for ``kubectl apply --server-side`` or a GitOps repository."""
    parts, told = [_head(contract)], set()
    for each in objects:
        comments = []
        if each["kind"] not in told:
            told.add(each["kind"])
            comments.append(_ABOUT[each["kind"]])
        why = (each["metadata"].get("annotations") or {}).get(_DESCRIPTION)
        if why:
            comments.append(str(why))
        plain = json.loads(json.dumps(each))  # what two objects share would come out as an anchor
        body = yaml.safe_dump(plain, sort_keys=False, width=_WIDTH, default_flow_style=False, allow_unicode=True)
        parts.append("---\n" + "".join(map(_comment, comments)) + body)
    return "".join(parts)


def _head(contract: Contract) -> str:
    identity, security = contract["identity"], contact(contract, "security")
    lines = (
        f"The prerequisites of Fireworks in the cluster {identity['name']} (UID {identity['uid']}), from its contract.",
        f"For {identity['customer']}'s own administrators ({security['name']}) to review and apply; Fireworks is none.",
        f"Apply it with kubectl apply --server-side --field-manager={MANAGED_BY} -f, from git, or with the playbook",
        f"fireworks.byoc.{PRESETUP_SET}. All three make the same objects.",
        "Do not edit it: change the contract and render again.",
    )
    return "".join(map(_comment, lines))


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, _WIDTH - 2, break_long_words=False))
