# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables taken as they are, where a template does no more than name one, and where none is in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.template import is_trusted_as_template

_NAMED = re.compile(r"\{\{ *(?:hostvars\.([A-Za-z_][A-Za-z0-9_]*)\.)?([A-Za-z_][A-Za-z0-9_]*) *\}\}")


def looked_up(
    template: Any, variables: Mapping[str, Any], of_host: Callable[[str], Mapping[str, Any]] = lambda _host: {}
) -> Any:
    """The variable that a template names, still to be evaluated itself; any other value as it is.

    Ansible compiles a template each time anew. For one variable that takes longer than all else about it.

    :param of_host: the variables of another host.
    """
    named = _NAMED.fullmatch(template) if isinstance(template, str) and is_trusted_as_template(template) else None
    if not named:
        return template
    host, name = named.groups()
    return (of_host(host) if host else variables).get(name, template)


def is_plain(value: Any) -> bool:
    """Whether evaluating a value would change nothing: it is data without a template.

    Evaluating copies a value part by part; this only looks. What is neither text, number, list nor mapping is never
    plain.
    """
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or (isinstance(value, str | int | float) and not is_trusted_as_template(value))
