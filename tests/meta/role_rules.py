# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about roles and playbooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.meta.tree import NAMESPACE, Role, Tree, read_yaml


def specs_unlike_defaults(tree: Tree) -> list[str]:
    """Ansible checks values with the spec and takes them from the defaults; that both say the same is our own care.

    A default that is computed (a template in defaults/main.yml) is no default in the spec, where ansible-doc would show
    its text: there the description tells it, in a sentence that begins with "Unless given,".
    """
    return [f"role {role.name}: {what}" for role in tree.roles for what in _spec_problems(role)]


def _spec_problems(role: Role) -> list[str]:
    if "main" not in role.entries:
        return ["meta/argument_specs.yml describes no entry point main"]
    options = role.options
    problems = [f"{name} is in defaults/main.yml and not in the spec" for name in role.defaults.keys() - options.keys()]
    for name, option in options.items():
        problems += _default_problems(name, option, role.defaults)
    problems += [f"{name} does not begin with {role.name}_" for name in options if not name.startswith(f"{role.name}_")]
    problems += [f"{name} is internal, and in the spec" for name in options if name.startswith(f"{role.name}__")]
    return sorted(problems)


def _default_problems(name: str, option: dict[str, Any], defaults: dict[str, Any]) -> list[str]:
    said = "default" in option
    if name not in defaults:
        return [f"{name} has a default in the spec and none in defaults/main.yml"] if said else []
    default = defaults[name]
    if _is_template(default):
        if said:
            return [f"{name} is {option['default']!r} in the spec and {default!r} in defaults/main.yml"]
        computed = "Unless given," in _text(option.get("description"))
        return [] if computed else [f'{name} is computed, and its description has no sentence "Unless given, ..."']
    if not said:
        return [f"{name} has a default in defaults/main.yml and none in the spec"]
    if (option["default"], type(option["default"])) != (default, type(default)):
        return [f"{name} is {option['default']!r} in the spec and {default!r} in defaults/main.yml"]
    return []


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value


def _text(description: Any) -> str:
    return " ".join(description) if isinstance(description, list) else str(description or "")


def lists_read_as_letters(tree: Tree) -> list[str]:
    """``-e name=value`` and surveys give text, which Jinja takes for the list of its letters.

    So a role hands its lists of texts to a module, whose argument spec makes a list of one of them, or to a filter that
    uses ``given_data``, or to that itself; it asks nothing else of them.
    """
    found = []
    for role in tree.roles:
        names = [
            name for name, option in role.options.items() if (option.get("type"), option.get("elements")) == _TEXTS
        ]
        for path in sorted(p for folder in ("tasks", "vars", "handlers") for p in (role.path / folder).rglob("*.yml")):
            text = path.read_text(encoding="utf-8")
            found += [f"{path.relative_to(tree.root)}: {name} may be text, and is read as its letters"
                      for name in names if _may_be_read_as_letters(name, text)]  # fmt: skip
    return found


_TEXTS = ("list", "str")


def _may_be_read_as_letters(name: str, text: str) -> bool:
    for known in _HARMLESS_USES:
        text = re.sub(known.format(name=name), "", text)
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    # What is quoted in a sentence is followed by a letter, a stop or a comma, and is in no template.
    return any(
        re.search(rf"\b{name}\b", template) for template in re.findall(r"\{\{.*?\}\}|\{%.*?%\}", code, re.DOTALL)
    )


_HARMLESS_USES = (
    r"{name} \| fireworks\.byoc\.given_data\('{name}'\)",
    r"\{{\{{ {name}(?: \| default\(omit(?:, true)?\))? \}}\}}",
    r"model_changes\({name},",
    r"not {name}\b",
)


def options_that_beat_the_inventory(tree: Tree) -> list[str]:
    """vars/main.yml beats the inventory: what is there is no option, and its name says so by two underscores."""
    return [
        f"role {role.name}: {name} is in vars/main.yml, where an inventory cannot set it; an option belongs into "
        f"defaults/main.yml, and what is none is called {role.name}__..."
        for role in tree.roles
        for name in sorted(role.variables)
        if not name.startswith(f"{role.name}__")
    ]


def roles_undescribed(tree: Tree) -> list[str]:
    """A role has a README, and tasks for each entry point. (The spec tells its options; ansible-doc shows them.)"""
    problems = []
    for role in tree.roles:
        readme = role.path / "README.md"
        if not readme.exists() or not readme.read_text().strip():
            problems.append(f"role {role.name}: no README.md")
        for entry in role.entries:
            if not (role.path / "tasks" / f"{entry}.yml").exists():
                problems.append(f"role {role.name}: entry point {entry} has no tasks/{entry}.yml")
    return problems


def playbooks_misnamed(tree: Tree) -> list[str]:
    """A playbook in a collection is run by its full name, which must be a Python identifier."""
    found = [path.stem for path in tree.playbooks if not re.fullmatch(r"[a-z][a-z0-9_]*", path.stem)]
    return [f"playbook {stem}: cannot be run as {NAMESPACE}.{stem}" for stem in found]


def playbooks_unchecked(tree: Tree) -> list[str]:
    """Each playbook is run with --check by a file of integration tests that names it."""
    tests = tree.integration_tests()
    checking = [text for text in tests.values() if "--check" in text]
    return [
        f"playbook {path.stem}: no file in tests/integration runs {path.name} or {NAMESPACE}.{path.stem} with --check"
        for path in tree.playbooks
        if not any(_names(path, text) for text in checking)
    ]


def _names(playbook: Path, text: str) -> bool:
    return re.search(rf"\b({re.escape(playbook.name)}|{re.escape(NAMESPACE)}\.{playbook.stem})\b", text) is not None


def playbooks_gathering_facts(tree: Tree) -> list[str]:
    """Facts of the controller cost 1.2 s a host, and no play of ours uses them."""
    problems = []
    for path in tree.playbooks:
        for play in read_yaml(path) or []:
            if "hosts" in play and play.get("gather_facts") is not False:
                problems.append(f"playbook {path.stem}: play {play.get('name')!r} does not say gather_facts: false")
    return problems
