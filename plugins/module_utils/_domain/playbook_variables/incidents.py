# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of ``incident`` that no other playbook takes so."""

from __future__ import annotations

from .variable import Kind, Variable

OF_INCIDENTS = ("incident",)

INCIDENT_VARIABLES = (
    Variable(
        "do",
        Kind.TEXT,
        "what to do",
        OF_INCIDENTS,
        default="`show`",
        choices=("open", "show", "note", "close"),
    ),
    Variable("incident", Kind.NUMBER, "the number of an incident", OF_INCIDENTS, default="all of them", least=1),
    Variable("note", Kind.TEXT, "what is reported, noted, or how it ended", OF_INCIDENTS),
    Variable(
        "owner",
        Kind.TEXT,
        "who has to act from now on",
        OF_INCIDENTS,
        default="as before",
        choices=("customer", "fireworks"),
    ),
    Variable(
        "contact",
        Kind.TEXT,
        "of the customer, which of the contract's contacts",
        OF_INCIDENTS,
        default="`support`",
        choices=("networking", "account", "capacity", "security", "support"),
    ),
    Variable("ask", Kind.TEXT, "what exactly is asked of them", OF_INCIDENTS),
    Variable(
        "alert",
        Kind.MAPPING,
        "the alert that opens it: its labels `alertname`, `severity`, `owner`, `contact`",
        OF_INCIDENTS,
    ),
    Variable("component", Kind.TEXT, "the component of the stack that it is about", OF_INCIDENTS),
    Variable("bundle_file", Kind.PATH, "a support bundle, whose digest is noted", OF_INCIDENTS),
    Variable("send_incident", Kind.PATH, "tasks that post, mail or file what changed", OF_INCIDENTS),
    Variable(
        "incident_dir",
        Kind.PATH,
        "the folder of the pages of reviews",
        OF_INCIDENTS,
        default="~/.byoc/incidents, where one is closed",
    ),
    Variable("nodes", Kind.LIST, "the nodes that it is about", OF_INCIDENTS),
)
