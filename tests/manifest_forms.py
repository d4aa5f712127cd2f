# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forms in which manifests are written, and what kubectl reads in them (recorded from v1.36.4)."""

from __future__ import annotations

from typing import Any


class Refused:
    """kubectl refuses it, and so do we."""


REFUSED = Refused()

#: What is written for a value, and what it is.
SCALARS: dict[str, Any] = {
    "2027-03-25": "2027-03-25",
    "2027-03-25T13:37:11Z": "2027-03-25T13:37:11Z",
    "2001-12-14t21:59:43.10-05:00": "2001-12-14t21:59:43.10-05:00",
    "2001-12-14 21:59:43.10 -5": "2001-12-14 21:59:43.10 -5",
    "2001-1-1": "2001-1-1",
    "22:00": "22:00",
    "12:30:45": "12:30:45",
    "190:20:30.15": "190:20:30.15",
    "0o644": 420,
    "0644": 420,
    "-0644": -420,
    "0_7": 7,
    "08": 8,
    "00": 0,
    "0x1F": 31,
    "0X1f": 31,
    "0x_1F": 31,
    "0b101": 5,
    "-0b101": -5,
    "0o8": "0o8",
    "0x": "0x",
    "0x1p4": "0x1p4",
    "1_000": 1000,
    "1_": 1,
    "_1": "_1",
    "+5": 5,
    "++1": "++1",
    "-0": 0,
    "-0.0": 0,
    "1.10": 1.1,
    "5.": 5,
    ".5": 0.5,
    "+.5": 0.5,
    ".5_0": 0.5,
    "._5": "._5",
    "1e3": 1000,
    "1E3": 1000,
    "1e-7": 1e-7,
    "1.e3": 1000,
    "1e": "1e",
    "1e400": "1e400",
    "1e-400": 0,
    "9223372036854775807": 9223372036854775807,
    "9223372036854775808": 9223372036854775808.0,
    "-9223372036854775809": -9223372036854775809.0,
    "18446744073709551616": 18446744073709551616.0,
    "0xFFFFFFFFFFFFFFFFFF": "0xFFFFFFFFFFFFFFFFFF",
    "123456789012345678901234567890": 123456789012345678901234567890.0,
    "9007199254740993": 9007199254740993,
    "1.2.3": "1.2.3",
    "10.0.0.1/8": "10.0.0.1/8",
    "1E": "1E",
    "1Ei": "1Ei",
    "100n": "100n",
    "=": "=",
    "<<": "<<",
    "y": True,
    "N": False,
    "on": True,
    "OFF": False,
    "Yes": True,
    "no": False,
    "TRUE": True,
    "tRUE": "tRUE",
    "~": None,
    "Null": None,
    "": None,
    "'on'": "on",
    '"22"': "22",
    "''": "",
    ".inf": REFUSED,
    "-.INF": REFUSED,
    ".NaN": REFUSED,
    "GPU 🚨": "GPU 🚨",
    '"𠮷"': "𠮷",
    r'"\U0001F6A8"': "🚨",
    r'"\ud83d\udea8"': REFUSED,
    '"größe ☃ 中"': "größe ☃ 中",
    r'"a\u0085b\u2028c\ufeffd"': "a\u0085b\u2028c\ufeffd",
    r'"\e\0\x41"': "\x1b\0A",
    "'it''s'": "it's",
    "a#b": "a#b",
    "a:b": "a:b",
    "a: b": REFUSED,
    "@a": REFUSED,
    "%a": REFUSED,
    "a\t# comment": "a",
    "|\n    a\tb\n    c": "a\tb\nc\n",
    ">-\n    a\n    b\n\n    c": "a b\nc",
    "|+\n    a\n": "a\n\n",
    "!!str 5": "5",
    "!!int '5'": 5,
    "!!int abc": REFUSED,
    "!!float 5": 5,
    "!!bool 'yes'": True,
    "!!binary aGVsbG8=": "hello",
    "!!timestamp 2027-03-25": "2027-03-25",
    "!!set {a, b}": {"a": None, "b": None},
    "! 5": "5",
    "[~, null, a]": [None, None, "a"],
    "[a, b,]": ["a", "b"],
    "[a, , b]": REFUSED,
    "{b: 1, b: 2}": {"b": 2},
    "{1: a, 0644: b, on: c, 2027-01-01: d, 22:00: e, 1.5: f, =: g}": {
        "1": "a", "420": "b", "true": "c", "2027-01-01": "d", "22:00": "e", "1.5": "f", "=": "g",
    },
    "{~: a}": REFUSED,
    "{[b]: c}": REFUSED,
    "{18446744073709551615: a}": REFUSED,
    "{b: &b {c: 1, d: 2}, e: {<<: *b, c: 3}}": {"b": {"c": 1, "d": 2}, "e": {"c": 3, "d": 2}},
    "{b: &b {c: 1}, e: {c: 3, <<: *b}}": {"b": {"c": 1}, "e": {"c": 1}},
    "{<<: [{c: 1}, {c: 2, d: 2}]}": {"c": 1, "d": 2},
    "{'<<': {c: 1}}": {"<<": {"c": 1}},
    "{<<: 5}": REFUSED,
    "{b: &b 1, c: *b}": {"b": 1, "c": 1},
    "*unknown": REFUSED,
    "&b [*b]": REFUSED,
}  # fmt: skip

_A = "apiVersion: byoc.example/v1\nkind: Form\nmetadata: {name: NAME, namespace: default}\n"
_B = _A.replace("NAME", "NAME-b")
_FLOW = "{apiVersion: byoc.example/v1, kind: Form, metadata: {name: NAME, namespace: default}}"
_JSON = '{"apiVersion":"byoc.example/v1","kind":"Form","metadata":{"name":"NAME","namespace":"default"}}'
_LIST = "apiVersion: byoc.example/v1\nkind: FormList\nitems:\n"


def form(name: str = "NAME", spec: Any = None) -> dict[str, Any]:
    made = {"apiVersion": "byoc.example/v1", "kind": "Form", "metadata": {"name": name, "namespace": "default"}}
    return made if spec is None else {**made, "spec": spec}


_TWO = [form(), form("NAME-b")]

#: Whole texts, and the objects in them.
TEXTS: dict[str, tuple[str, Any]] = {
    "two documents": (f"{_A}---\n{_B}", _TWO),
    "empty documents and comments": (f"---\n---\n# c\n---\n{_A}---\n\n---\n# end\n", [form()]),
    "null documents": (f"null\n---\n{_A}---\n~\n", [form()]),
    "a comment behind ---": (f"{_A}--- # second\n{_B}", _TWO),
    "spaces behind ---": (f"{_A}---  \n{_B}", _TWO),
    "a document behind ---": (f"--- {_FLOW}\n", REFUSED),
    "--- in a text": (_A + "spec:\n  a: |\n    b\n    ---\n    c\n", [form(spec={"a": "b\n---\nc\n"})]),
    "... and ---": (f"{_A}...\n---\n{_B}", _TWO),
    "%YAML 1.2": (f"%YAML 1.2\n---\n{_A}", REFUSED),
    "a byte order mark": (f"\ufeff{_A}", [form()]),
    "a byte order mark in the second": (f"{_A}---\n\ufeff{_B}", _TWO),
    "CRLF": (f"{_A}---\n{_B}".replace("\n", "\r\n"), _TWO),
    "CRLF in a text": (_A + "spec:\r\n  a: |\r\n    b\r\n    c\r\n", [form(spec={"a": "b\nc\n"})]),
    "CR alone": (_A.replace("\n", "\r"), [form()]),
    "a tab behind a colon": (_A.replace("kind: ", "kind:\t"), [form()]),
    "indented by a tab": (_A + "spec:\n\ta: b\n", REFUSED),
    "a control letter": (_A + 'spec: {a: "b\x01c"}\n', REFUSED),
    "a key twice": (_A + "spec: {a: 1}\nspec: {a: 2}\n", [form(spec={"a": 2})]),
    "a key with ?": (_A + "? spec\n: {a: b}\n", [form(spec={"a": "b"})]),
    "JSON": (_JSON, [form()]),
    "JSON with a pair for one letter": (_JSON[:-1] + r',"spec":{"a":"\ud83d\udea8"}}', [form(spec={"a": "🚨"})]),
    "JSON after JSON": (_JSON + _JSON.replace("NAME", "NAME-b"), _TWO),
    "JSON, then YAML": (f"{_JSON}\n---\n{_B}", _TWO),
    "JSON with tabs": (_JSON.replace(",", ",\n\t"), [form()]),
    "JSON with a comment": (f"# c\n{_JSON}", [form()]),
    "JSON with a comma too many": (_JSON[:-1] + ",}", [form()]),
    "JSON with 1.0 and 1e2": (_JSON[:-1] + ',"spec":{"a":[1.0,1e2,-0.0]}}', [form(spec={"a": [1, 100, 0]})]),
    "a List": (f"apiVersion: v1\nkind: List\nitems:\n- {_FLOW}\n", [form()]),
    "an empty List": (f"apiVersion: v1\nkind: List\nitems: []\n---\n{_A}", [form()]),
    "a List of null": (f"apiVersion: v1\nkind: List\nitems: null\n---\n{_A}", [form()]),
    "a typed list": (_LIST + "- {metadata: {name: NAME, namespace: default}}\n", [form()]),
    "a typed list that says what its items are": (f"{_LIST}- {_FLOW}\n", [form()]),
    "a list of lists": (f"apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: List, items: [{_FLOW}]}}\n",
                        REFUSED),
    "a list of typed lists": ("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: RoleList, items: []}\n",
                              REFUSED),
    "a list of texts": (_LIST + "- abc\n", REFUSED),
    "a list that holds null": (f"{_LIST}- null\n- {_FLOW}\n", REFUSED),
    "items that are no list": (_LIST + "  a: b\n", REFUSED),
    "an object with a list of texts named items": (_A + "items: [a, b]\n", REFUSED),
    "an unclosed bracket": (f"{_A}---\na: [\n", REFUSED),
    "aliases without end": (
        _A + "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
        REFUSED,
    ),
    "20,000 brackets": (_A + "spec: " + "[" * 20_000 + "]" * 20_000, REFUSED),
}  # fmt: skip

#: kubectl takes these, and silently drops or alters what was written; we refuse them.
STRICTER: dict[str, str] = {
    "a document after ...": f"{_A}...\n{_B}",
    "a tag of Ansible's": _A + "spec: {a: !vault abc}\n",
    "a tag of Python's": _A + "spec: {a: !!python/name:os.system }\n",
    "a tag on a mapping": _A + "spec: !mine {a: b}\n",
    "!!binary that is no text": _A + "spec: {a: !!binary '/w=='}\n",
    "a number for a key that needs an exponent": _A + "spec: {1e30: a}\n",
    "half a letter in JSON": _JSON[:-1] + r',"spec":{"a":"\ud83d"}}',
}

#: What only the server can judge.
_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME, namespace: default}\n"
_SECRET = _MAP.replace("ConfigMap", "Secret")
_QUOTA = _MAP.replace("ConfigMap", "ResourceQuota")
NATIVE: dict[str, str] = {
    "a text that is a time": _MAP + "data: {a: 22:00, b: 2027-03-25, c: '5', d: 🚨}\n",
    "a number where text is meant": _MAP + "data: {a: 5}\n",
    "a truth where text is meant": _MAP + "data: {a: on}\n",
    "null for a text": _MAP + "data: {a: ~}\n",
    "null for a mapping": _MAP + "data: ~\n",
    "a typed list of the server's": "apiVersion: v1\nkind: ConfigMapList\nitems:\n- {metadata: {name: NAME, "
    "namespace: default}, data: {a: b}}\n",
    "a list without items": "apiVersion: v1\nkind: List\n",
    "no kind": "apiVersion: v1\nmetadata: {name: NAME, namespace: default}\n",
    "no apiVersion": "kind: ConfigMap\nmetadata: {name: NAME, namespace: default}\n",
    "a text as a document": "hello\n",
    "a list as a document": f"- {_FLOW}\n",
    "an empty mapping as a document": "{}\n---\n" + _MAP,
    "items without a kind": "apiVersion: v1\nkind: ConfigMapList\nitems:\n- {apiVersion: v1, metadata: {name: NAME}}\n",
    "base64 in several lines": _SECRET + "data:\n  a: |\n    YWJj\n    ZGVm\n",
    "base64 without its end": _SECRET + "data: {a: YQ}\n",
    "base64 for URLs": _SECRET + "data: {a: _-8=}\n",
    "!!binary where base64 is meant": _SECRET + "data: {a: !!binary YQ==}\n",
    "stringData": _SECRET + "stringData: {a: b, c: größe 🚨}\ndata: {d: YQ==}\n",
    "stringData over data": _SECRET + "stringData: {a: b}\ndata: {a: Yw==}\n",
    "a number in stringData": _SECRET + "stringData: {a: 1}\n",
    "a null in stringData": _SECRET + "stringData: {a: ~, b: c}\n",
    "quantities": _QUOTA + "spec: {hard: {requests.cpu: 250u, limits.cpu: 100n, pods: 5, requests.memory: 1Ei, "
    "limits.memory: 1E, requests.storage: 1e3, services: -0, requests.ephemeral-storage: .5}}\n",
    "a quantity that is none": _QUOTA + "spec: {hard: {requests.cpu: 1K}}\n",
    "a suffix and an exponent": _QUOTA + "spec: {hard: {requests.cpu: 1e3Ki}}\n",
    "an unknown field": _MAP + "dta: {a: b}\n",
}
