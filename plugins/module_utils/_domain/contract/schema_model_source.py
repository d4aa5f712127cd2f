# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a contract says of where a model's weights come from, and by what credential they are fetched."""

from __future__ import annotations

from typing import Final

from .fields import section, text

SECRET: Final = "secret"  # noqa: S105
WORKLOAD_IDENTITY: Final = "workload_identity"
AWS_ROLE: Final = "aws_role"
GOOGLE_ACCOUNT: Final = "google_service_account"

_NAME = "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
_NAME_MEANT = "use lower-case letters, digits and dashes, and a letter or digit at both ends"

_SECRET = section(
    "Secret",
    "A Secret in fireworks-models, which the kubelet mounts as a file. The customer creates it; we never read it.",
    {
        "name": text("Name", "Its name.", pattern=_NAME, meant=_NAME_MEANT, examples=["hub-token"]),
        "key": text(
            "Key",
            "The key in it: a token of the Hub, a shared credentials file of AWS, or a key file of Google Cloud.",
            pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
            meant="use letters, digits, dots, dashes and underscores",
            examples=["token"],
        ),
    },
    required=["name", "key"],
    examples=[{"name": "hub-token", "key": "token"}],
)

_WORKLOAD_IDENTITY = section(
    "Workload identity",
    "Whom the cloud takes the model's pods for: exactly one, as an annotation of a ServiceAccount of the model's own.",
    {
        AWS_ROLE: text(
            "AWS role",
            "The role that they assume (IAM roles for service accounts).",
            pattern=r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$",
            meant="write it like arn:aws:iam::123456789012:role/weights",
            maxLength=2048,
            examples=["arn:aws:iam::123456789012:role/weights"],
        ),
        GOOGLE_ACCOUNT: text(
            "Google service account",
            "The service account that they act as (Workload Identity Federation for GKE).",
            pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]@[a-z][a-z0-9.-]*\.iam\.gserviceaccount\.com$",
            meant="write it like weights@acme-ml.iam.gserviceaccount.com",
            examples=["weights@acme-ml.iam.gserviceaccount.com"],
        ),
    },
    minProperties=1,
    maxProperties=1,
    examples=[{AWS_ROLE: "arn:aws:iam::123456789012:role/weights"}],
)

SOURCE = section(
    "Source",
    "Where the weights come from.",
    {
        "uri": text(
            "URI",
            "Their place.",
            format="byoc-source",
            maxLength=1000,
            examples=["hf://meta-llama/Llama-3.1-8B-Instruct"],
        ),
        "revision": text(
            "Revision",
            "Exactly which weights: a commit, a version or a digest; never a moving name.",
            # A branch, a channel and "latest" have no digit; a commit, a version and a digest have one.
            pattern=r"^(?!refs/heads/)(?=\S*[0-9])\S+$",
            meant="write a commit, a version or a digest; a branch or another moving name is not exact",
            examples=["0e9e39f249a16976918f6564b8830bc894c89659"],
        ),
        "digest": text(
            "Digest",
            "The SHA-256 of the weights as you published them. Another one is another version of the model.",
            pattern="^sha256:[0-9a-f]{64}$",
            meant="write sha256: and 64 hexadecimal digits in lower case",
            maxLength=71,
            examples=["sha256:" + "0" * 64],
        ),
        "credential": section(
            "Credential",
            "How they are fetched: exactly one of `secret` and `workload_identity`. None: anybody may, or the node.",
            {SECRET: _SECRET, WORKLOAD_IDENTITY: _WORKLOAD_IDENTITY},
            minProperties=1,
            maxProperties=1,
            examples=[{SECRET: {"name": "hub-token", "key": "token"}}],
        ),
    },
    required=["uri", "revision"],
    examples=[{"uri": "hf://meta-llama/Llama-3.1-8B-Instruct", "revision": "0e9e39f249a16976918f6564b8830bc894c89659"}],
)
