# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's smaller parts, each by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import (
    LibraryMissing,
    duplicates,
    lookup_expression,
    parse_duration,
    parse_freeze,
    parse_window,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.errors import report, shown, where
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.libraries import library
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.names import did_you_mean, nearest
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.windows import parse_clock, parse_rrule
from tests.unit.domain.contract.contracts import loaded


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30m", timedelta(minutes=30)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2d", timedelta(days=2)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_a_duration_says_how_long(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "3", "h", "1m1h", "-1h", "1.5h", "3 h", "PT3H", "1h\n", "0s", "9999999h", "٣h"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_a_time_of_day_is_an_hour_and_a_minute() -> None:
    assert parse_clock("23:05") == (23, 5)


def test_a_weekly_window_opens_on_its_days_at_its_local_time() -> None:
    window = parse_window({"weekly": ["tue", "thu"], "start": "02:00", "duration": "3h", "time_zone": "Europe/Berlin"})
    assert window.duration == timedelta(hours=3)
    assert window.zone == ZoneInfo("Europe/Berlin")
    first = window.rule.after(datetime(2026, 11, 23))  # noqa: DTZ001
    assert first == datetime(2026, 11, 24, 2, 0)  # noqa: DTZ001
    assert window.rule.after(first) == datetime(2026, 11, 26, 2, 0)  # noqa: DTZ001


def test_a_rule_opens_where_rfc_5545_says() -> None:
    rule = parse_rrule("FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22;BYMINUTE=30")
    assert rule.after(datetime(2026, 11, 23)) == datetime(2026, 12, 5, 22, 30)  # noqa: DTZ001


def test_every_second_week_counts_from_the_first_day() -> None:
    rrule = "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=1"
    rule = parse_window({"rrule": rrule, "from": "2026-01-05", "duration": "1h", "time_zone": "UTC"}).rule
    assert rule.after(datetime(2026, 1, 5, 2)) == datetime(2026, 1, 19, 1)  # noqa: DTZ001


def test_a_leap_day_is_a_day_on_which_a_window_may_open() -> None:
    assert parse_rrule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=2")


def test_a_freeze_has_a_start_and_an_end_in_its_time_zone() -> None:
    freeze = parse_freeze({"from": "2026-12-18", "until": "2027-01-04T06:00", "time_zone": "Europe/Berlin"})
    assert freeze.start.isoformat() == "2026-12-18T00:00:00+01:00"
    assert freeze.end.isoformat() == "2027-01-04T06:00:00+01:00"


def test_a_freeze_that_ends_first_is_no_freeze() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        parse_freeze({"from": "2027-01-04", "until": "2026-12-18", "time_zone": "UTC"})


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("zones", ["name", "region"], "region"),
        ("time-zone", ["time_zone"], "time_zone"),
        ("Kubeconfig File", ["kubeconfig_file", "token_file"], "kubeconfig_file"),
        ("qqq", ["name"], None),
        ("zones", ["name"], None),
        ("x", [], None),
    ],
)
def test_the_nearest_name_is_the_one_that_was_probably_meant(name: str, known: list[str], meant: str | None) -> None:
    assert nearest(name, known) == meant


def test_where_no_name_is_near_all_are_told() -> None:
    assert did_you_mean("qqq", ["b", "a"]) == "known here: b, a"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("it's", '"it\'s"'),
        ("a" * 100, "'" + "a" * 59 + "…'"),
        ("red\x1b[31m\n", "'red\\x1b[31m\\n'"),
        (None, "nothing"),
        (True, "true"),
        (2.5, "2.5"),
        (12, "12"),
        (10**5000, "a number of more than 60 digits"),
        ({"a": 1}, "a mapping"),
        ([1], "a list"),
        (b"x", "a bytes"),
    ],
    ids=range(11),
)
def test_a_value_is_shown_on_one_short_line(value: Any, text: str) -> None:
    assert shown(value) == text


def test_a_place_is_written_as_people_read_it() -> None:
    assert where(("models", 0, "gpu", "odd key", 1)) == "models[0].gpu['odd key'][1]"
    assert where((0, "a", True)) == "[0].a[true]"
    assert where(()) == ""


def test_a_report_of_nothing_still_says_what_it_is_about() -> None:
    assert report([]).startswith("contract: 0 problems.")


def test_a_missing_library_is_named_with_what_to_install() -> None:
    with pytest.raises(LibraryMissing, match=r"library Nothing, which is not installed .*pip install Nothing\."):
        library("no_such_module_anywhere", "Nothing")


def test_contracts_that_share_a_name_or_a_uid_are_all_reported() -> None:
    uid = "0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11"
    fleet = {
        "1": loaded(),
        "2": loaded({"identity.name": "other", "identity.uid": uid.upper()}),
        "3": loaded({"identity.uid": "00000000-0000-0000-0000-000000000000"}),
    }
    found = {(problem.path, problem.where): problem.message for problem in duplicates(fleet)}
    names, uids = [("1", "identity.name"), ("3", "identity.name")], [("1", "identity.uid"), ("2", "identity.uid")]
    assert sorted(found) == sorted(names + uids)
    assert found[names[0]].startswith("'acme-eu-1' is also in 3: a host is one cluster")
    assert found[uids[1]].startswith(f"'{uid}' is also in 1: one cluster has one contract")


def test_contracts_of_different_clusters_are_no_duplicates() -> None:
    assert duplicates({"1": loaded()}) == []


def test_a_lookup_becomes_an_expression_of_a_quoted_literal() -> None:
    lookup = {"plugin": "a.b.c", "terms": ["x", "it's é😀 }}"], "options": {"n": 1, "yes": True}, "field": "a.b-c"}
    assert lookup_expression(lookup) == (
        "{{ lookup('fireworks.byoc.contract_credential', "
        '{"plugin": "a.b.c", "terms": ["x", "it\'s é😀 }}"], "options": {"n": 1, "yes": true}, "field": "a.b-c"}) }}'
    )


def test_the_contract_needs_nothing_of_ours_but_itself() -> None:
    for source in Path(lookup_expression.__code__.co_filename).parent.glob("*.py"):
        code = source.read_text(encoding="utf-8")
        assert "from .." not in code and "import ansible" not in code and "from ansible" not in code, source
