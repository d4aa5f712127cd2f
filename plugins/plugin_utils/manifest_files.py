# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests from files and templates, found as Ansible finds files and rendered on the controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

_ENDINGS = (".yml", ".yaml", ".json")


def read_manifest_files(action: ActionBase, path: str) -> list[tuple[str, str]]:
    """The path and text of a file, or of every manifest file of a directory, in the order of their names."""
    found = _find(action, "files", path)
    files = [found]
    if found.is_dir():
        files = sorted(path for path in found.iterdir() if path.suffix in _ENDINGS)
        if not files:
            raise AnsibleActionFail(f"{found}: holds no file that ends in {', '.join(_ENDINGS)}")
    return [(str(name), _text(action, name)) for name in files]


def render_template(action: ActionBase, path: str, task_vars: dict[str, Any]) -> str:
    """The text of one template, rendered with the task's variables.

    :raises AnsibleActionFail: naming the template, when it is missing or does not render.
    """
    found = _find(action, "templates", path)
    try:
        return rendered(action._templar, found, _text(action, found), task_vars)
    except AnsibleError as error:
        raise AnsibleActionFail(f"{found}: does not render: {error}") from error


def rendered(templar: Any, path: Path, text: str, variables: dict[str, Any]) -> str:
    """The text of a template, rendered; what it includes is looked for beside it first. Raises AnsibleError."""
    search = [str(path.parent), *variables.get("ansible_search_path", [])]
    own = templar.copy_with_new_env(searchpath=search, available_variables=variables)
    overrides = {"trim_blocks": True, "lstrip_blocks": True}
    return str(own.template(trust_as_template(text), escape_backslashes=False, overrides=overrides) or "")


def _find(action: ActionBase, folder: str, path: str) -> Path:
    try:
        return Path(action._find_needle(folder, path))
    except AnsibleError as error:
        raise AnsibleActionFail(str(error)) from error


def _text(action: ActionBase, path: Path) -> str:
    return str(action._loader.get_text_file_contents(str(path)))
