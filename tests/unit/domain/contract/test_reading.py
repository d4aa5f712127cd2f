# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a contract's file: YAML's surprises, and files that are no contract."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import (
    ContractErrors,
    parse_contract,
    reader,
    yaml_loader,
)
from tests.unit.domain.contract.contracts import EXAMPLE, PATH, reading_complaints

TEXT = EXAMPLE.read_text(encoding="utf-8")


def edited(old: str, new: str) -> bytes:
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new).encode()


@pytest.mark.parametrize(
    ("old", "new", "place", "value"),
    [
        ("  region: eu-west-1\n", "  region: no\n", "identity.region", "no"),
        ('start: "02:00"', "start: 02:00", "change.windows.0.start", "02:00"),
        ('start: "02:00"', "start: 12:30", "change.windows.0.start", "12:30"),
        ('from: "2026-12-18T00:00"', "from: 2026-12-18", "change.freezes.0.from", "2026-12-18"),
        ('from: "2026-12-18T00:00"', "from: 2026-12-18 00:00:00", "change.freezes.0.from", "2026-12-18 00:00:00"),
        ("version: 0.11.0", "version: 0.10", "models.0.engine.version", "0.10"),
        ("0e9e39f249a16976918f6564b8830bc894c89659", "1e10", "models.0.source.revision", "1e10"),
    ],
)
def test_a_value_is_taken_as_it_is_written(old: str, new: str, place: str, value: str) -> None:
    raw = edited(old, new)
    if "region: no" in new:
        raw = raw.replace(b"regions: [eu-west-1]", b"regions: [no]")
    found: Any = parse_contract(raw, path=PATH)
    for part in place.split("."):
        found = found[int(part) if part.isdecimal() else part]
    assert found == value


def test_a_fraction_is_a_number_where_one_is_meant() -> None:
    objectives = "{availability: 0.999, time_to_first_token: {within: 1s, share: 0.95}}"
    agreed = edited("    context_length: 32768\n", f"    context_length: 32768\n    objectives: {objectives}\n")
    [model] = parse_contract(agreed, path=PATH)["models"]
    assert model["objectives"] == {"availability": 0.999, "time_to_first_token": {"within": "1s", "share": 0.95}}
    assert type(model["objectives"]["availability"]) is float and type(model["engine"]["version"]) is str
    quoted = agreed.replace(b"availability: 0.999", b"availability: '0.999'")
    assert "'0.999' is not a number" in str(reading_complaints(quoted))
    assert "99.9" in str(reading_complaints(agreed.replace(b"0.999", b"99.9")))


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem() -> None:
    raw = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    assert parse_contract(raw, path=PATH) == parse_contract(EXAMPLE.read_bytes(), path=PATH)


def test_pyyaml_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = parse_contract(EXAMPLE.read_bytes(), path=PATH)
    monkeypatch.delattr(yaml, "CSafeLoader")
    yaml_loader.loader_class.cache_clear()
    try:
        assert parse_contract(EXAMPLE.read_bytes(), path=PATH) == fast
        assert "is not YAML" in str(reading_complaints(b"a: [" * 20))
    finally:
        yaml_loader.loader_class.cache_clear()


@pytest.mark.parametrize(
    ("raw", "where", "message"),
    [
        (b"", "", "the file is empty"),
        (b"# nothing yet\n", "", "the file is empty"),
        (b"- a", "", "the file holds a list, not a mapping"),
        (b"hello", "", "the file holds 'hello', not a mapping"),
        (b"a: b: c", "line 1", "Put a value that has a colon in quotes, or correct the indentation"),
        (b"a:\n\t- b", "line 2", "The line begins with a tab: indent with spaces"),
        (b"a: 1\n---\nb: 2", "line 2", "One file holds one contract: remove the line ---"),
        (b"a: !vault |\n  $ANSIBLE_VAULT;1.1", "line 1", "no tags, and no encrypted values"),
        (b"a: !!python/object:os.system x", "line 1", "no tags, and no encrypted values"),
        (b"a: !!timestamp 2026-01-01", "line 1", "no tags, and no encrypted values"),
        (b"a: !!int x", "line 1", "a value is not what its tag says"),
        (b"a: !!bool x", "line 1", "a value is not what its tag says"),
        (b"a: !!map x", "line 1", "expected a mapping node, but found scalar"),
        (b"[a]: b", "line 1", "unhashable key"),
        (b"{a: 1}: b", "line 1", "unhashable key"),
        (b"a: [", "line 2", "is not YAML that can be read"),
        (b"a: \x01", "", "control characters are not allowed"),
        (b'a: "\\ud800"', "line 1", "is not YAML that can be read"),
        (b"a: \xff", "line 1", "is not UTF-8 text (byte 0xff): save the file as UTF-8"),
        (b"a: 1\nb: \xe9t\xe9\n", "line 2", "is not UTF-8 text (byte 0xe9)"),
        ("a: 1".encode("utf-16"), "line 1", "is not UTF-8 text"),
        (b"a: " + b"x" * 1_000_001, "", "the file is larger than 1000000 bytes"),
        (b"a: " + b"[" * 100_000, "", "nests values far deeper than a contract does"),
        (b"a:\n  " + b"- " * 100_000 + b"x", "", "nests values far deeper than a contract does"),
        (b"a: " + b"]" * 100 + b"-" * 2000, "line 1", "is not YAML that can be read"),
        (b"a: &a [*a]", "", "aliases (*) stand for far more than a contract holds"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_a_file_that_is_no_contract_is_reported(raw: bytes, where: str, message: str) -> None:
    [(place, found)] = reading_complaints(raw).items()
    assert place == where
    assert message in found


def test_aliases_that_stand_for_billions_of_values_are_refused_at_once() -> None:
    bomb = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, of in zip(b"bcdefghij", b"abcdefghi", strict=True):
        bomb += b"%c: &%c [%s]\n" % (name, name, b", ".join([b"*%c" % of] * 10))
    began = time.monotonic()
    assert "aliases" in reading_complaints(bomb)[""]
    assert time.monotonic() - began < 1


def test_merge_keys_are_unknown_keys() -> None:
    raw = edited("version: 1\n", "version: 1\n<<: {stack: {channel: stable}}\n")
    assert "unknown key '<<'" in reading_complaints(raw)["['<<']"]


def test_an_anchor_may_repeat_a_contact() -> None:
    raw = TEXT.replace("networking: {name: Acme NetOps", "networking: &net {name: Acme NetOps").encode()
    raw = raw.replace(b"capacity: {name: Acme GPU Capacity, email: gpu-capacity@acme.example}", b"capacity: *net")
    assert parse_contract(raw, path=PATH)["contacts"]["capacity"]["name"] == "Acme NetOps"


def test_long_honest_contracts_are_read() -> None:
    first = "    - {product: NVIDIA-H100-80GB-HBM3, count: 32}\n"
    raw = edited(first, first + "".join(f"    - {{product: p-{number}, count: 1}}\n" for number in range(900)))
    assert len(parse_contract(raw, path=PATH)["capacity"]["gpus"]) == 901


def test_numbers_no_machine_can_hold_are_reported_like_any_other_value() -> None:
    found = reading_complaints(edited("count: 32", "count: " + "9" * 5000))
    assert found["capacity.gpus[0].count"].startswith("'9999999999")
    assert len(found["capacity.gpus[0].count"]) < 250


def test_keys_written_twice_are_reported_with_everything_else() -> None:
    raw = edited("  customer: acme\n", "  customer: acme\n  customer: other\n  zones: x\n")
    raw = raw.replace(b"count: 32", b"count: 0")
    assert reading_complaints(raw) == {
        "line 8": "the key 'customer' is on line 7 already: keep one of them",
        "capacity.gpus[0].count": "0 is too small: at least 1",
        "identity.zones": "unknown key 'zones': did you mean 'region'?",
    }


def test_a_repeated_key_alone_is_enough_to_refuse_a_contract() -> None:
    with pytest.raises(ContractErrors, match="line 7: the key 'name' is on line 6 already"):
        parse_contract(edited("  customer: acme\n", "  name: acme-eu-1\n  customer: acme\n"), path=PATH)


def test_the_largest_contract_is_a_megabyte() -> None:
    assert reader.MAX_BYTES == 1_000_000
    padding = b"#" * (reader.MAX_BYTES - len(TEXT.encode()))
    assert parse_contract(TEXT.encode() + padding, path=PATH)
