# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what is made from the collection's schemas: python schemas/generate.py"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOMAIN = HERE.parent / "plugins" / "module_utils" / "_domain"


def published(schema: dict[str, Any]) -> str:
    """The schema itself: of a contract for editors, of a run's result for machines."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def typed(schema: dict[str, Any]) -> str:
    """The types of what is valid by the schema, for those who read it."""
    return str(_module(HERE, "typed").typed_text(schema))


#: Each file with the module whose SCHEMA it is made from, and how.
FILES: dict[Path, tuple[str, Callable[[dict[str, Any]], str]]] = {
    HERE / "contract.schema.json": ("contract.schema", published),
    HERE / "result.schema.json": ("result_schema", published),
    DOMAIN / "contract" / "typed.py": ("contract.schema", typed),
}


def text_of(path: Path) -> str:
    """The content of a file that is made from a schema."""
    module, made = FILES[path]
    # These modules stand on their own, so that no Ansible is needed to read them.
    return made(_module(DOMAIN, module).SCHEMA)


def _module(folder: Path, name: str) -> Any:
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


if __name__ == "__main__":
    for path in FILES:
        path.write_text(text_of(path), encoding="utf-8")
