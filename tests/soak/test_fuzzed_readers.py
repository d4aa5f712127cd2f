# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others wrote, broken at random: each reader answers or raises its own error, soon, shortly, without secrets."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.soak.fuzzed_readers import READERS, SECRET, Reader

#: So many inputs of each reader in a part, and so many parts.
EACH, PARTS = 250, 12
MOST_SECONDS = 2.0

#: What stands in for a value, or between two of them.
ODD = (
    *(b"null", b"~", b"true", b"no", b"on", b"[]", b"{}", b"[[[[", b"]]", b"}}", b'""', b"''", b'"', b"'", b"- "),
    *(b"0", b"-1", b"1e999", b".nan", b".inf", b"0o17", b"0x1f", b"12:30:45", b"1_000", b"9" * 400, b"2026-01-01"),
    *(b"!!binary", b"!!python/name:os.system ", b"!!int x", b"!!set {a, b}", b"!x ", b"&a ", b"*a", b"<<: ", b"? "),
    *(b": ", b"| ", b">-\n", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\t", b"\r", b"\x1b[2J", b"\xed\xa0\x80"),
    *("\u202e\u2028\ud7ff🎉".encode(), b"\\ud800", b"%zz", b"%00", b"=", b"@", b"#", b"/../", b"~root", b"$HOME"),
    *(b"-----BEGIN ", b"-----END ", b"x" * 3000),
)
TOKEN = re.compile(rb"[A-Za-z0-9_./@%-]+|\s+|[^A-Za-z0-9_./@%\s-]")


def mutants(seeds: list[bytes], number: int, rng: random.Random) -> Iterator[bytes]:
    for _ in range(number):
        content = rng.choice(seeds)
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            content = rng.choice(CHANGES)(content, seeds, rng)
        yield content


def _value(content: bytes, _seeds: list[bytes], rng: random.Random) -> bytes:
    """Another value in the place of one word."""
    found = [match.span() for match in TOKEN.finditer(content)]
    start, end = rng.choice(found) if found else (0, 0)
    return content[:start] + rng.choice(ODD) + content[end:]


def _inserted(content: bytes, _seeds: list[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.choice(ODD) + content[at:]


def _bits(content: bytes, _seeds: list[bytes], rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _lines(content: bytes, _seeds: list[bytes], rng: random.Random) -> bytes:
    """A line lost, doubled, moved, or indented otherwise."""
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    line = lines.pop(at)
    again = ([], [line, line], [b"  " + line], [line.lstrip()], [line[: rng.randrange(len(line) + 1)]])
    lines[at:at] = rng.choice(again)
    if rng.random() < 0.2:
        lines.insert(rng.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def _cut(content: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    """The beginning of one, and now and then the end of another."""
    other = rng.choice(seeds)
    tail = other[rng.randrange(len(other)) :] if rng.random() < 0.5 else b""
    return content[: rng.randrange(len(content) + 1)] + tail


Change = Callable[[bytes, list[bytes], random.Random], bytes]
CHANGES: tuple[Change, ...] = (_value, _value, _value, _inserted, _bits, _lines, _lines, _cut)


def wrong_with(reader: Reader, content: bytes) -> str:
    """What is wrong with how a reader takes this; empty where nothing is."""
    began, said = time.process_time(), ""
    try:
        reader.read(content)
    except reader.raises as error:
        said = str(error)
    except Exception as error:  # noqa: BLE001 (that is the question)
        return f"{type(error).__name__} instead of an error of its own"
    if (took := time.process_time() - began) > MOST_SECONDS:
        return f"took {took:.1f} s"
    if said.count("\n") >= reader.lines:
        return f"a message of {said.count(chr(10)) + 1} lines"
    return "a secret in the message" if SECRET in said else ""


@pytest.mark.soak(sample=1, together=1)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", READERS)
def test_what_is_broken_at_random_is_read_or_refused_in_words(name: str, part: int, tmp_path: Path) -> None:
    seed = f"{os.environ['BYOC_SOAK_SEED']} {name} {part}"
    reader, rng = READERS[name], random.Random(seed)  # noqa: S311 (repeatable, not a secret)
    seeds = reader.inputs(tmp_path)
    for content in seeds:
        assert wrong_with(reader, content) == ""
        reader.read(content)  # as it is, it is accepted
    wrong = {said: content for content in mutants(seeds, EACH, rng) if (said := wrong_with(reader, content))}
    assert wrong == {}, f"seed {seed!r}"
