# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A first contract for a cluster: what the cluster says of itself, and marks where only its owner can say something.

Marked lines have ``EDIT``: the contract is valid as it is, so that it can be previewed before they are written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .release import kubernetes_version

Data = Mapping[str, Any]

EDIT = "# EDIT:"
_MODELS_AT_MOST = 8
_TELEMETRY_SIZE = "10Gi"
_SCHEMA = "https://raw.githubusercontent.com/fw-ai/fireworks-byoc-ansible/main/schemas/contract.schema.json"
_SOMEBODY = "oncall@example.com"


class NoContractError(ValueError):
    """The cluster has nothing that a contract could be about."""


def new_contract(facts: Data, asked: Data, release: Data) -> str:
    """The contract's text.

    :param facts: of ``cluster_info``: ``apis``, ``default_storage_class``, ``gateways``, ``gpus``, ``platform``,
        ``provider``, ``region``, ``storage_classes``, ``uid``, ``unreadable``, ``version``.
    :param asked: ``cluster``, the path of its ``kubeconfig`` as the contract says it, and where they are known
        ``context``, ``customer`` and ``contact``.
    :param release: the description of the stack release that the contract shall name.
    :raises NoContractError: there is no labelled GPU, or the cluster is older than the release needs.
    """
    gpus = {name: int(its["allocatable"]) for name, its in facts["gpus"]["products"].items() if name != "unlabelled"}
    gpus = {name: count for name, count in sorted(gpus.items(), key=lambda each: (-each[1], each[0])) if count}
    if not gpus:
        raise NoContractError(
            "it has no GPU with the label nvidia.com/gpu.product (the NVIDIA GPU operator sets it), and a contract "
            "says which GPUs are approved"
        )
    least = str(release["kubernetes"]["minimum"])
    if kubernetes_version(facts["version"]["git"]) < kubernetes_version(least):
        raise NoContractError(
            f"it is Kubernetes {facts['version']['git']}, and stack release {release['version']} needs {least}"
        )
    parts = (
        _head(facts, asked),
        _access(asked),
        _capacity(gpus),
        _customers(asked),
        _telemetry(facts),
        _gateway(facts, asked),
        _stack(facts, release),
        _models(gpus, release),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def edits(text: str) -> list[dict[str, str]]:
    """The marked lines of a contract, each with its ``line`` (a number), what it ``says`` and what to ``edit``."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        said, marked, what = line.partition(EDIT)
        if marked:
            found.append({"line": str(number), "says": said.strip(), "edit": what.strip()})
    return found


def customer_of(asked: Data) -> str:
    """Whose cluster it is; unless it is said, the first word of the cluster's name."""
    return str(asked.get("customer") or str(asked["cluster"]).partition("-")[0])


def credential_root(asked: Data) -> str:
    """What an inventory source says of this customer, as YAML that goes below ``credential_roots``."""
    directory = str(asked["kubeconfig"]).rpartition("/")[0] or "."
    return f"  {customer_of(asked)}: {{contracts: [{customer_of(asked)}-*.yml], directories: [{_quoted(directory)}]}}"


def _head(facts: Data, asked: Data) -> Iterator[str]:
    openshift = facts["platform"] == "openshift"
    yield f"# What was agreed for {asked['cluster']}. The customer owns it; docs/contract.md explains each field."
    yield f"# yaml-language-server: $schema={_SCHEMA}"
    yield "version: 1"
    yield ""
    yield "identity:"
    yield f"  name: {asked['cluster']}"
    yield f"  customer: {customer_of(asked)}"
    yield f"  provider: {'openshift' if openshift else facts['provider'] or 'bare_metal'}"
    yield f"  region: {facts['region'] or f'here                  {EDIT} the data centre'}"
    yield "  ring: general                   # when changes reach it: canary, early, general"
    yield f"  uid: {facts['uid']}   # nothing is ever written to another cluster"
    yield ""


def _access(asked: Data) -> Iterator[str]:
    yield "access:"
    yield "  mode: standard                  # hardened: the customer's team applies the prerequisites"
    yield "  credential:                     # a reference, never a secret"
    yield f"    kubeconfig_file: {_quoted(asked['kubeconfig'])}"
    if asked.get("context"):
        yield f"  context: {_quoted(asked['context'])}"
    yield ""


def _capacity(gpus: Mapping[str, int]) -> Iterator[str]:
    largest = max(gpus.values())
    yield "capacity:"
    yield "  gpus:"
    for number, (product, count) in enumerate(gpus.items()):
        what = f"          {EDIT} the cluster has so many; how many do you approve?" if not number else ""
        yield f"    - {{product: {product}, count: {count}}}{what}"
    yield ""
    yield "scaling:"
    yield f"  max_replicas_per_model: {min(largest, _MODELS_AT_MOST)}"
    yield f"  max_gpus_per_model: {largest}"
    yield ""
    yield "change:                           # without windows a change may be made at any time"
    yield "  # windows:"
    yield '  #   - {weekly: [tue, thu], start: "02:00", duration: 3h, time_zone: Europe/Berlin}'
    yield "  approvals: {stack_upgrade: required, model_change: none}"
    yield ""
    yield "actions: {cordon: auto, drain: approve}     # what may be done to a sick node: never, approve, auto"
    yield ""


def _customers(asked: Data) -> Iterator[str]:
    customer = customer_of(asked)
    contact = asked.get("contact")
    mark = "" if contact else f"     {EDIT} who answers for the cluster"
    yield "contacts:                         # each may be somebody else; they are told what is theirs to do"
    yield f"  support: &contact {{name: {customer} on-call, email: {contact or _SOMEBODY}}}{mark}"
    for role in ("networking", "account", "capacity", "security"):
        yield f"  {role}: *contact"
    yield ""
    yield "compliance:"
    yield "  # registries: [registry.example.com/fireworks]     # where images are mirrored; without it, Fireworks' own"
    yield f"  egress: [0.0.0.0/0]             {EDIT} which networks may our pods open connections to?"
    yield ""


def _telemetry(facts: Data) -> Iterator[str]:
    default = facts["default_storage_class"]
    yield "# What telemetry has measured outlives its pod on a volume, from stack release 2026.12.0 on."
    if default:
        volume = f"telemetry: {{volume: {{size: {_TELEMETRY_SIZE}}}}}"
        yield f"{volume}     # of the storage class {default}, the cluster's default"
    else:
        example = f"# telemetry: {{volume: {{size: {_TELEMETRY_SIZE}, storage_class: standard}}}}"
        yield f"{example}     # {_no_default_class(facts)}"
    yield ""


def _no_default_class(facts: Data) -> str:
    if any(path.endswith("/storageclasses") for path in facts["unreadable"]):
        return "which classes there are may not be read"
    there = ", ".join(facts["storage_classes"])
    return f"none of the cluster's is its default: {there}" if there else "the cluster has no storage class"


def _gateway(facts: Data, asked: Data) -> Iterator[str]:
    yield "# networking:                     # how requests reach the models from outside; without it they do not"
    yield f"#   domain: llm.{customer_of(asked)}.example"
    if facts["platform"] == "openshift":
        return  # its Routes need a domain only
    found = [each for each in facts["gateways"] if each["programmed"]]
    for each in found:
        yield f"#   gateway: {{name: {each['name']}, namespace: {each['namespace']}}}"
    if not found:
        served = any(group.startswith("gateway.networking.k8s.io/") for group in facts["apis"])
        why = "the cluster has none" if served else "the cluster serves no Gateway API"
        yield f"#   gateway: {{name: public, namespace: gateways}}     # {why}"


def _stack(facts: Data, release: Data) -> Iterator[str]:
    yield ""
    there, least = str(facts["version"]["git"]).removeprefix("v"), release["kubernetes"]["minimum"]
    yield f"# The cluster is Kubernetes {there}; the release needs {least}."
    yield "stack:"
    yield f"  release: {release['version']}"
    yield ""


def _models(gpus: Mapping[str, int], release: Data) -> Iterator[str]:
    engine, versions = next(iter(release["engines"].items()))
    version = list(versions)[-1]  # a release lists its newest last
    yield f"models: []                        {EDIT} what it serves, as below"
    yield "# models:"
    yield "#   - name: llama-3-1-8b"
    yield "#     served_name: meta-llama/Llama-3.1-8B-Instruct"
    yield "#     source:"
    yield "#       uri: hf://meta-llama/Llama-3.1-8B-Instruct"
    yield "#       revision: 0e9e39f249a16976918f6564b8830bc894c89659     # a commit: a branch moves, and is refused"
    yield f"#     engine: {{name: {engine}, version: {version}}}"
    yield f"#     gpu: {{product: {next(iter(gpus))}, per_replica: 1}}"
    yield "#     context_length: 32768"
    yield "#     replicas: {min: 1, max: 2}"


def _quoted(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)
