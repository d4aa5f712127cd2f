# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How credentials look, wherever they are written: in a contract, a message, a log line."""

from __future__ import annotations

KEYS = (
    "token|password|passwd|passphrase|kubeconfig|kubeconfig_content|kubeconfig_data|private_key|api_key|client_key"
    "|client_key_data|client_certificate_data|secret_id|secret_key|secret_access_key|client_secret|bearer"
)
"""The ends of keys whose values are secrets, as alternatives; ``pass`` and ``secret`` alone mean it in some places."""

VALUES = (
    # Tokens that begin with their issuer's mark: JSON Web Tokens, Vault, Hugging Face, AWS, GitHub, GitLab, Slack,
    # Google, NVIDIA, model providers and Fireworks.
    r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|\bhv[sbr]\.[\w-]{20,}"
    r"|\bhf_[A-Za-z0-9]{20,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[oprsu]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abeoprs]-[\w-]{10,}|\bhooks\.slack\.com/[^\s\"'<>]+"
    r"|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}"
    r"|\bnvapi-[\w-]{20,}|\bsk-(?:proj|svcacct|ant|or)-[\w-]{20,}|\bsk-[A-Za-z0-9]{20,}|\bfw_[A-Za-z0-9]{16,}"
)
"""Secrets that are known by themselves, as alternatives."""

PRIVATE_KEY = "PRIVATE KEY-----"
"""In the first and the last line of a key in PEM."""
