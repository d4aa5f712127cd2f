# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of a contract that has been validated: made from its schema by ``python schemas/generate.py``.

What is not ``NotRequired`` is in every contract. A key with a default is ``NotRequired`` too: a run may be given a
contract that an older release has read, when there was no such key. ``defaults.said`` reads it.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Provider = Literal["aws", "azure", "gcp", "oci", "gpu_cloud", "bare_metal", "openshift", "other"]
Ring = Literal["canary", "early", "general"]
AccessMode = Literal["standard", "hardened"]
Fetched = Literal["kubeconfig", "token"]
Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Approval = Literal["none", "required"]
ApprovalSource = Literal["cluster", "file", "awx"]
Action = Literal["never", "approve", "auto"]
ObservedKind = Literal["events", "leases", "pods"]
Reach = Literal["api_server", "pod_network", "node_network"]
Scraped = Literal["dcgm_exporter", "kube_state_metrics", "node_problem_detector"]
FaultAction = Literal[
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
Severity = Literal["info", "warning", "error", "critical"]
ActingOwner = Literal["customer", "fireworks"]
Topic = Literal["networking", "account", "capacity", "security", "support"]
AlertSeverity = Literal["warning", "error", "critical"]
EfficiencyMode = Literal["never", "recommend", "execute"]
PodSecurity = Literal["restricted", "baseline", "privileged"]
Task = Literal["serve"]
CacheType = Literal["auto", "fp8_e4m3", "fp8_e5m2"]
WeightsType = Literal["bfloat16", "float16", "float32", "float8"]
Priority = Literal["critical", "standard", "batch"]
TrafficClass = Literal["interactive", "batch"]
FirstTokenBound = Literal["100ms", "250ms", "500ms", "750ms", "1s", "2.5s", "5s", "7.5s", "10s", "20s", "40s"]
TokenBound = Literal[
    "10ms",
    "25ms",
    "50ms",
    "75ms",
    "100ms",
    "150ms",
    "200ms",
    "300ms",
    "400ms",
    "500ms",
    "750ms",
    "1s",
]


class Identity(TypedDict):
    """Which cluster this is."""

    name: str
    customer: str
    provider: Provider
    region: str
    ring: NotRequired[Ring]
    labels: NotRequired[dict[str, str]]
    uid: str


class Lookup(TypedDict):
    """An Ansible lookup that fetches the credential whenever a task needs it."""

    plugin: str
    terms: NotRequired[list[str]]
    options: NotRequired[dict[str, str | int | bool]]
    field: NotRequired[str]
    gives: Fetched


class Credential(TypedDict):
    """Where the credential is: exactly one reference, never the credential itself."""

    kubeconfig_file: NotRequired[str]
    kubeconfig_env: NotRequired[str]
    token_file: NotRequired[str]
    token_env: NotRequired[str]
    lookup: NotRequired[Lookup]


class DroppedRight(TypedDict):
    """Verbs on one resource that one of our identities does without."""

    identity: str
    resource: str
    verbs: list[Verb]
    namespace: NotRequired[str]


class Access(TypedDict):
    """How the cluster is reached."""

    mode: NotRequired[AccessMode]
    credential: Credential
    token_lifetime: NotRequired[str]
    dropped_rights: NotRequired[list[DroppedRight]]
    context: NotRequired[str]
    server: NotRequired[str]
    ca_file: NotRequired[str]
    ca_cert: NotRequired[str]
    tls_server_name: NotRequired[str]
    proxy_url: NotRequired[str]


class ApprovedGpus(TypedDict):
    """How many GPUs of one product may be used."""

    product: str
    count: int


class Quota(TypedDict):
    """The most of each that our objects in one namespace may take together."""

    cpu: NotRequired[str]
    memory: NotRequired[str]
    storage: NotRequired[str]
    pods: NotRequired[int]
    services: NotRequired[int]
    config_maps: NotRequired[int]
    volume_claims: NotRequired[int]


class Quotas(TypedDict):
    """What else our objects may take, as quotas of the API server."""

    models: NotRequired[Quota]
    stack: NotRequired[Quota]


class Capacity(TypedDict):
    """The GPUs that the customer approved, and what else our objects may take."""

    gpus: list[ApprovedGpus]
    quotas: NotRequired[Quotas]


class Scaling(TypedDict):
    """How far one model may grow."""

    max_replicas_per_model: int
    max_gpus_per_model: int
    scale_to_zero: NotRequired[bool]


AgreedWindow = TypedDict(
    "AgreedWindow",
    {
        "weekly": NotRequired[list[Weekday]],
        "start": NotRequired[str],
        "rrule": NotRequired[str],
        "from": NotRequired[str],
        "duration": str,
        "time_zone": str,
    },
)
"""A recurring period in which changes may be made: `weekly` with `start`, or `rrule`."""


AgreedFreeze = TypedDict(
    "AgreedFreeze",
    {
        "from": str,
        "until": str,
        "time_zone": str,
        "reason": NotRequired[str],
    },
)
"""A period without changes, regardless of windows: drains and repairs of GPU nodes wait for its end too."""


class Approvals(TypedDict):
    """Which kinds of change wait for an approval."""

    stack_upgrade: NotRequired[Approval]
    model_change: NotRequired[Approval]
    node_action: NotRequired[Approval]
    consolidation: NotRequired[Approval]
    approvers: NotRequired[list[str]]
    sources: NotRequired[list[ApprovalSource]]
    valid_for: NotRequired[str]


class Emergency(TypedDict):
    """Who may authorize a change outside the windows."""

    approvers: list[str]
    over_freezes: NotRequired[bool]


class Change(TypedDict):
    """When changes may be made, and which of them wait for an approval."""

    windows: NotRequired[list[AgreedWindow]]
    freezes: NotRequired[list[AgreedFreeze]]
    approvals: NotRequired[Approvals]
    emergency: NotRequired[Emergency]


class Actions(TypedDict):
    """What may be done to a sick GPU node."""

    cordon: NotRequired[Action]
    drain: NotRequired[Action]
    restart_plugin: NotRequired[Action]
    gpu_reset: NotRequired[Action]
    reboot: NotRequired[Action]
    replace: NotRequired[Action]


class ExpectedNode(TypedDict):
    """What each of its nodes has."""

    product: str
    gpus: int
    infiniband_ports: NotRequired[int]


class SignalSources(TypedDict):
    """The sources of signals on each GPU node."""

    dcgm_exporter: NotRequired[bool]
    node_problem_detector: NotRequired[bool]


class Prometheus(TypedDict):
    """Your own Prometheus, if it scrapes all DCGM exporters: one query instead of one per node."""

    namespace: str
    service: str
    port: NotRequired[int]


class Exporters(TypedDict):
    """How the DCGM exporters are queried, unless prometheus is set."""

    reach: NotRequired[Reach]
    port: NotRequired[int]
    namespace: NotRequired[str]


class ScrapedService(TypedDict):
    """The pods behind one headless Service (clusterIP: None), found by DNS."""

    what: Scraped
    namespace: str
    service: str
    port: int


class Secret(TypedDict):
    """One key of a Secret in fireworks-system."""

    name: str
    key: NotRequired[str]


class HealthEvents(TypedDict):
    """Where alerts about nodes to remediate are posted at once."""

    url: str
    token_secret: Secret


Xid = TypedDict(
    "Xid",
    {
        "code": int,
        "class": str,
    },
)
"""One code, and its class."""


OtherFault = TypedDict(
    "OtherFault",
    {
        "class": str,
        "action": NotRequired[FaultAction],
        "severity": NotRequired[Severity],
        "owner": NotRequired[ActingOwner],
        "contact": NotRequired[Topic],
        "ask": NotRequired[str],
    },
)
"""What is different for one class."""


class Health(TypedDict):
    """What a healthy GPU node has, and where this cluster's fault policy differs."""

    expect: NotRequired[list[ExpectedNode]]
    sources: NotRequired[SignalSources]
    observer_may_list: NotRequired[list[ObservedKind]]
    prometheus: NotRequired[Prometheus]
    exporters: NotRequired[Exporters]
    scrape: NotRequired[list[ScrapedService]]
    events: NotRequired[HealthEvents]
    xids: NotRequired[list[Xid]]
    faults: NotRequired[list[OtherFault]]


class Webhook(TypedDict):
    """Posts Alertmanager's own JSON: exactly one of `url` and `url_secret`."""

    url: NotRequired[str]
    url_secret: NotRequired[Secret]
    token_secret: NotRequired[Secret]


Email = TypedDict(
    "Email",
    {
        "to": list[str],
        "from": str,
        "smarthost": str,
        "username": NotRequired[str],
        "password_secret": NotRequired[Secret],
    },
)
"""Sends mail by SMTP with STARTTLS."""


class Pagerduty(TypedDict):
    """Opens incidents by PagerDuty's Events API v2."""

    routing_key_secret: Secret


class Slack(TypedDict):
    """Posts to an incoming webhook of Slack."""

    url_secret: Secret
    channel: NotRequired[str]


class Receiver(TypedDict):
    """Where alerts arrive: a name, and exactly one of webhook, email, pagerduty and slack."""

    name: str
    webhook: NotRequired[Webhook]
    email: NotRequired[Email]
    pagerduty: NotRequired[Pagerduty]
    slack: NotRequired[Slack]


class Route(TypedDict):
    """Which alerts go to which receivers."""

    owner: NotRequired[ActingOwner]
    contact: NotRequired[Topic]
    severity: NotRequired[AlertSeverity]
    receivers: list[str]


class Alerts(TypedDict):
    """Who hears of what needs somebody to act."""

    receivers: list[Receiver]
    default_receiver: str
    routes: NotRequired[list[Route]]
    watchdog: NotRequired[str]
    egress: NotRequired[list[str]]


class Volume(TypedDict):
    """A volume for them, by the claim telemetry-data in fireworks-system, which the presetup makes."""

    size: str
    storage_class: NotRequired[str]


class Telemetry(TypedDict):
    """Where the metrics of the stack are kept."""

    volume: Volume


class Remediation(TypedDict):
    """Bounds of what actions allows: how many nodes at once, how often, and how long."""

    max_nodes: NotRequired[int]
    max_share: NotRequired[float]
    max_nodes_per_model: NotRequired[int]
    breaker_share: NotRequired[float]
    storm_nodes: NotRequired[int]
    evidence_max_age: NotRequired[str]
    cooldown: NotRequired[str]
    attempts: NotRequired[int]
    repairs_per_week: NotRequired[int]
    drain_deadline: NotRequired[str]
    repair_deadline: NotRequired[str]
    healthy_for: NotRequired[str]


class Efficiency(TypedDict):
    """Whether serving replicas are moved so that GPUs are free in larger blocks."""

    mode: NotRequired[EfficiencyMode]
    max_moves: NotRequired[int]
    cooldown: NotRequired[str]
    ratio: NotRequired[float]


class Contact(TypedDict):
    """A team or a person of the customer."""

    name: str
    email: str
    phone: NotRequired[str]
    hours: NotRequired[str]


class EscalationStep(TypedDict):
    """The next one to be called."""

    name: str
    email: str
    phone: NotRequired[str]
    hours: NotRequired[str]
    after: str


class Contacts(TypedDict):
    """Whom to contact when the customer has to act."""

    networking: Contact
    account: Contact
    capacity: Contact
    security: Contact
    support: Contact
    escalation: NotRequired[list[EscalationStep]]


class Compliance(TypedDict):
    """The customer's rules, which the API server enforces on us too."""

    registries: NotRequired[list[str]]
    regions: NotRequired[list[str]]
    pod_security: NotRequired[PodSecurity]
    egress: NotRequired[list[str]]
    digests_required: NotRequired[bool]
    overflow: NotRequired[bool]


class Gateway(TypedDict):
    """The Gateway API gateway that our routes attach to."""

    name: str
    namespace: str


class Networking(TypedDict):
    """How requests reach the models."""

    domain: NotRequired[str]
    cluster_domain: NotRequired[str]
    gateway: NotRequired[Gateway]


class Stack(TypedDict):
    """Which serving stack runs here: exactly one of `release` and `channel`."""

    release: NotRequired[str]
    channel: NotRequired[str]


class MountedSecret(TypedDict):
    """A Secret in fireworks-models, which the kubelet mounts as a file."""

    name: str
    key: str


class WorkloadIdentity(TypedDict):
    """Whom the cloud takes the model's pods for: exactly one, as an annotation of a ServiceAccount of the model's
    own."""

    aws_role: NotRequired[str]
    google_service_account: NotRequired[str]


class SourceCredential(TypedDict):
    """How they are fetched: exactly one of `secret` and `workload_identity`."""

    secret: NotRequired[MountedSecret]
    workload_identity: NotRequired[WorkloadIdentity]


class Source(TypedDict):
    """Where the weights come from."""

    uri: str
    revision: str
    digest: NotRequired[str]
    credential: NotRequired[SourceCredential]


class Engine(TypedDict):
    """What serves it."""

    name: str
    version: str
    arguments: NotRequired[dict[str, str | float | bool]]


class Gpu(TypedDict):
    """The GPUs of one replica."""

    product: str
    per_replica: int
    nodes: NotRequired[int]


class Parallelism(TypedDict):
    """How one replica is spread over its GPUs; tensor times pipeline is gpu.per_replica."""

    tensor: NotRequired[int]
    pipeline: NotRequired[int]


class Architecture(TypedDict):
    """The figures that decide whether the model fits its GPUs, from its config.json."""

    parameters: int
    layers: int
    kv_heads: int
    head_dim: int
    attention_heads: int
    dtype: WeightsType


class Adapter(TypedDict):
    """One LoRA adapter."""

    name: str
    source: str


class Replicas(TypedDict):
    """Between how many replicas it scales."""

    min: int
    max: int


class Signals(TypedDict):
    """Thresholds for one more replica."""

    kv_cache_usage: NotRequired[float]
    waiting_requests: NotRequired[int]


Schedule = TypedDict(
    "Schedule",
    {
        "weekly": NotRequired[list[Weekday]],
        "start": NotRequired[str],
        "rrule": NotRequired[str],
        "from": NotRequired[str],
        "duration": str,
        "time_zone": str,
        "min": int,
        "max": int,
    },
)
"""Other bounds for a recurring period: `weekly` with `start`, or `rrule`."""


class ModelScaling(TypedDict):
    """When the model grows and shrinks, between its replicas.min and replicas.max."""

    signals: NotRequired[Signals]
    idle_to_zero: NotRequired[str]
    schedules: NotRequired[list[Schedule]]


class Rollout(TypedDict):
    """How a new version takes over."""

    downtime: NotRequired[bool]
    bake: NotRequired[str]
    deadline: NotRequired[str]
    history: NotRequired[int]


class HealthGate(TypedDict):
    """What each new replica must show."""

    canary_request: NotRequired[bool]
    heartbeat_grace: NotRequired[str]


class TimeToFirstToken(TypedDict):
    """How soon answers begin."""

    within: FirstTokenBound
    share: float


class InterTokenLatency(TypedDict):
    """How fast the next token follows."""

    within: TokenBound
    share: float


class Objectives(TypedDict):
    """What is promised of it."""

    availability: NotRequired[float]
    time_to_first_token: NotRequired[TimeToFirstToken]
    inter_token_latency: NotRequired[InterTokenLatency]


class WeightsCache(TypedDict):
    """A volume that keeps what was downloaded."""

    claim: str
    stage: NotRequired[bool]


class Model(TypedDict):
    """The desired state of one served model."""

    name: str
    served_name: NotRequired[str]
    task: NotRequired[Task]
    source: Source
    engine: Engine
    gpu: Gpu
    parallelism: NotRequired[Parallelism]
    quantization: NotRequired[str]
    kv_cache_dtype: NotRequired[CacheType]
    architecture: NotRequired[Architecture]
    adapters: NotRequired[list[Adapter]]
    context_length: NotRequired[int]
    replicas: Replicas
    priority: NotRequired[Priority]
    traffic_class: NotRequired[TrafficClass]
    load_timeout: NotRequired[str]
    scaling: NotRequired[ModelScaling]
    rollout: NotRequired[Rollout]
    health_gate: NotRequired[HealthGate]
    objectives: NotRequired[Objectives]
    weights_cache: NotRequired[WeightsCache]
    overflow: NotRequired[bool]


class Contract(TypedDict):
    """What a customer and Fireworks agreed about one cluster."""

    version: int
    identity: Identity
    access: Access
    capacity: Capacity
    scaling: Scaling
    change: NotRequired[Change]
    actions: NotRequired[Actions]
    health: NotRequired[Health]
    alerts: NotRequired[Alerts]
    telemetry: NotRequired[Telemetry]
    remediation: NotRequired[Remediation]
    efficiency: NotRequired[Efficiency]
    contacts: Contacts
    compliance: NotRequired[Compliance]
    networking: NotRequired[Networking]
    stack: Stack
    models: NotRequired[list[Model]]
