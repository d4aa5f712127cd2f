# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m byoc_testbed``."""

import sys

from .cli import main

sys.exit(main(sys.argv[1:]))
