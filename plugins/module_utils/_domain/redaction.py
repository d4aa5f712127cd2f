# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of others without what nobody may read in them: credentials, and what users asked models or were answered.

A credential is known by its form or by the key before it. What was asked or answered is known by how engines log it,
though none of ours does: the flags for that are reserved (``model.engine_adapter``). Whatever may be either is left
out. A text shows that something was, and not what.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._vocabulary.addresses import NOT_SHOWN, holds_more, shown_address
from .contract.secret_forms import KEYS, PRIVATE_KEY, VALUES

HIDDEN = "[redacted]"
HIDDEN_REQUEST = "[redacted: text of a request]"
_IN_KEY, _IN_REQUEST = "key", "request"

_KNOWN = re.compile(VALUES)
_KEY = (
    f"(?:{KEYS}|secret|access_key(?:_id)?|(?:encryption|signing|account|shared)_key|credentials?|session_id|signature"
    "|(?<![a-z])pass)"
).replace("_", "[-_]?")
_VALUE = r"""(?:\\?"(?:[^"\\]|\\[^"])*\\?"?|'(?:[^'\\]|\\.)*'?|\[[^\]]*\]?|\{[^}]*\}?|[^\s,;&"')\]}]+)"""
#: What is no value: a word for none, or where a command of ours says what belongs there, such as ``<path>``. Nothing
#: goes on after either: what only begins so may be a secret.
_NOTHING = (
    r"(?:none|null|true|false)\b(?![-+/=@#$%!~^*]\S)|\"\"|''|\[redacted"
    r"|(?-i:<[a-z]{2,12}(?: [a-z]{2,12}){0,4}>)(?=[.:]?(?:[\s,;&\"'`)\]}\\]|$))"
)
#: A key, and its value unless that says that there is none.
_ASSIGNED = re.compile(rf"({_KEY}\\?[\"']?\s*[:=]\s*)(?!{_NOTHING})({_VALUE})", re.IGNORECASE)
#: The same as two words of a command line.
_FLAG = re.compile(rf"((?<![\w-])--?[\w-]{{0,40}}?{_KEY}['\",]*\s+)({_VALUE})", re.IGNORECASE)
_HEADER = re.compile(r"((?:authorization|cookie)\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\"'\r\n]+", re.IGNORECASE)
#: What follows has a digit, padding or a capital inside, and is no word of a sentence.
_SCHEME = re.compile(r"\b((?i:bearer|basic))\s+(?=\S*[0-9=]|\S+[A-Z])[\w.~+/=-]{6,}")
_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s\"'<>\\)\]}]+")
#: Encoded data, such as a line of a key: letters of both cases and digits, and no word so long has all of them.
_ENCODED = re.compile(
    r"(?<![\w+/])(?=[A-Za-z+/]*[0-9])(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])[A-Za-z0-9+/]{40,}={0,2}"
)

_ASKED = (
    "prompt[-_]token[-_]ids|contents?|input|inputs|input[-_]ids|output|outputs|output[-_](?:ids|token[-_]ids|text)"
    "|token[-_]ids|text|texts|arguments|reasoning(?:[-_]content)?|instructions"
)
#: How engines, servers and clients write what was asked or answered: up to where that begins.
_REQUEST = re.compile(
    rf"(?<![\w-])(?:{_ASKED})\\?[\"']?\s*[:=]\s*(?=\\?[\"'\[{{])"
    r"|(?<![\w-])(?:prompts?|messages|completions?)\\?[\"']?\s*[:=]\s*(?!\d|none\b|null\b)(?=\S)"
    r"|\b(?:GenerateReqInput|EmbeddingReqInput|ChatCompletionRequest|CompletionRequest)\("
    r"|\b(?:Receive|Finish): obj=|\bout=(?=\{)",
    re.IGNORECASE,
)
#: A line that begins a record of a log, not one that goes on with the one before.
_RECORD = re.compile(
    r"\s*(?:\([\w ]+(?:=\d+| pid=\d+)\)\s*)?(?:(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)\b|[IWEF]\d{4} "
    r"|\[?\d{4}-\d\d-\d\d[T ]\d\d:|\[\d\d:\d\d:\d\d|\{\")"
)
_ONLY_ENCODED = re.compile(r"[\s>|]*[A-Za-z0-9+/]{8,}={0,2}\s*")
# To search a line for all of this takes long, and few lines have any. So these are looked for first, in lower case.
_SECRET_KEYS = (
    "token", "password", "passwd", "passphrase", "pass", "kubeconfig", "kubeconfig_content", "kubeconfig_data", "key",
    "key_data", "certificate_data", "secret_id", "key_id", "session_id", "sessionid", "secretid", "keyid", "keydata",
    "secret", "bearer", "credential", "credentials", "signature",
)  # fmt: skip
_REQUEST_KEYS = (
    "prompt", "prompts", "messages", "completion", "completions", "content", "contents", "input", "inputs", "output",
    "outputs", "text", "texts", "_ids", "arguments", "reasoning", "instructions",
)  # fmt: skip
_REQUEST_FORMS = ("reqinput(", "completionrequest(", "obj=", "out={")
_TOKEN_FORMS = (
    "eyj", "hvs.", "hvb.", "hvr.", "hf_", "akia", "asia", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_",
    "glpat-", "xox", "slack.com", "aiza", "ya29.", "nvapi-", "sk-", "fw_",
)  # fmt: skip
_ASSIGNS = (":", "=")
_ENDS = (" ", "\t", "'", '"', ",")
_BETWEEN = " \t\\\"'"
_LONG = re.compile("[A-Za-z0-9+/]{40}")


@dataclass(frozen=True)
class _Present:
    """What of all this a text has anywhere. Most texts have little of it, and their lines are looked at for that only.

    flag_keys: those that a blank is behind, as on a command line. has_long: something as long as encoded data.
    """

    request_forms: tuple[str, ...]
    request_keys: tuple[str, ...]
    secret_keys: tuple[str, ...]
    flag_keys: tuple[str, ...]
    token_forms: tuple[str, ...]
    has_long: bool

    @classmethod
    def of(cls, text: str) -> _Present:
        low = text.lower()
        folded = low.replace("-", "_")
        secret_keys = [key for key in _SECRET_KEYS if key in folded]
        return cls(
            tuple(form for form in _REQUEST_FORMS if form in low),
            tuple(key for key in _REQUEST_KEYS if _is_assigned(folded, key)),
            tuple(key for key in secret_keys if _is_assigned(folded, key)),
            tuple(key for key in secret_keys if "-" in low and _is_ended(folded, key)),
            tuple(form for form in _TOKEN_FORMS if form in low),
            bool(_LONG.search(text)),
        )


def redacted_lines(lines: Iterable[str]) -> list[str]:
    """The lines of one text, in their order: what began in one line may go on in the next."""
    every = list(lines)
    present = _Present.of("\n".join(every))
    found: list[str] = []
    inside = ""
    for line in every:
        if inside and not _RECORD.match(line):
            inside = "" if inside == _IN_KEY and PRIVATE_KEY in line else inside
            found.append(HIDDEN)
            continue
        shown, inside = _line(line, present)
        if PRIVATE_KEY in line and "-----BEGIN" not in line:
            _hide_before(found)
        found.append(shown)
    return found


def redacted(text: str) -> str:
    """A text of any number of lines."""
    return "\n".join(redacted_lines(text.split("\n")))


def redacted_data(data: Any) -> Any:
    """Data with all of its texts so, and without the value of each key whose name says that it is a secret."""
    if isinstance(data, Mapping):
        return {redacted(str(key)): _of_key(str(key), value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [redacted_data(each) for each in data]
    return redacted(data) if isinstance(data, str) else data


def _of_key(key: str, value: Any) -> Any:
    said = f'{key}="x"'
    is_secret = isinstance(value, str) and value and (_ASSIGNED.search(said) or _HEADER.search(said))
    return HIDDEN if is_secret else redacted_data(value)


def _hide_before(found: list[str]) -> None:
    """Of a key whose beginning is not there: the lines before its end are hidden too."""
    for index in range(len(found) - 1, -1, -1):
        if not _ONLY_ENCODED.fullmatch(found[index]):
            return
        found[index] = HIDDEN


def _line(line: str, present: _Present) -> tuple[str, str]:
    """What is shown of a line, and what goes on after it: a key, or the text of a request."""
    if PRIVATE_KEY in line:
        begins = "-----BEGIN" in line and "-----END" not in line
        return line.partition("-----")[0] + HIDDEN, _IN_KEY if begins else ""
    low = line.lower()
    may_tell = _has(low, present.request_forms) or _with_key(low, present.request_keys, _is_assigned)
    if may_tell and (asked := _REQUEST.search(line)):
        return _without_secrets(line[: asked.end()], low, present) + HIDDEN_REQUEST, _IN_REQUEST
    return _without_secrets(line, low, present), ""


def _without_secrets(line: str, low: str, present: _Present) -> str:
    """A line without credentials, of which there are seven forms. low: the line in lower case."""
    if "://" in low:
        line = _URL.sub(lambda found: _address(found[0]), line)
        low = line.lower()
    if "authorization" in low or "cookie" in low:
        line = _HEADER.sub(rf"\1{HIDDEN}", line)
    if _with_key(low, present.secret_keys, _is_assigned):
        line = _ASSIGNED.sub(rf"\1{HIDDEN}", line)
    if _with_key(low, present.flag_keys, _is_ended):
        line = _FLAG.sub(rf"\1{HIDDEN}", line)
    if "bearer" in low or "basic" in low:
        line = _SCHEME.sub(rf"\1 {HIDDEN}", line)
    if _has(low, present.token_forms):
        line = _KNOWN.sub(HIDDEN, line)
    return _ENCODED.sub(HIDDEN, line) if present.has_long and _LONG.search(line) else line


def _has(low: str, forms: tuple[str, ...]) -> bool:
    return bool(forms) and any(form in low for form in forms)


def _with_key(low: str, keys: tuple[str, ...], so: Callable[[str, str], bool]) -> bool:
    """Whether a line has one of the keys so: with a value, or with its end."""
    return bool(keys) and any(so(low.replace("-", "_"), key) for key in keys)


def _is_assigned(low: str, key: str) -> bool:
    at = low.find(key)
    while at >= 0:
        at += len(key)
        if low[at : at + 1] in _ASSIGNS or low[at : at + 99].lstrip(_BETWEEN)[:1] in _ASSIGNS:
            return True
        at = low.find(key, at)
    return False


def _is_ended(low: str, key: str) -> bool:
    at = low.find(key)
    while at >= 0:
        at += len(key)
        if low[at : at + 1] in _ENDS:
            return True
        at = low.find(key, at)
    return False


def _address(url: str) -> str:
    if not holds_more(url):
        return url
    shown = shown_address(url)
    return HIDDEN if shown == NOT_SHOWN else f"{shown}{HIDDEN}"
