# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make docs`: check the documentation of plugins and roles, and make one site of it and of docs/ in build/docs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.tools.environments import ROOT, Environment, SetupError, run, tools

SITE = ROOT / "build" / "docs"
SOURCE = ROOT / "build" / "docs-source"
COLLECTION = "fireworks.byoc"


def main() -> int:
    """Check first: a page with a broken reference is not worth reading."""
    try:
        checker = tools()
        checker.ensure()
        program = str(checker.bin / "antsibull-docs")
        path = os.pathsep.join([str(checker.bin), os.environ.get("PATH", os.defpath)])
        env = {**os.environ, "PATH": path, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        lint = ["lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", "."]
        run([program, *lint], "checking the documentation", env=env)
        plugins = SOURCE / "plugins"
        gather(SOURCE)
        plugins.mkdir()
        how = ["--use-current", "--squash-hierarchy", "--output-format", "simplified-rst", "--dest-dir", str(plugins)]
        run([program, "collection", *how, COLLECTION], "writing the pages of plugins", env=env)
        build(checker, SOURCE, SITE)
    except SetupError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    print(f"docs         sound; {len(list(SITE.rglob('*.html')))} pages, from build/docs/index.html")
    return 0


def gather(source: Path) -> None:
    """A copy of docs/, to which pages can be added."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source, ignore=shutil.ignore_patterns("__pycache__"))


def build(checker: Environment, source: Path, site: Path) -> None:
    """The site; a warning of Sphinx's, such as a link that leads nowhere, is an error."""
    shutil.rmtree(site, ignore_errors=True)
    options = ["-b", "html", "-E", "-W", "--keep-going", "-q", "-d", str(source.with_name(f"{source.name}-trees"))]
    env = {**os.environ, "BYOC_ROOT": str(ROOT)}
    run([str(checker.bin / "sphinx-build"), *options, str(source), str(site)], "making the site", env=env)


if __name__ == "__main__":
    sys.exit(main())
