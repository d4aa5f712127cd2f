# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the published schemas from those that the collection works by: python schemas/generate.py"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOMAIN = HERE.parent / "plugins" / "module_utils" / "_domain"
#: Each file with the module whose SCHEMA it publishes: of a contract for editors, of a run's result for machines.
FILES = {
    HERE / "contract.schema.json": "contract.schema",
    HERE / "result.schema.json": "result_schema",
}


def schema_text(module: str) -> str:
    """The content of a published schema."""
    # These modules stand on their own, so that no Ansible is needed to publish them.
    sys.path.insert(0, str(DOMAIN))
    try:
        schema = importlib.import_module(module).SCHEMA
    finally:
        sys.path.pop(0)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for path, module in FILES.items():
        path.write_text(schema_text(module), encoding="utf-8")
