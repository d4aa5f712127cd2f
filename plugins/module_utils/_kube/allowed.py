# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kubeconfig may use of this machine, whose files and programs are not those of who wrote it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .credential_files import expanded
from .errors import CredentialError
from .exec_spec import variables_of


@dataclass(frozen=True)
class Allowed:
    """Nothing, unless it is said.

    :param exec_plugins: the commands that a kubeconfig may run, each with the environment variables it may set for it.
    :param directories: the folders below which the files are that it may name.
    :param kubeconfig: its own path; files beside it are its own. Empty where it is no file.
    :param search_path: where commands without a slash are looked up: ours, whatever the kubeconfig sets.
    """

    exec_plugins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    directories: Sequence[str] = ()
    kubeconfig: str = ""
    search_path: str | None = None

    def real_path(self, path: str, what: str, source: str) -> str:
        """The path of a file without links, so that what was looked at is what is read.

        :raises CredentialError: it lies elsewhere.
        """
        real, own = Path(path).resolve(), Path(self.kubeconfig)
        beside = {own.parent.resolve(), own.resolve().parent} if self.kubeconfig else set()
        if real.parent in beside or any(real.is_relative_to(expanded(root).resolve()) for root in self.directories):
            return str(real)
        raise CredentialError(
            f"the {what} is {path}, which is neither beside the kubeconfig nor in a directory of this "
            "customer's credentials",
            where=source,
            next_step="put its content into the kubeconfig (kubectl config view --raw --flatten), or add to this "
            f"customer's `credential_roots` in the inventory source: directories: {json.dumps([str(real.parent)])}",
        )

    def command(self, spec: Mapping[str, Any], source: str) -> str:
        """The command of an ``exec`` section, found on our own path.

        :raises CredentialError: the fleet's owner has not listed it, or not what the kubeconfig sets for it.
        """
        command = spec["command"]
        variables = sorted({name for name, _value in variables_of(spec, source)})
        known = self.exec_plugins.get(command)
        if known is None:
            raise _refused(
                f"the kubeconfig runs the command {command!r}, which is not listed", command, variables, source
            )
        if more := [name for name in variables if name not in known]:
            what = f"the kubeconfig sets {', '.join(more)} for the command {command!r}, which is not listed for it"
            raise _refused(what, command, [*known, *more], source)
        found = shutil.which(command, path=self.search_path)
        if found is None:
            raise CredentialError(
                f"the exec plugin {command} is not on this machine, or not executable",
                where=source,
                # What the hint says is not repeated: it is a text of whoever wrote the kubeconfig.
                next_step="install it where Ansible runs, on the PATH"
                + ("; `exec.installHint` of the kubeconfig says how" if spec.get("installHint") else ""),
            )
        return str(found)


def _refused(what: str, command: str, variables: Sequence[str], source: str) -> CredentialError:
    line = f"exec_plugins: {json.dumps({command: list(variables)})}"
    return CredentialError(
        f"{what} in the fleet's `exec_plugins`",
        where=source,
        next_step=f"if it may, who runs the fleet adds to the inventory source (*.byoc.yml): {line}",
    )
