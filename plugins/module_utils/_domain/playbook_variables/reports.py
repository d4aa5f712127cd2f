# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of playbooks that read, about what they read and where they write what they found."""

from __future__ import annotations

from .variable import Kind, Variable

REPORT_VARIABLES = (
    Variable(
        "of",
        Kind.TEXT,
        "whose logs: a component of the stack, a model or a pod",
        ("logs",),
        default="all in our two namespaces",
    ),
    Variable("since", Kind.TEXT, "how far back, like 15m or 1h30m", ("logs",), default="`15m`"),
    Variable("grep", Kind.TEXT, "a regular expression that lines have to have", ("logs",)),
    Variable("lines", Kind.NUMBER, "the newest so many lines are shown", ("logs",), default="500", least=1),
    Variable("around", Kind.MOMENT, "the moment that a bundle is about", ("support_bundle",), default="now"),
    Variable("before", Kind.TEXT, "how much time before it", ("support_bundle",), default="`30m`"),
    Variable("after", Kind.TEXT, "how much time after it", ("support_bundle",), default="`10m`"),
    Variable("bundle_dir", Kind.PATH, "the folder of bundles", ("support_bundle",), default="~/.byoc/bundles"),
    Variable("logs_file", Kind.PATH, "where the lines are written, so many of each cluster", ("logs",)),
    Variable("health_file", Kind.PATH, "where all findings are written as JSON", ("health",)),
    Variable(
        "report_file",
        Kind.PATH,
        "where the page is written, and as JSON beside it",
        ("fleet_report",),
        default="~/.byoc/fleet-report.html",
    ),
)
