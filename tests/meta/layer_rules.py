# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about floors: who may know whom (docs/map.md), found in the syntax tree and not in the wording."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.meta.tree import Tree

UTILS = "plugins/module_utils"
OUTSIDE = {
    *(
        "asyncio",
        "fcntl",
        "glob",
        "http",
        "kubernetes",
        "multiprocessing",
        "openshift",
        "os",
        "pathlib",
        "random",
        "requests",
    ),
    *(
        "secrets",
        "select",
        "shutil",
        "signal",
        "socket",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib3",
    ),
    *("aiohttp", "concurrent", "logging", "ansible"),
}
# What of these does no I/O: pure functions over texts.
HARMLESS = {"pathlib.PurePath", "pathlib.PurePosixPath", "sys.intern", "time.struct_time"}
ACTS = {"open", "print", "input", "exec", "eval", "breakpoint"}
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid1", "uuid.uuid4"}
SERVING_WORDS = re.compile(r"nvidia|\bgpus?\b|vllm|\bmodels?\b|kserve", re.IGNORECASE)
#: Who makes the path of all objects of a discovered kind, and what becomes there of a kind that is served no more.
OF_WHOLE_KINDS = {
    f"{UTILS}/_kube/discovery.py": "its definition is gone, and its objects with it",
    f"{UTILS}/_kube/wait.py": "what is waited for will not be ready any more, or is gone",
    f"{UTILS}/_operations/cluster_info.py": "its reader finds nothing",
}


def thinking_that_acts(tree: Tree) -> list[str]:
    """_domain and _vocabulary do no I/O, and take no clock and no random source but as an argument."""
    problems = []
    for path in [*tree.python(f"{UTILS}/_domain"), *tree.python(f"{UTILS}/_vocabulary")]:
        name = tree.named(path)
        for line, module in imports(path, ours=False):
            if module.split(".")[0] in OUTSIDE and module not in HARMLESS:
                problems.append(f"{name}:{line}: the thinking imports {module}")
        problems += [f"{name}:{line}: the thinking {what}" for line, what in _acts(path)]
    return problems


def floors_crossed(tree: Tree) -> list[str]:
    """_domain and _kube know nothing of each other, nor of what is built on them; all may know the vocabulary."""
    upper = ("_operations", "_operation", "_connection")
    above = {
        "_domain": ("_kube", *upper),
        "_kube": ("_domain", *upper),
        "_vocabulary": ("_domain", "_kube", *upper),
    }
    problems = []
    for floor, forbidden in above.items():
        for path in tree.python(f"{UTILS}/{floor}"):
            for line, module in imports(path):
                crossed = set(forbidden) & set(module.split("."))
                problems += [f"{tree.named(path)}:{line}: {floor} imports {other}" for other in sorted(crossed)]
    return problems


def talking_of_serving(tree: Tree) -> list[str]:
    """_kube is of one API server; it names neither GPUs nor models."""
    problems = []
    for path in tree.python(f"{UTILS}/_kube"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = line.split("#")[0]
            if SERVING_WORDS.search(code) and '"""' not in code:
                problems.append(f"{tree.named(path)}:{number}: {line.strip()}")
    return problems


def listings_of_what_may_be_gone(tree: Tree) -> list[str]:
    """Only discovery lists a kind that was discovered: its definition may have been deleted since.

    A path without a name is of all objects of the kind, and whoever makes one is going to list them.
    """
    problems = []
    for floor in ("_kube", "_operations"):
        for path in tree.python(f"{UTILS}/{floor}"):
            name = tree.named(path)
            for node in ast.walk(ast.parse(path.read_text())) if name not in OF_WHOLE_KINDS else ():
                if isinstance(node, ast.Call) and _is_of_whole_kind(node):
                    problems.append(f"{name}:{node.lineno}: {ast.unparse(node)}: not by items_of or metadata_of")
    return problems


def _is_of_whole_kind(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "path" and len(call.args) + len(call.keywords) < 2


def imports(path: Path, *, ours: bool = True) -> Iterator[tuple[int, str]]:
    """Each import, as line and dotted name; `from a import b` is a.b, since b may be a module.

    :param ours: whether relative imports count too.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (ours or not node.level):
            yield from ((node.lineno, f"{node.module or ''}.{alias.name}".strip(".")) for alias in node.names)


def _acts(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = ".".join(ast.unparse(node.func).split(".")[-2:])
        if called in ACTS:
            yield node.lineno, f"calls {called}()"
        elif called in CLOCKS:
            yield node.lineno, f"takes a clock or chance that nobody gave it, with {called}()"
