# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own checks, over what is shipped."""

from __future__ import annotations

import pytest

from tests.rails.running import passes
from tests.tools import sanity

#: What they find, others find first: ansible-doc of the tarball, antsibull-changelog, unit tests (which import every
#: plugin) and ruff. They take most of the time.
_LONG = ("ansible-doc", "changelog", "import", "pylint")


def test_ansible_test_sanity_passes_but_for_its_long_tests(tarball, development):
    run(tarball, development, "--skip-test", log="sanity")


@pytest.mark.soak
@pytest.mark.slow
def test_the_long_tests_of_ansible_test_sanity_pass(tarball, development):
    run(tarball, development, "--test", log="sanity-long")


def run(tarball, development, option: str, *, log: str) -> None:
    folder = sanity.prepare(tarball, log)
    chosen = [word for name in _LONG for word in (option, name)]
    command = [*sanity.command(development), *chosen]
    passes(command, log=log, env=sanity.variables(development), cwd=folder, timeout=900)
