# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place where what an operator gave is read, by the declared kind of its variable."""

from __future__ import annotations

from typing import Any

from .declared import VARIABLES
from .variable import DATA, Kind, Variable, as_kind

#: Options of roles that are data, and that a survey gives as text like any variable.
_OF_ROLES = (
    Variable("model_names", Kind.LIST, "the models of the contract that are meant", ()),
    Variable("remediate_nodes", Kind.LIST, "only these nodes", ()),
    Variable("remediate_required", Kind.LIST, "the tests that a node must have passed", ()),
    Variable("remediate_validate_names", Kind.LIST, "the tests that the tasks run", ()),
)
#: What each is called in every playbook means one kind of data.
_READ = {each.name: each for each in (*VARIABLES, *_OF_ROLES) if each.kind in DATA}


def given_value(name: str, value: Any) -> Any:
    """What an operator gave, as the kind of data that its variable is; an empty one where they gave nothing.

    :raises ValueError: it is something else; what it has to be, in words.
    """
    variable = _READ[name]
    try:
        return as_kind(variable.kind, value)
    except ValueError:
        raise ValueError(variable.doubt(value)) from None
