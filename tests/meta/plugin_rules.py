# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about modules, and the actions that run them inside Ansible's worker."""

from __future__ import annotations

import re

from tests.meta.tree import NAMESPACE, Plugin, Tree

# A module that is never run in-process, and why.
WITHOUT_ACTION: dict[str, str] = {}
ATTRIBUTES = ("check_mode", "diff_mode", "idempotent")
SUPPORT = {"full", "partial", "none", "N/A"}
GROUP = "cluster"


def actions_missing(tree: Tree) -> list[str]:
    """One function, two ways to run: a module has an action of its name, an action a module that documents it."""
    modules = {plugin.name for plugin in tree.plugins("modules")}
    actions = {plugin.name for plugin in tree.plugins("action")}
    return [
        *(f"module {name}: no action of this name" for name in sorted(modules - actions - set(WITHOUT_ACTION))),
        *(f"action {name}: no module of this name documents it" for name in sorted(actions - modules)),
    ]


def attributes_untrue(tree: Tree) -> list[str]:
    """Each module says whether it can check, diff and repeat; and what it says fits what it is."""
    return [
        f"module {plugin.name}: {what}" for plugin in tree.plugins("modules") for what in _attribute_problems(plugin)
    ]


def _attribute_problems(plugin: Plugin) -> list[str]:
    if not plugin.documentation:
        return ["has no DOCUMENTATION"]
    said = {name: plugin.full["attributes"].get(name, {}) for name in ATTRIBUTES}
    problems = [
        f"does not say its support of {name}" for name, its in said.items() if its.get("support") not in SUPPORT
    ]
    for name, its in said.items():
        if its.get("support") in ("partial", "none") and not its.get("details"):
            problems.append(f"says {its['support']} support of {name} and not why")
    if plugin.name.endswith("_info") and said["check_mode"].get("support") != "full":
        problems.append("reads only, so it works in check mode, but does not say so")
    return problems


PRIVATE = "Private to the playbooks and roles of this collection"
#: What users read and copy.
_OUTSIDE = re.compile(r"(?:docs|extensions/(?:awx/project|eda)|inventories)/.*\.(?:md|yml)|README\.md")


def filters_neither_public_nor_private(tree: Tree) -> list[str]:
    """A filter that pages and projects show is public; every other one says that it may change with any version."""
    shown = "\n".join(path.read_text() for path in tree.files if _OUTSIDE.fullmatch(tree.named(path)))
    problems = []
    for path in tree.files:
        if re.fullmatch(r"plugins/filter/\w+\.yml", tree.named(path)):
            is_public = bool(re.search(rf"\|\s*{re.escape(NAMESPACE)}\.{path.stem}\b", shown))
            if is_public == (PRIVATE in path.read_text()):
                problems.append(
                    f"{tree.named(path)}: {'is shown to users' if is_public else 'does not say'}: {PRIVATE}"
                )
    return problems


def untested(tree: Tree) -> list[str]:
    """A file of integration tests names each module in full; one that writes is tried in check mode there."""
    tests = tree.integration_tests().values()
    problems = []
    for plugin in tree.plugins("modules"):
        naming = [text for text in tests if re.search(rf"{NAMESPACE}\.{plugin.name}\b", text)]
        checks = plugin.full["attributes"].get("check_mode", {}).get("support") == "full"
        if not naming:
            problems.append(f"module {plugin.name}: no file in tests/integration names {NAMESPACE}.{plugin.name}")
        elif checks and not plugin.name.endswith("_info") and not any("--check" in text for text in naming):
            problems.append(f"module {plugin.name}: says that it supports check mode, and no integration test tries it")
    return problems


def action_group_wrong(tree: Tree) -> list[str]:
    """The group that lets a play say once how to reach the cluster lists every module that asks, and no other."""
    listed = {name.removeprefix(f"{NAMESPACE}.") for name in tree.runtime.get("action_groups", {}).get(GROUP, [])}
    asking = {plugin.name for plugin in tree.plugins("modules") if "connection" in plugin.full["options"]}
    return [
        *(
            f"meta/runtime.yml: {name} takes `connection`, and the group {GROUP} lacks it"
            for name in sorted(asking - listed)
        ),
        *(f"meta/runtime.yml: {name} in the group {GROUP} takes no `connection`" for name in sorted(listed - asking)),
    ]
