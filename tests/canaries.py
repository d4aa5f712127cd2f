# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planted secrets and a planted prompt, and how programs would write them: none may be in anything that we show.

They are put together here, so that no file of the tree holds anything that looks like a credential.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

PROMPT = "my canary sings of marigold and thunder"


def _made(prefix: str, length: int, letters: str = "aB3dE5gH7jK9mN") -> str:
    return prefix + (letters * (length // len(letters) + 1))[:length]


_BODY = _made("", 640, "MIIEvQIBADANBgkqhkiG9w0")
_KEY_LINES = [_BODY[at : at + 64] for at in range(0, 640, 64)]
_PEM = ["-----BEGIN PRIVATE " + "KEY-----", *_KEY_LINES, "-----END PRIVATE " + "KEY-----"]

TOKENS = {
    "hf": _made("hf_", 34, "aBcDeFgHiJkLm"),
    "vault": _made("hvs.", 40),
    "vault batch": _made("hvb.", 40),
    "aws id": "AK" + "IA" + "IOSFODNN7EXAMPLE"[:16].ljust(16, "Q"),
    "github": _made("gh" + "p_", 36),
    "github fine": _made("github_" + "pat_", 40),
    "gitlab": _made("gl" + "pat-", 20),
    "slack": _made("xo" + "xb-", 30, "1234567890-"),
    "google": _made("AI" + "za", 35),
    "google oauth": _made("ya" + "29.", 40),
    "nvidia": _made("nv" + "api-", 40),
    "openai": _made("sk" + "-proj-", 40),
    "openai old": _made("sk" + "-", 40),
    "fireworks": _made("f" + "w_", 24),
    "jwt": "ey" + "J" + _made("", 20) + "." + _made("", 30) + "." + _made("", 30),
}
PLAIN = {
    "password": "hunter2-canary",
    "api_key": "canary-key-0001",
    "token": "canary.token.0002",
    "client_secret": "canary/secret/0003",
    "passphrase": "canary passphrase",
    "aws_secret_access_key": _made("", 40, "wJalrXUtnFEMI/K7MDENG"),
    "session_id": "canary-session-0005",
    "HF_TOKEN": "canary-env-0006",
    "kubeconfig": "canary-config-0007",
    "private-key": "canary-private-0008",
    "access_key_id": "canary-access-0009",
    "credentials": "canary-cred-0010",
    "signing_key": "canary-sign-0011",
}
BASIC = base64.b64encode(b"canary:user-and-password").decode()
SIGNED = "https://bucket.example/weights?X-Amz-Signature=canarysig0012"
LOGIN = "https://canary:pw0013@host.example/path"

SECRETS = [
    *TOKENS.values(),
    *PLAIN.values(),
    BASIC,
    "canarysig0012",
    "pw0013",
    "T000/B000/canaryhook0014",
    *_KEY_LINES,
]
"""More than thirty, none of which may be shown."""

_WRITTEN: tuple[Callable[[str, str], str], ...] = (
    lambda key, value: f'{key}="{value}"' if " " in value else f"INFO starting with {key}={value}",
    lambda key, value: f"{key}: '{value}'",
    lambda key, value: json.dumps({"level": "info", key: value}),
    lambda key, value: json.dumps({"body": json.dumps({key: value})}),
    lambda key, value: f"args: --{key.lower().replace('_', '-')} {json.dumps(value)} --port 8000",
)


def lines_with_canaries() -> list[str]:
    """A log with all of them, as engines, routers and shells would write them."""
    asked = json.dumps({"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 5})
    return [
        "INFO:     Application startup complete.",
        *(f"ERROR 401 Client Error for {value}" for value in TOKENS.values()),
        *(f"DEBUG the value is '{value}', ok" for value in TOKENS.values()),
        *(write(key, value) for write in _WRITTEN for key, value in PLAIN.items()),
        f"> Authorization: Basic {BASIC}",
        f"> proxy-authorization: Bearer {TOKENS['fireworks']}",
        f"curl -H 'Authorization: Bearer {PLAIN['token']}' http://x",
        f"GET {SIGNED} 403",
        f"cannot reach {LOGIN}: refused",
        "posting to https://hooks.slack.com/services/T000/B000/canaryhook0014",
        *_PEM,
        "INFO 11-29 21:00:00 after the key",
        r"key loaded: -----BEGIN RSA PRIVATE " + rf"KEY-----\n{_KEY_LINES[0]}\n-----END RSA PRIVATE " + "KEY-----",
        *_KEY_LINES[5:],
        _PEM[-1],
        f"INFO 11-29 21:00:00 [logger.py:39] Received request cmpl-1: prompt: '{PROMPT}', params: SamplingParams(n=1)",
        f"DEBUG 11-29 Request cmpl-2 details: prompt: '{PROMPT}', prompt_token_ids: [1, 2], prompt_embeds shape: None.",
        f"INFO 11-29 Generated response cmpl-1: output: '{PROMPT}', output_token_ids: [1], finish_reason: stop",
        f'INFO 11-29 Generated response cmpl-1 (streaming delta): output: "{PROMPT}", output_token_ids: None',
        f"[2026-11-29 21:00:00] Receive: obj=GenerateReqInput(rid='1', text='{PROMPT}', input_ids=None)",
        f"[2026-11-29 21:00:00] Finish: obj=GenerateReqInput(rid='1'), out={{'text': '{PROMPT}', 'meta_info': {{}}}}",
        f"DEBUG http body {asked}",
        f"prompt: {PROMPT}",
        "INFO 11-29 Received request cmpl-3: prompt: 'first line",
        PROMPT,
        f"  {PROMPT}', params: None",
        "INFO 11-29 the last line",
    ]
