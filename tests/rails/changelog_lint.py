# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``antsibull-changelog lint``, without Sphinx, of which it would make an application for each entry of a fragment.

Fragments have no role or directive of Sphinx: one that had is refused so.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from antsibull_changelog.cli import main
    from rstcheck_core import _extras

    _extras.SPHINX_INSTALLED = False
    sys.argv = ["antsibull-changelog", "lint"]
    sys.exit(main())
