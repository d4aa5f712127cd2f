# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's ``health`` section: a healthy node, who hears of a sick one, where the fault policy differs."""

from __future__ import annotations

from .fields import Schema, choice, flag, label, listing, section, text, whole
from .schema_secret import secret, webhook_url

# From the weakest to the strongest: docs/health.md says what each of them is.
FAULT_ACTIONS = [
    "ignore",
    "record",
    "report",
    "restart_pod",
    "restart_plugin",
    "restart_fabric_manager",
    "quarantine",
    "drain",
    "diagnose",
    "gpu_reset",
    "reboot",
    "inspect",
    "replace",
]
SEVERITIES = ["info", "warning", "error", "critical"]
OBSERVED = ["events", "leases", "pods"]
OWNERS = ["customer", "fireworks"]
REACHES = ["api_server", "pod_network", "node_network"]
TOPICS = ["networking", "account", "capacity", "security", "support"]

CLASS_PATTERN = "^[a-z][a-z0-9_]{1,62}$"
CLASS_MEANT = "use a class of the fault policy, in lower-case letters, digits and underscores"


def fault_class(description: str) -> Schema:
    """A class of the fault policy."""
    return text("Class", description, pattern=CLASS_PATTERN, meant=CLASS_MEANT, examples=["row_remap_recorded"])


def fault_action(description: str, **more: object) -> Schema:
    """What a fault policy recommends."""
    return choice("Action", description, FAULT_ACTIONS, examples=["quarantine"], **more)


XIDS = listing(
    "XIDs",
    "Codes of the GPU driver that count as another class here.",
    section(
        "XID",
        "One code, and its class.",
        {
            "code": whole("Code", "The XID.", minimum=1, maximum=9999, examples=[63]),
            "class": fault_class("The class that it counts as."),
        },
        required=["code", "class"],
        examples=[{"code": 63, "class": "row_remap_pending"}],
    ),
    default=[],
    examples=[[{"code": 63, "class": "row_remap_pending"}]],
)

FAULTS = listing(
    "Faults",
    "Where the fault policy differs here, by class.",
    section(
        "Fault",
        "What is different for one class.",
        {
            "class": fault_class("The class of the fault policy."),
            "action": fault_action("The recommended action; actions decides whether it may be done."),
            "severity": choice("Severity", "Its severity.", SEVERITIES, examples=["error"]),
            "owner": choice("Owner", "Who has to act.", OWNERS, examples=["customer"]),
            "contact": choice("Contact", "The contact to ask.", TOPICS, examples=["capacity"]),
            "ask": text("Ask", "The exact request to the owner.", examples=["Open a case with the data centre."]),
        },
        required=["class"],
        examples=[{"class": "row_remap_recorded", "action": "gpu_reset"}],
    ),
    default=[],
    examples=[[{"class": "row_remap_recorded", "action": "gpu_reset"}]],
)

EVENTS = section(
    "Events",
    "Where alerts about nodes to remediate are posted at once. Without it, the next sweep finds them.",
    {
        "url": webhook_url("URL", "Where they are posted, by HTTPS.", "https://events.byoc.example/alerts"),
        "token_secret": secret(
            "Token's Secret",
            "The Secret in fireworks-system with the receiver's bearer token. The customer creates it; "
            "we never read it.",
            "token",
            "byoc-events",
        ),
    },
    required=["url", "token_secret"],
    examples=[{"url": "https://events.byoc.example/alerts", "token_secret": {"name": "byoc-events"}}],
)

SCRAPED = ["dcgm_exporter", "kube_state_metrics", "node_problem_detector"]
SCRAPE = listing(
    "Scrape",
    "What our own telemetry scrapes of yours, so that its GPU rules need no Prometheus of yours. Needs a new presetup.",
    section(
        "Source",
        "The pods behind one headless Service (clusterIP: None), found by DNS.",
        {
            "what": choice("What", "What they are.", SCRAPED),
            "namespace": label("Namespace", "Where the Service is.", examples=["gpu-operator"]),
            "service": label("Service", "The headless Service.", examples=["dcgm-each"]),
            "port": whole("Port", "Where the pods listen.", maximum=65535, examples=[9400]),
        },
        required=["what", "namespace", "service", "port"],
        examples=[{"what": "dcgm_exporter", "namespace": "gpu-operator", "service": "dcgm-each", "port": 9400}],
    ),
    default=[],
    maxItems=10,
    uniqueItems=True,
    examples=[[{"what": "dcgm_exporter", "namespace": "gpu-operator", "service": "dcgm-each", "port": 9400}]],
)
HEALTH = section(
    "Health",
    "What a healthy GPU node has, and where this cluster's fault policy differs.",
    {
        "expect": listing(
            "Expected",
            "What a node of a product has when it is healthy.",
            section(
                "Expected of one product",
                "What each of its nodes has.",
                {
                    "product": text(
                        "Product",
                        "The node label nvidia.com/gpu.product, exactly.",
                        examples=["NVIDIA-H100-80GB-HBM3"],
                    ),
                    "gpus": whole("GPUs", "How many GPUs a node has.", maximum=64, examples=[8]),
                    "infiniband_ports": whole(
                        "InfiniBand ports",
                        "How many InfiniBand ports of a node are up; others may be down on purpose.",
                        minimum=0,
                        maximum=64,
                        examples=[8],
                    ),
                },
                required=["product", "gpus"],
                examples=[{"product": "NVIDIA-H100-80GB-HBM3", "gpus": 8, "infiniband_ports": 8}],
            ),
            default=[],
            examples=[[{"product": "NVIDIA-H100-80GB-HBM3", "gpus": 8, "infiniband_ports": 8}]],
        ),
        "sources": section(
            "Sources",
            "The sources of signals on each GPU node. A missing one is a finding.",
            {
                "dcgm_exporter": flag("DCGM exporter", "Whether the GPUs' metrics are exported.", default=True),
                "node_problem_detector": flag(
                    "Node problem detector", "Whether the kernel's log is read for XIDs.", default=True
                ),
            },
            default={},
            examples=[{"dcgm_exporter": True, "node_problem_detector": False}],
        ),
        "observer_may_list": listing(
            "Observer may list",
            "What the observer may list in the whole cluster. Without it no node is ever reported healthy.",
            choice("Kind", "A kind with signals about nodes.", OBSERVED, examples=["events"]),
            uniqueItems=True,
            default=[],
            examples=[OBSERVED],
        ),
        "prometheus": section(
            "Prometheus",
            "Your own Prometheus, if it scrapes all DCGM exporters: one query instead of one per node.",
            {
                "namespace": label("Namespace", "Where its service is.", examples=["monitoring"]),
                "service": label("Service", "Its service.", examples=["prometheus-operated"]),
                "port": whole("Port", "The service's port.", maximum=65535, default=9090, examples=[9090]),
            },
            required=["namespace", "service"],
            examples=[{"namespace": "monitoring", "service": "prometheus-operated", "port": 9090}],
        ),
        "exporters": section(
            "Exporters",
            "How the DCGM exporters are queried, unless prometheus is set.",
            {
                "reach": choice(
                    "Reach",
                    "Through the API server, or directly at the pod's or the node's address.",
                    REACHES,
                    default="api_server",
                    examples=["pod_network"],
                ),
                "port": whole("Port", "Where they listen.", maximum=65535, default=9400, examples=[9400]),
                "namespace": label(
                    "Namespace",
                    "Their namespace, where you let the observer query them through the API server.",
                    examples=["gpu-operator"],
                ),
            },
            default={},
            examples=[{"namespace": "gpu-operator"}, {"reach": "pod_network", "port": 9400}],
        ),
        "scrape": SCRAPE,
        "events": EVENTS,
        "xids": XIDS,
        "faults": FAULTS,
    },
    default={},
    examples=[{"expect": [{"product": "NVIDIA-H100-80GB-HBM3", "gpus": 8}]}],
)
