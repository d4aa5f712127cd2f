# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the get-pip script that ansible-test would download from a site that not every machine can reach.

It is given get-pip's arguments, in a new environment without pip: the interpreter's own copy of pip does the work.
"""

from __future__ import annotations

import subprocess
import sys

NOT_PIPS = {"--no-setuptools", "--no-wheel"}

subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
packages = [word for word in sys.argv[1:] if word not in NOT_PIPS]
sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", *packages], check=False).returncode)
