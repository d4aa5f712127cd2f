# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the router is told of the models: which name leads to which cluster, and where that one's replicas are.

The router's own part (where it listens, how it reads a request, how it says no) belongs to the stack release. This one
is the deployer's, and changes with the models alone. See docs/router.md.
"""
