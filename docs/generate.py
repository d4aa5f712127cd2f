# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write variables.md, the list of runbooks and what bash completes from their declarations: python docs/generate.py"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
COMPLETION = HERE.parent / "extensions" / "completion" / "ansible-playbook.bash"
PAGE, RUNBOOKS = HERE / "variables.md", HERE / "runbooks" / "README.md"
_RUNBOOKS_BEGIN = """# Runbooks

What to do when a run ends with a code. The last line of a cluster's block, and `runbook` in the
[result](../results.md), name the page, by its path in this collection and in its repository.

| page | codes |
|---|---|
"""
_ALERTS_BEGIN = """
## Alerts

What to do when [an alert](../alerts.md) arrives. Its annotation `runbook_url` names the page.

| page | alert | severity | who acts |
|---|---|---|---|
"""


def page_text() -> str:
    """The content of the page of variables."""
    text: str = _imported("_domain", "playbook_variables.reference").reference_page()
    return text


def completion_text() -> str:
    """The script that bash completes by."""
    text: str = _imported("_domain", "playbook_variables.completion").completion_script()
    return text


def runbooks_text() -> str:
    """The content of the list of runbooks."""
    rows = []
    for name, codes in _imported("_vocabulary", "runbooks").PAGES.items():
        title = (RUNBOOKS.parent / f"{name}.md").read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        rows.append(f"| [{title}]({name}.md) | {', '.join(f'`{code}`' for code in codes)} |\n")
    return _RUNBOOKS_BEGIN + "".join(rows) + _ALERTS_BEGIN + "".join(map(_alert_row, _alert_pages()))


def _alert_pages() -> list[Path]:
    """The pages of alerts, which are named after them: with a capital."""
    return sorted(path for path in RUNBOOKS.parent.glob("[A-Z]*.md") if path != RUNBOOKS)


def _alert_row(page: Path) -> str:
    title, _empty, said, *_rest = page.read_text(encoding="utf-8").splitlines()
    facts, _dot, who = said.partition(". Who acts: ")
    severity = facts.rpartition("severity ")[2].strip("`")
    return f"| [{title.removeprefix('# ')}]({page.name}) | `{page.stem}` | {severity} | {who.removesuffix('.')} |\n"


def _imported(folder: str, name: str) -> ModuleType:
    """A module that stands on its own, so that no Ansible is needed to write the pages."""
    sys.path.insert(0, str(HERE.parent / "plugins" / "module_utils" / folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


if __name__ == "__main__":
    RUNBOOKS.write_text(runbooks_text(), encoding="utf-8")
    PAGE.write_text(page_text(), encoding="utf-8")
    COMPLETION.parent.mkdir(exist_ok=True)
    COMPLETION.write_text(completion_text(), encoding="utf-8")
