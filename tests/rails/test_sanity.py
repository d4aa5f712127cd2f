# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own checks, over what is shipped."""

from __future__ import annotations

import pytest

from tests.rails.running import passes
from tests.tools import sanity


@pytest.mark.slow
def test_ansible_test_sanity_passes(tarball, development):
    folder = sanity.prepare(tarball)
    passes(sanity.command(development), log="sanity", env=sanity.variables(development), cwd=folder, timeout=900)
