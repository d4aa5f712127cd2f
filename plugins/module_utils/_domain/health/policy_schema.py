# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of a fault policy's table (roles/stack/files/faults.yml), as a JSON Schema."""

from __future__ import annotations

from ..contract.fields import Schema, choice, duration, field, flag, fraction, listing, section, text, whole
from ..contract.schema_health import CLASS_MEANT, CLASS_PATTERN, OWNERS, SEVERITIES, TOPICS, fault_action, fault_class

SCOPES = ["gpu", "node", "pod", "source"]
SAME = ["gpu", "unit", "node"]
SAYS = ["fatal", "nonfatal"]


def _named(title: str, description: str, value: Schema) -> Schema:
    """A mapping from words to one kind of value."""
    names = {"type": "string", "pattern": CLASS_PATTERN, "patternErrorMessage": CLASS_MEANT}
    return field("object", title, description, propertyNames=names, additionalProperties=value, maxProperties=100)


_LIMITS: dict[str, Schema] = {
    "moment_max_age": duration("Moments", "How old a line of the kernel's log or an event may be."),
    "condition_max_age": duration("Conditions", "How old the last heartbeat of a condition may be."),
    "silent_condition_max_age": duration("Silent conditions", "How old a condition without heartbeats may be."),
    "metrics_max_age": duration("Metrics", "How old metrics may be."),
    "lease_max_age": duration("Lease", "How old the renewal of a node's lease may be."),
    "not_ready_grace": duration("Not ready", "How long a node may be not ready."),
    "heartbeat_grace": duration("Heartbeat", "How long an engine with requests may do nothing."),
    "flaps": whole("Flaps", "How often a node may become not ready."),
    "flaps_within": duration("Flaps within", "In which time."),
    "slowdowns_per_minute": fraction("Slowdowns", "Hardware slowdowns a minute.", minimum=0.01, maximum=1000),
    "failing_pods": whole("Failing pods", "How many pods of ours fail on a node."),
    "remediations": whole("Remediations", "How often a node is repaired."),
    "remediations_within": duration("Remediations within", "In which time."),
    "fatal_repeats": whole("Fatal repeats", "How often a GPU needs a reset or more for the same."),
    "fatal_repeats_within": duration("Fatal repeats within", "In which time."),
}

_RECURRENCE = section(
    "Recurrence",
    "What is recommended when it comes back.",
    {
        "same": choice("Same", "Where it came back.", SAME),
        "times": whole("Times", "How often it was seen.", minimum=2),
        "within": duration("Within", "In which time."),
        "across_boot": flag(
            "Across a boot", "Whether it must have been seen before and after a reboot.", default=False
        ),
        "action": fault_action("What is recommended then."),
        "why": text("Why", "What the recurrence shows.", maxLength=400),
    },
    required=["same", "times", "within", "action", "why"],
)

_ROW = section(
    "Row",
    "One class of fault.",
    {
        "class": fault_class("The name of the class."),
        "title": text("Title", "What is wrong, in words.", maxLength=400),
        "xids": listing("XIDs", "The driver's codes of this class.", whole("XID", "A code.", maximum=9999)),
        "says": choice("Says", "What the line of the kernel's log says too.", SAYS),
        "signals": listing("Signals", "The other signs of this class.", text("Signal", "A sign, by its name.")),
        "scope": choice("Scope", "What is sick.", SCOPES),
        "severity": choice("Severity", "How bad it is.", SEVERITIES),
        "action": fault_action("What is recommended."),
        "quarantine": flag("Quarantine", "Whether new work keeps away, though the action is weaker.", default=False),
        "owner": choice("Owner", "Who has to act.", OWNERS),
        "contact": choice("Contact", "Which of the contract's contacts is asked.", TOPICS),
        "ask": text("Ask", "What exactly is asked of the owner.", maxLength=400),
        "survives_boot": flag("Survives a boot", "Whether a reboot proves nothing.", default=False),
        "driver_decides": flag("Driver decides", "Whether the driver's own word comes first.", default=False),
        "recurrence": listing("Recurrence", "What changes when it comes back.", _RECURRENCE, default=[]),
        "sources": listing("Sources", "Who says so, by the names in sources.", text("Source", "A name."), minItems=1),
        "peers": _named("Peers", "What others do.", text("Peer", "What one does.", maxLength=400)),
        "changed_by": text("Changed by", "Whose override changed the row."),
    },
    required=["class", "title", "scope", "severity", "action", "owner", "contact", "sources"],
)

POLICY_SCHEMA: Schema = section(
    "Fault policy",
    "What each sign of a sick GPU or node means.",
    {
        "version": text(
            "Version", "The table's version.", pattern=r"^[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,4}$", meant="like 2026.11.1"
        ),
        "limits": section("Limits", "How old signs may be, and how many count.", _LIMITS, required=list(_LIMITS)),
        "recovery_actions": listing(
            "Recovery actions",
            "What is done at each word of the driver.",
            section(
                "Recovery action",
                "One word of the driver.",
                {
                    "value": whole("Value", "Its number.", minimum=0, maximum=99),
                    "name": text("Name", "Its name in NVML."),
                    "action": fault_action("What is recommended."),
                },
                required=["value", "name", "action"],
            ),
        ),
        "sources": _named(
            "Sources",
            "What is cited.",
            section("Source", "One source.", {"name": text("Name", "Its name."), "at": text("At", "Where it is.")}),
        ),
        "faults": listing("Faults", "The classes of fault.", _ROW, minItems=1),
    },
    required=["version", "limits", "recovery_actions", "sources", "faults"],
)
