# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of a model's source: which go with it, and which have no use."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.domain.contract.contracts import complaints_about, loaded

PLACE = "models[0].source.credential"
SECRET = {"secret": {"name": "hub-token", "key": "token"}}
ROLE = "arn:aws:iam::123456789012:role/weights"
AWS = {"workload_identity": {"aws_role": ROLE}}
GOOGLE = {"workload_identity": {"google_service_account": "weights@acme-ml.iam.gserviceaccount.com"}}


def source(uri: str, credential: Any, provider: str = "aws", **more: Any) -> dict[str, Any]:
    return {
        "identity.provider": provider,
        "models.0.source": {"uri": uri, "revision": "1", "credential": credential},
        **more,
    }


@pytest.mark.parametrize(
    ("uri", "credential", "provider"),
    [
        ("hf://acme/llama", SECRET, "aws"),
        ("s3://acme/llama", SECRET, "bare_metal"),
        ("gs://acme/llama", SECRET, "aws"),
        ("s3://acme/llama", AWS, "aws"),
        ("s3://acme/llama", AWS, "openshift"),
        ("gs://acme/llama", GOOGLE, "gcp"),
    ],
)
def test_a_credential_that_the_place_takes_is_kept(uri: str, credential: Any, provider: str) -> None:
    [model] = loaded(source(uri, credential, provider))["models"]
    assert model["source"]["credential"] == credential


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        (source("pvc://weights/llama", SECRET), PLACE, "a volume: remove it"),
        (source("pvc://weights/llama", AWS), PLACE, "a volume: remove it"),
        (source("hf://acme/llama", AWS), f"{PLACE}.workload_identity.aws_role", "name a secret with a token"),
        (
            source("hf://acme/llama", GOOGLE, "gcp"),
            f"{PLACE}.workload_identity.google_service_account",
            "name a secret with a token",
        ),
        (source("gs://acme/llama", AWS), f"{PLACE}.workload_identity.aws_role", "write google_service_account"),
        (
            source("s3://acme/llama", GOOGLE, "gcp"),
            f"{PLACE}.workload_identity.google_service_account",
            "write aws_role",
        ),
        (source("s3://acme/llama", AWS, "gcp"), f"{PLACE}.workload_identity.aws_role", "identity.provider is gcp"),
        (source("s3://acme/llama", AWS, "azure"), f"{PLACE}.workload_identity.aws_role", "identity.provider is azure"),
        (
            source("gs://acme/llama", GOOGLE, "bare_metal"),
            f"{PLACE}.workload_identity.google_service_account",
            "identity.provider is bare_metal",
        ),
        (source("hf://acme/llama", {}), PLACE, ""),
        (source("s3://acme/llama", {**SECRET, **AWS}), PLACE, ""),
        (source("s3://acme/llama", {"workload_identity": {}}), f"{PLACE}.workload_identity", ""),
        (source("hf://acme/llama", {"secret": {"name": "hub-token"}}), f"{PLACE}.secret.key", "is missing"),
        (
            source("s3://acme/llama", {"workload_identity": {"aws_role": "weights"}}),
            f"{PLACE}.workload_identity.aws_role",
            "write it like arn:aws:iam::123456789012:role/weights",
        ),
        (
            source("gs://acme/llama", {"workload_identity": {"google_service_account": "weights"}}, "gcp"),
            f"{PLACE}.workload_identity.google_service_account",
            "iam.gserviceaccount.com",
        ),
        (
            {**source("s3://acme/llama", AWS), "models.0.name": "m" * 57},
            "models[0].name",
            "with a workload identity at most 56",
        ),
    ],
)
def test_a_credential_without_a_use_is_refused(changes: dict[str, Any], place: str, said: str) -> None:
    found = complaints_about(changes)
    assert list(found) == [place], found
    assert said in found[place]


@pytest.mark.parametrize("secret", ["hf_" + "aB3" * 12, *(f"{kind}IOSFODNN7EXAMPLE" for kind in ("AKIA", "ASIA"))])
@pytest.mark.parametrize("where", ["name", "key", ""])
def test_a_token_that_was_written_instead_of_a_name_is_not_repeated(secret: str, where: str) -> None:
    credential = {"secret": {"name": "a", "key": "b", where: secret} if where else secret}
    found = complaints_about(source("hf://acme/llama", credential))
    assert any("a secret is written here" in message for message in found.values())
    assert secret not in str(found)
