# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write variables.md from the declarations of the playbooks' variables: python docs/generate.py"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE / "variables.md"


def page_text() -> str:
    """The content of the page."""
    # The package stands on its own, so that no Ansible is needed to write the page.
    sys.path.insert(0, str(HERE.parent / "plugins" / "module_utils" / "_domain"))
    try:
        text: str = importlib.import_module("playbook_variables.reference").reference_page()
    finally:
        sys.path.pop(0)
    return text


if __name__ == "__main__":
    PAGE.write_text(page_text(), encoding="utf-8")
