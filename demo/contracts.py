# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contracts of the demo's customers, as they would write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

H100 = "NVIDIA-H100-80GB-HBM3"
Contract = dict[str, Any]

LLAMA = {
    "name": "llama-3-1-8b",
    "served_name": "meta-llama/Llama-3.1-8B-Instruct",
    "source": {
        "uri": "hf://meta-llama/Llama-3.1-8B-Instruct",
        "revision": "0e9e39f249a16976918f6564b8830bc894c89659",
    },
    "context_length": 32768,
}
QWEN = {
    "name": "qwen2-5-0-5b",
    "served_name": "Qwen/Qwen2.5-0.5B-Instruct",
    "source": {"uri": "hf://Qwen/Qwen2.5-0.5B-Instruct", "revision": "7ae557604adf67be50417f59c2c2f167def9a775"},
    "context_length": 8192,
}


def contract(
    name: str,
    *,
    uid: str,
    kubeconfig: Path,
    provider: str,
    region: str,
    gpus: Mapping[str, int],
    model: Mapping[str, Any] | None = None,
    model_gpus: int = 1,
    replicas: int = 2,
    gateway: bool = False,
) -> Contract:
    """A whole contract for the customer that the name begins with, serving one model on its first GPU product."""
    customer = name.split("-", 1)[0]
    title, mail = customer.capitalize(), f"{customer}.example"
    made: Contract = {
        "version": 1,
        "identity": {"name": name, "customer": customer, "provider": provider, "region": region, "uid": uid},
        "access": {"mode": "standard", "credential": {"kubeconfig_file": str(kubeconfig)}},
        "capacity": {"gpus": [{"product": product, "count": count} for product, count in gpus.items()]},
        "scaling": {"max_replicas_per_model": replicas, "max_gpus_per_model": replicas * model_gpus},
        "actions": {"cordon": "auto", "drain": "approve"},
        "contacts": {
            "networking": {"name": f"{title} NetOps", "email": f"netops@{mail}"},
            "account": {"name": f"{title} Cloud Platform", "email": f"cloud@{mail}"},
            "capacity": {"name": f"{title} GPU Capacity", "email": f"gpu-capacity@{mail}"},
            "security": {"name": f"{title} Security", "email": f"security@{mail}"},
            "support": {"name": f"{title} on-call", "email": f"oncall@{mail}"},
        },
        "compliance": {"registries": [f"registry.{mail}/fireworks"], "egress": ["0.0.0.0/0"]},
        "stack": {"channel": "stable"},
        "models": [
            {
                **(model or LLAMA),
                "engine": {"name": "vllm", "version": "0.11.0"},
                "gpu": {"product": next(iter(gpus)), "per_replica": model_gpus},
                "replicas": {"min": replicas, "max": replicas},
            }
        ],
    }
    if gateway:
        made["networking"] = {"domain": f"llm.{mail}", "gateway": {"name": "public", "namespace": "gateway-system"}}
    return made


def write_fleet(folder: Path, contracts: Iterable[Contract], **options: Any) -> Path:
    """A fleet in a folder: the inventory source, and a file for each contract.

    :param options: of the source, beside the credentials that these contracts refer to.
    """
    clusters = folder / "clusters"
    clusters.mkdir(parents=True, exist_ok=True)
    for each in contracts:
        text = yaml.safe_dump(each, sort_keys=False, allow_unicode=True)
        (clusters / _file(each)).write_text(text, encoding="utf-8")
    source = folder / "fleet.byoc.yml"
    roots = credential_roots(_read(clusters))  # those of an earlier fleet in this folder are still in it
    chosen = {"plugin": "fireworks.byoc.fleet", "credential_roots": roots, **options}
    source.write_text(yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")
    return source


def credential_roots(contracts: Iterable[Contract]) -> dict[str, dict[str, list[Any]]]:
    """What the fleet's owner allows each customer, where that is exactly what these contracts refer to."""
    roots: dict[str, dict[str, list[Any]]] = {}
    for each in contracts:
        access, credential = each["access"], each["access"]["credential"]
        files = [access.get("ca_file"), credential.get("kubeconfig_file"), credential.get("token_file")]
        used = {
            "contracts": [_file(each)],
            "directories": [str(Path(file).parent) for file in files if file],
            "environment": [credential[key] for key in ("kubeconfig_env", "token_env") if key in credential],
            "servers": [access["server"]] if "server" in access else [],
            "contexts": [access["context"]] if "context" in access else [],
        }
        root = roots.setdefault(each["identity"]["customer"], {})
        for key, values in used.items():
            known = root.setdefault(key, []) if values else []
            known += [value for value in values if value not in known]
    return roots


def _read(clusters: Path) -> Iterator[Contract]:
    """The contracts in a folder, as far as they can be read."""
    for path in sorted(clusters.glob("*.yml")):
        with suppress(yaml.YAMLError):
            yield yaml.safe_load(path.read_text(encoding="utf-8"))


def _file(contract: Contract) -> str:
    return f"{contract['identity']['name']}.yml"
