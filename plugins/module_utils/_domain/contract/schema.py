# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract as a JSON Schema (draft 2020-12): the one place that knows its keys, types and defaults."""

from __future__ import annotations

from .fields import Schema, choice, duration, field, flag, label, listing, section, text, whole
from .schema_access import ACCESS
from .schema_alerts import ALERTS
from .schema_change import CHANGE
from .schema_efficiency import EFFICIENCY
from .schema_health import HEALTH
from .schema_models import MODELS
from .schema_remediation import REMEDIATION
from .schema_telemetry import TELEMETRY

PROVIDERS = ["aws", "azure", "gcp", "oci", "gpu_cloud", "bare_metal", "openshift", "other"]
RINGS = ["canary", "early", "general"]
ACTIONS = ["never", "approve", "auto"]

_LABEL_VALUE = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
_LABEL_VALUE_MEANT = "use letters, digits, dots, dashes and underscores, at most 63, and a letter or digit at both ends"


def _region(title: str, description: str) -> Schema:
    return text(title, description, pattern=_LABEL_VALUE, meant=_LABEL_VALUE_MEANT, examples=["eu-west-1", "fra-dc2"])


def _email() -> Schema:
    return text("E-mail", "A mailbox that people read.", examples=["netops@acme.example"], format="byoc-email")


def _contact(title: str, description: str, **more: Schema) -> Schema:
    return section(
        title,
        description,
        {
            "name": text("Name", "The team or person.", examples=["Acme NetOps"]),
            "email": _email(),
            "phone": text(
                "Phone",
                "A number to call, with the country's code, in quotes.",
                pattern=r"^\+?[0-9][0-9 ()/.-]{2,30}$",
                meant='write it like "+49 30 1234567"',
                examples=["+49 30 1234567"],
            ),
            "hours": text("Hours", "Hours of availability.", examples=["24x7", "Mon-Fri 08:00-18:00 CET"]),
            **more,
        },
        required=["name", "email", *more],
        examples=[{"name": title, "email": "netops@acme.example"}],
    )


IDENTITY = section(
    "Identity",
    "Which cluster this is.",
    {
        "name": label("Name", "The cluster's name, and the Ansible host's.", examples=["acme-eu-1"]),
        "customer": label("Customer", "Whose cluster it is.", examples=["acme"]),
        "provider": choice("Provider", "What the cluster runs on.", PROVIDERS, examples=["aws"]),
        "region": _region("Region", "The provider's region, or a name for the data centre."),
        "ring": choice(
            "Ring",
            "When changes reach this cluster: canary first, general last.",
            RINGS,
            default="general",
            examples=["general"],
        ),
        "labels": field(
            "object",
            "Labels",
            "The customer's own labels, to group clusters by.",
            default={},
            examples=[{"tier": "gold"}],
            maxProperties=64,
            propertyNames={"type": "string", "pattern": _LABEL_VALUE, "patternErrorMessage": _LABEL_VALUE_MEANT},
            additionalProperties=text(
                "Label",
                "The label's value.",
                pattern=_LABEL_VALUE,
                meant=_LABEL_VALUE_MEANT,
                maxLength=63,
                examples=["gold"],
            ),
        ),
        "uid": text(
            "Cluster UID",
            "The UID of the namespace kube-system. Nothing is ever written to a cluster with a different UID.",
            format="byoc-uuid",
            examples=["0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11"],
        ),
    },
    required=["name", "customer", "provider", "region", "uid"],
    examples=[{"name": "acme-eu-1", "customer": "acme", "provider": "aws", "region": "eu-west-1"}],
)

_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
_QUANTITY_MEANT = "write it as Kubernetes does, like 64, 500m or 512Gi"


def _amount(title: str, what: str, example: str) -> Schema:
    return text(title, f"The most {what}.", pattern=_QUANTITY, meant=_QUANTITY_MEANT, maxLength=32, examples=[example])


def _quotas(title: str, where: str) -> Schema:
    return section(
        title,
        f"The most of each that all our objects in {where} may take together.",
        {
            "cpu": _amount("CPU", "CPUs that pods request", "256"),
            "memory": _amount("Memory", "memory that pods request", "2Ti"),
            "storage": _amount("Storage", "storage that volume claims request", "10Ti"),
            "pods": whole("Pods", "The most pods that have not ended.", examples=[64]),
            "services": whole("Services", "The most services.", examples=[32]),
            "config_maps": whole("ConfigMaps", "The most ConfigMaps, Kubernetes' own among them.", examples=[100]),
            "volume_claims": whole("Volume claims", "The most volume claims.", examples=[16]),
        },
        examples=[{"cpu": "256", "memory": "2Ti", "pods": 64}],
    )


QUOTAS = section(
    "Quotas",
    "What else our objects may take, as quotas of the API server. What is left out is not limited.",
    {
        "models": _quotas("Models", "fireworks-models"),
        "stack": _quotas("Stack", "fireworks-system"),
    },
    examples=[{"models": {"cpu": "256", "memory": "2Ti", "pods": 64}}],
)

CAPACITY = section(
    "Capacity",
    "The GPUs that the customer approved, and what else our objects may take. They never request more.",
    {
        "gpus": listing(
            "GPUs",
            "Approved GPUs, one entry for each product.",
            section(
                "Approved GPUs of one product",
                "How many GPUs of one product may be used.",
                {
                    "product": text(
                        "Product",
                        "The node label nvidia.com/gpu.product, exactly.",
                        pattern=_LABEL_VALUE,
                        meant=_LABEL_VALUE_MEANT,
                        examples=["NVIDIA-H100-80GB-HBM3"],
                    ),
                    "count": whole("Count", "How many GPUs (not nodes).", examples=[32]),
                },
                required=["product", "count"],
                examples=[{"product": "NVIDIA-H100-80GB-HBM3", "count": 32}],
            ),
            minItems=1,
            examples=[[{"product": "NVIDIA-H100-80GB-HBM3", "count": 32}]],
        ),
        "quotas": QUOTAS,
    },
    required=["gpus"],
    examples=[{"gpus": [{"product": "NVIDIA-H100-80GB-HBM3", "count": 32}]}],
)

SCALING = section(
    "Scaling",
    "How far one model may grow.",
    {
        "max_replicas_per_model": whole(
            "Replicas", "The most replicas one model may have.", maximum=10_000, examples=[8]
        ),
        "max_gpus_per_model": whole(
            "GPUs", "The most GPUs all replicas of one model may have together.", examples=[16]
        ),
        "scale_to_zero": flag(
            "Scale to zero", "Whether an idle model may release all its GPUs and return with traffic.", default=False
        ),
    },
    required=["max_replicas_per_model", "max_gpus_per_model"],
    examples=[{"max_replicas_per_model": 8, "max_gpus_per_model": 16, "scale_to_zero": True}],
)


def _action(title: str, what: str) -> Schema:
    return choice(
        title,
        f"May Fireworks {what}? Never, after an approval, or automatically.",
        ACTIONS,
        default="never",
        examples=["approve"],
    )


ALLOWED_ACTIONS = section(
    "Actions",
    "What may be done to a sick GPU node. An action that is not listed is never performed.",
    {
        "cordon": _action("Cordon", "take a node out of scheduling"),
        "drain": _action("Drain", "move our pods off a node"),
        "restart_plugin": _action("Restart plugin", "restart the device plugin on a node"),
        "gpu_reset": _action("GPU reset", "reset a node's GPUs"),
        "reboot": _action("Reboot", "reboot a node"),
        "replace": _action("Replace", "ask the provider for another node"),
    },
    default={},
    examples=[{"cordon": "auto", "drain": "approve"}],
)

CONTACTS = section(
    "Contacts",
    "Whom to contact when the customer has to act.",
    {
        "networking": _contact("Networking", "Firewalls, DNS, load balancers."),
        "account": _contact("Account", "The cloud account or data centre, access and credentials."),
        "capacity": _contact("Capacity", "GPU nodes and quota."),
        "security": _contact("Security", "Policies, identities, incidents."),
        "support": _contact("Support", "First call in an incident."),
        "escalation": listing(
            "Escalation",
            "Who is called next, and when.",
            _contact(
                "Escalation step",
                "The next one to be called.",
                after=duration("After", "Time since the incident began.", examples=["30m"]),
            ),
            default=[],
            examples=[[{"after": "30m", "name": "Acme SRE lead", "email": "sre-lead@acme.example"}]],
        ),
    },
    required=["networking", "account", "capacity", "security", "support"],
    examples=[{"networking": {"name": "Acme NetOps", "email": "netops@acme.example"}}],
)

COMPLIANCE = section(
    "Compliance",
    "The customer's rules, which the API server enforces on us too.",
    {
        "registries": listing(
            "Registries",
            "Where images may come from; the first is where ours are mirrored. None: Fireworks' own registry.",
            text(
                "Registry",
                "A registry, optionally with a path.",
                format="byoc-registry",
                examples=["registry.acme.example/fireworks"],
            ),
            default=[],
            uniqueItems=True,
            examples=[["registry.acme.example/fireworks"]],
        ),
        "regions": listing(
            "Regions",
            "Where data may be; the cluster's own region must be one of them. None: no such rule.",
            _region("Region", "A region's name."),
            default=[],
            uniqueItems=True,
            examples=[["eu-west-1"]],
        ),
        "pod_security": choice(
            "Pod Security",
            "The Pod Security level of our namespaces.",
            ["restricted", "baseline", "privileged"],
            default="restricted",
        ),
        "egress": listing(
            "Egress",
            "Networks that our pods may open connections to, besides each other and DNS.",
            text("Network", "A network in CIDR notation.", format="byoc-cidr", examples=["10.0.0.0/8"]),
            default=[],
            uniqueItems=True,
            examples=[["10.0.0.0/8"]],
        ),
        "digests_required": flag("Digests required", "Whether images must be named by digest.", default=True),
        "overflow": flag(
            "Overflow",
            "Whether chosen workloads may overflow onto Fireworks' capacity.",
            default=False,
            examples=[False],
        ),
    },
    default={},
    examples=[{"regions": ["eu-west-1"], "pod_security": "restricted"}],
)

NETWORKING = section(
    "Networking",
    "How requests reach the models.",
    {
        "domain": text(
            "Domain", "The domain under which the models answer.", format="byoc-domain", examples=["llm.acme.example"]
        ),
        "cluster_domain": text(
            "Cluster domain",
            "The domain of the cluster's DNS, in which the router finds the models' replicas. None: cluster.local.",
            format="byoc-domain",
            examples=["cluster.local"],
        ),
        "gateway": section(
            "Gateway",
            "The Gateway API gateway that our routes attach to.",
            {
                "name": label("Name", "The gateway's name.", examples=["public"]),
                "namespace": label("Namespace", "The gateway's namespace.", examples=["gateway-system"]),
            },
            required=["name", "namespace"],
            examples=[{"name": "public", "namespace": "gateway-system"}],
        ),
    },
    default={},
    examples=[{"domain": "llm.acme.example"}],
)

STACK = section(
    "Stack",
    "Which serving stack runs here: exactly one of `release` and `channel`.",
    {
        "release": text(
            "Release",
            "One release, by its version.",
            pattern=r"^[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,4}$",
            meant="write the whole version, like 2026.11.0",
            examples=["2026.11.0"],
        ),
        "channel": label("Channel", "The newest release of a channel.", examples=["stable"]),
    },
    examples=[{"release": "2026.11.0"}, {"channel": "stable"}],
    minProperties=1,
    maxProperties=1,
)

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://fireworks.ai/schemas/byoc/contract-1.json",
    **section(
        "Bring Your Own Cluster contract",
        "What a customer and Fireworks agreed about one cluster. The customer owns this file.",
        {
            "version": field("integer", "Version", "The version of the contract format; 1.", examples=[1], const=1),
            "identity": IDENTITY,
            "access": ACCESS,
            "capacity": CAPACITY,
            "scaling": SCALING,
            "change": CHANGE,
            "actions": ALLOWED_ACTIONS,
            "health": HEALTH,
            "alerts": ALERTS,
            "telemetry": TELEMETRY,
            "remediation": REMEDIATION,
            "efficiency": EFFICIENCY,
            "contacts": CONTACTS,
            "compliance": COMPLIANCE,
            "networking": NETWORKING,
            "stack": STACK,
            "models": MODELS,
        },
        required=["version", "identity", "access", "capacity", "scaling", "contacts", "stack"],
    ),
}
