# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make docs`: check the documentation of plugins and roles, and write a page for each into build/docs."""

from __future__ import annotations

import os
import shutil
import sys

from tests.tools.environments import ROOT, SetupError, run, tools

PAGES = ROOT / "build" / "docs"
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
        shutil.rmtree(PAGES, ignore_errors=True)
        PAGES.mkdir(parents=True)
        how = ["--use-current", "--squash-hierarchy", "--output-format", "simplified-rst", "--dest-dir", str(PAGES)]
        run([program, "collection", *how, COLLECTION], "writing the pages", env=env)
    except SetupError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    print(f"docs         sound; {len(list(PAGES.glob('*.rst')))} pages, from build/docs/index.rst")
    return 0


if __name__ == "__main__":
    sys.exit(main())
