# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By what a model's weights are fetched: a Secret of the customer's as a file, or a cloud identity of the model's own.

The kubelet mounts the one, and the cloud's own part in the cluster hands out the other: neither passes through us.
Variables: huggingface.co/docs "Environment variables" of huggingface_hub; docs.aws.amazon.com, "AWS SDKs and tools:
shared config and credentials files"; cloud.google.com, "How Application Default Credentials works".
Annotations: README of github.com/aws/amazon-eks-pod-identity-webhook; cloud.google.com, "Authenticate to Google Cloud
APIs from GKE workloads".
"""

from __future__ import annotations

from typing import Any

from ..contract.schema_model_source import AWS_ROLE, GOOGLE_ACCOUNT, SECRET, WORKLOAD_IDENTITY
from ..contract.typed import Contract, Model, SourceCredential, WorkloadIdentity

ENGINE_ACCOUNT = "engine"
"""The account of the pods of every model that no cloud knows."""
_MOUNT, _VOLUME = "/credential", "credential"
_FILES = {"hf": "HF_TOKEN_PATH", "s3": "AWS_SHARED_CREDENTIALS_FILE", "gs": "GOOGLE_APPLICATION_CREDENTIALS"}
"""By scheme, the variable by which its software is told of a file with a credential."""
_AUDIENCE = "sts.amazonaws.com"


def secret_of(model: Model) -> str:
    """The Secret that a model's pods mount; empty where there is none."""
    secret = _credential(model).get(SECRET)
    return secret["name"] if secret else ""


def credential_environment(model: Model) -> dict[str, str]:
    """What tells the software that fetches the weights where its credential is."""
    secret = _credential(model).get(SECRET)
    variable = _FILES.get(str(model["source"]["uri"]).partition("://")[0])
    return {variable: f"{_MOUNT}/{secret['key']}"} if secret and variable else {}


def credential_volumes(model: Model) -> list[dict[str, Any]]:
    """The volume with the Secret, which only the pod's own group may read."""
    name = secret_of(model)
    return [{"name": _VOLUME, "secret": {"secretName": name, "defaultMode": 0o440}}] if name else []


def credential_mounts(model: Model) -> list[dict[str, Any]]:
    """Where a container that fetches weights has it."""
    return [{"name": _VOLUME, "mountPath": _MOUNT, "readOnly": True}] if secret_of(model) else []


def account_of(model: Model) -> str:
    """The ServiceAccount of a model's pods."""
    return f"{ENGINE_ACCOUNT}-{model['name']}" if _identity(model) else ENGINE_ACCOUNT


def account_annotations(model: Model) -> dict[str, str]:
    """By what a cloud knows the account of a model; nothing where it has none of its own."""
    identity = _identity(model)
    if role := identity.get(AWS_ROLE):
        # In full, with a life that the guardrail of pods lets in: the webhook's own choice is a day.
        aws = {"role-arn": str(role), "audience": _AUDIENCE, "token-expiration": "3600"}
        return {f"eks.amazonaws.com/{key}": value for key, value in aws.items()}
    if account := identity.get(GOOGLE_ACCOUNT):
        return {"iam.gke.io/gcp-service-account": str(account)}
    return {}


def audiences(contract: Contract) -> dict[str, str]:
    """Whom the token is for that the cloud's webhook mounts into pods of an account, by the account's name."""
    return {account_of(model): _AUDIENCE for model in contract.get("models") or () if _identity(model).get(AWS_ROLE)}


def _credential(model: Model) -> SourceCredential:
    return model["source"].get("credential") or {}


def _identity(model: Model) -> WorkloadIdentity:
    return _credential(model).get(WORKLOAD_IDENTITY) or {}
