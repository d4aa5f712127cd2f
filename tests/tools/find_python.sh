#!/bin/sh
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Usage: find_python.sh 3.12 3.13 …
# Prints the first Python of these minor versions, in this order, that really runs and can make a virtual environment.
# A name on PATH proves nothing: version managers put shims there that start no Python. So each candidate is run.
set -u

runs_as() { # candidate, wanted version: prints where it really is
    [ -x "$1" ] || return 1
    "$1" -c "import os, sys, venv, ensurepip, ssl
if '%d.%d' % sys.version_info[:2] != '$2': sys.exit(1)
print(os.path.realpath(sys.executable))" </dev/null 2>/dev/null
}

candidates() { # wanted version
    # The places are made of words that have no blanks except, perhaps, in the home folder; one path a line.
    (
        IFS=:
        for folder in $PATH; do
            printf '%s\n' "$folder/python$1" "$folder/python3"
            case $folder in
                # A version manager's shims: the Pythons themselves live beside them.
                */shims) printf '%s\n' "${folder%/shims}"/versions/"$1"*/bin/python \
                                       "${folder%/shims}"/installs/python/"$1"*/bin/python ;;
            esac
        done
    )
    for pattern in \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1" \
        "$HOME/.pyenv/versions/$1" \
        "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}/cpython-$1" \
        "$HOME/.asdf/installs/python/$1" \
        "$HOME/.local/share/mise/installs/python/$1"
    do
        printf '%s\n' "$pattern"*/bin/python3
    done
    printf '%s\n' /opt/*/bin/python"$1" /opt/python*"$1"*/bin/python3 /usr/local/bin/python"$1" /usr/bin/python"$1"
}

for version in "$@"; do
    found=$(candidates "$version" | while IFS= read -r candidate; do
        runs_as "$candidate" "$version" && break
    done)
    if [ -n "$found" ]; then
        printf '%s\n' "$found"
        exit 0
    fi
done
exit 1
