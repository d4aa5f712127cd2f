#!/bin/sh
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `make setup`, `make lock`: finds a Python, or fetches one where that is slow, and lets a module of tests/tools do the rest
# with it.
set -eu
cd "$(dirname "$0")/../.."

if .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    python=.venv/bin/python
elif [ -n "${BYOC_PYTHON:-}" ]; then
    python=$BYOC_PYTHON
elif found=$(sh tests/tools/find_python.sh 3.12 3.13 3.14 3.11); then
    python=$("$found" -m tests.tools.interpreter)
else
    echo "setup: no Python from 3.11 to 3.14 that runs and can make a virtual environment was found." >&2
    echo "       Install one (on Debian and Ubuntu: apt-get install python3-venv) or name it: BYOC_PYTHON=/path/to/python make setup" >&2
    exit 1
fi
exec "$python" -m "tests.tools.${1:-setup}"
