# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet's owner sets for one customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LookupRoot:
    """A lookup that contracts may name. ``options`` are the patterns of each option's value."""

    plugin: str
    terms: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Root:
    """All of one customer's; see the option ``credential_roots`` of the inventory.

    :param directories: without links, each an absolute path.
    :param contexts: None where any context of the customer's own kubeconfigs will do.
    """

    contracts: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    contexts: tuple[str, ...] | None = None
    lookups: tuple[LookupRoot, ...] = ()
