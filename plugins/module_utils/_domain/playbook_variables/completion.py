# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bash completes, extensions/completion/ansible-playbook.bash, from the declarations of all variables."""

from __future__ import annotations

from collections.abc import Iterator

from .declared import EVERY, VARIABLES
from .variable import Kind, Variable

_HEAD = """\
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Completes the playbooks of fireworks.byoc, the variables of each after -e, and the values of those that have few.
# For bash 4.2 and newer: source it in ~/.bashrc.
# Made from the same table as docs/variables.md, by `python docs/generate.py`.
"""
_FUNCTION = r"""
_fireworks_byoc() {
    local line=${COMP_LINE:0:COMP_POINT} playbook="" word
    COMPREPLY=()
    # Not COMP_WORDS: bash cuts those at =.
    local -a words
    read -ra words <<< "$line"
    [[ $line == *" " ]] && words+=("")
    local current=${words[-1]} before=${words[-2]-}
    for word in "${words[@]:1}"; do
        [[ $word == fireworks.byoc.* && -n ${_fireworks_byoc_variables[${word##*.}]+x} ]] && playbook=${word##*.}
    done
    if [[ ($before == -e || $before == --extra-vars) && -n $playbook ]]; then
        if [[ $current == *=* ]]; then
            local values=${_fireworks_byoc_values[$playbook ${current%%=*}]-}
            [[ -n $values ]] && mapfile -t COMPREPLY < <(compgen -W "$values" -- "${current#*=}")
        else
            mapfile -t COMPREPLY < <(compgen -S = -W "${_fireworks_byoc_variables[$playbook]}" -- "$current")
            compopt -o nospace 2> /dev/null
        fi
    elif [[ $current == f* && -z $playbook ]]; then
        local begun=${current#fireworks.byoc.}
        [[ fireworks.byoc. == "$current"* ]] && begun=""
        mapfile -t COMPREPLY < <(compgen -P fireworks.byoc. -W "${!_fireworks_byoc_variables[*]}" -- "$begun")
    fi
}

complete -o default -F _fireworks_byoc ansible-playbook
"""


def completion_script() -> str:
    """The whole script."""
    return "\n".join([_HEAD, *_names(), "", *_values()]) + "\n" + _FUNCTION


def _names() -> Iterator[str]:
    yield "declare -gA _fireworks_byoc_variables=("
    for playbook in sorted(EVERY):
        own = [each for each in VARIABLES if playbook in each.playbooks]
        # Those that it refuses without come first in the table, and so in the reader's eye.
        names = dict.fromkeys(each.name for each in sorted(own, key=lambda each: playbook not in each.required))
        yield f'    [{playbook}]="{" ".join(names)}"'
    yield ")"


def _values() -> Iterator[str]:
    yield "declare -gA _fireworks_byoc_values=("
    for playbook in sorted(EVERY):
        for each in VARIABLES:
            if playbook in each.playbooks and (values := _few(each)):
                yield f'    ["{playbook} {each.name}"]="{" ".join(values)}"'
    yield ")"


def _few(variable: Variable) -> tuple[str, ...]:
    return ("true", "false") if variable.kind is Kind.TRUTH else variable.choices
