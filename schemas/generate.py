# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write contract.schema.json, for editors, from the schema that validates contracts: python schemas/generate.py"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCHEMA_FILE = HERE / "contract.schema.json"


def schema_text() -> str:
    """The content of the published schema."""
    # The package stands on its own, so that no Ansible is needed to publish the schema.
    sys.path.insert(0, str(HERE.parent / "plugins" / "module_utils" / "_domain"))
    try:
        schema = importlib.import_module("contract.schema").SCHEMA
    finally:
        sys.path.pop(0)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
