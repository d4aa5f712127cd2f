# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract refers to on the machine that runs Ansible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..contract.connection import connection_of
from ..contract.typed import Contract

_FILES = ("kubeconfig_file", "token_file", "ca_file")
_VARIABLES = ("kubeconfig_env", "token_env")


@dataclass(frozen=True)
class Reference:
    """One of them.

    :param place: in the contract. :param key: the part of the root that has to allow it.
    :param value: a file's absolute path without links, a variable's name, a lookup.
    :param is_credential: whether it is the credential, and not only what a server is trusted by.
    """

    place: str
    key: str
    value: Any
    is_credential: bool = True

    @property
    def name(self) -> tuple[str, ...]:
        """What is the same wherever the same credential is meant."""
        if self.key == "lookups":
            return (
                self.key,
                self.value["plugin"],
                *self.value["terms"],
                *map(str, sorted(self.value["options"].items())),
            )
        return self.key, self.value


def references_of(contract: Contract, *, base_dir: str, real: Callable[[str], str]) -> list[Reference]:
    """All of a valid contract's.

    :param base_dir: where its relative paths begin. :param real: gives the absolute path without links.
    """
    connection = connection_of(contract, base_dir=base_dir)
    found = []
    for key in (*_FILES, *_VARIABLES, "lookup"):
        if key not in connection:
            continue
        is_credential = key != "ca_file"
        place = f"access.credential.{key}" if is_credential else f"access.{key}"
        if key in _FILES:
            found.append(Reference(place, "directories", real(connection[key]), is_credential))
        else:
            found.append(Reference(place, "lookups" if key == "lookup" else "environment", connection[key]))
    return found


def gives_token(contract: Contract) -> bool:
    """Whether the contract's credential is a token, and no kubeconfig."""
    credential = contract["access"]["credential"]
    return any(key.startswith("token_") for key in credential) or credential.get("lookup", {}).get("gives") == "token"
