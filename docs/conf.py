# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes a site of the pages here: `make docs`. They are whole on GitHub, and hold nothing of Sphinx's."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

project = "fireworks.byoc"
author = "Fireworks AI"
extensions = ["myst_parser"]
html_theme = "alabaster"
html_theme_options = {"fixed_sidebar": True, "page_width": "1100px", "sidebar_width": "240px"}
html_copy_source = False
html_show_copyright = False
templates_path: list[str] = []
exclude_patterns = ["generate.py", "conf.py"]
myst_heading_anchors = 4
# Blocks of shell with places that are to be filled in, such as <node>.
suppress_warnings = ["misc.highlighting_failure"]

ROOT = Path(os.environ.get("BYOC_ROOT") or Path(__file__).resolve().parents[1])
"""The repository, when the site is made of a copy of this folder."""
BLOB = "https://github.com/fw-ai/fireworks-byoc-ansible/blob/main"
OUTSIDE = re.compile(r"\]\(((?:\.\./)+)([^)#\s]+)(#[^)\s]*)?\)")

#: The order of the site. What is in no part is an error: Sphinx warns of a page that no table of contents has.
PARTS = {
    "Begin": ["start", "concepts", "security", "glossary"],
    "Guides": [
        *("guides/models", "guides/approve", "guides/hardened", "guides/upgrade", "guides/emergency", "guides/nodes"),
        *("guides/credentials", "guides/offboard", "guides/openshift", "guides/kubernetes-core", "awx"),
    ],
    "How it works": [
        *("access", "models", "rollout", "scaling", "upgrades", "router", "health", "remediation", "events", "alerts"),
        *("incidents", "placement", "logs", "records", "report"),
    ],
    "Reference": ["contract", "variables", "results", "metrics", "names", "troubleshooting"],
    "Runbooks": ["runbooks/README", "runbooks/*"],
    "Develop": ["playbooks", "map", "measured", "decisions/*"],
}


def _prepare(app: Sphinx, page: str, text: list[str]) -> None:
    """Give the front page its contents, and what lies outside this folder its address on GitHub."""
    if page == "index":
        plugins = {"Plugins and roles": ["plugins/index"]} if (Path(app.srcdir) / "plugins").exists() else {}
        text[0] += "".join(
            f"\n```{{toctree}}\n:caption: {part}\n:hidden:\n:glob:\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```\n"
            for part, pages in {**PARTS, **plugins}.items()
        )
    if page.startswith("plugins/") and page != "plugins/index":
        text[0] = f":orphan:\n\n{text[0]}"  # the index has them, by kind
    here = (ROOT / "docs" / page).parent

    def address(found: re.Match[str]) -> str:
        path = (here / found[1] / found[2]).resolve()
        if path.is_relative_to(ROOT / "docs") and path.is_file():
            return found[0]
        if not path.exists():
            logging.getLogger(__name__).warning("%s does not exist", found[1] + found[2], location=page)
        return f"]({BLOB}/{path.relative_to(ROOT)}{found[3] or ''})"

    text[0] = OUTSIDE.sub(address, text[0])


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _prepare)
