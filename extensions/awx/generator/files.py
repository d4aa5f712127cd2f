# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that are generated, with their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .templates import ROOT, TEMPLATES, credentials, job_templates, workflows

AWX = ROOT / "extensions" / "awx"
_LICENSE = "# SPDX-License-Identifier: GPL-3.0-or-later\n"
_MADE = "# Made by python -m extensions.awx.generator from the declared playbooks and variables: edit those.\n"


def generated() -> dict[Path, str]:
    """Every generated file."""
    objects = {
        "job_templates": {"controller_templates": job_templates()},
        "credentials": {"controller_credentials": credentials()},
        "workflows": {"controller_workflows": workflows()},
    }
    return {
        **{AWX / "controller" / "objects" / f"{name}.yml": _yaml(data) for name, data in objects.items()},
        **{AWX / "project" / "playbooks" / f"{name}.yml": _playbook(name) for name in TEMPLATES},
    }


def _playbook(name: str) -> str:
    return f"""{_LICENSE}---
{_MADE}- name: Run fireworks.byoc.{name}
  ansible.builtin.import_playbook: fireworks.byoc.{name}
  vars:
    requested_by: "{{{{ lookup('fireworks.byoc.requester') }}}}"
"""


class _Indented(yaml.SafeDumper):
    """Lists stand in from their key, as ansible-lint wants them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _yaml(data: Any) -> str:
    text = yaml.dump(data, Dumper=_Indented, sort_keys=False, allow_unicode=True, width=130)
    return f"{_LICENSE}---\n{_MADE}{text}"
