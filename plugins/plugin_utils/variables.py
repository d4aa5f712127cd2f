# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables taken as they are, where a template does no more than name one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible.template import is_trusted_as_template

_NAMED = re.compile(r"\{\{ *([A-Za-z_][A-Za-z0-9_]*) *\}\}")


def looked_up(template: Any, variables: Mapping[str, Any]) -> Any:
    """The variable that a template names, still to be evaluated itself; any other value as it is.

    Ansible compiles a template each time anew. For one variable that takes longer than all else about it.
    """
    named = _NAMED.fullmatch(template) if isinstance(template, str) and is_trusted_as_template(template) else None
    return variables[named[1]] if named and named[1] in variables else template
