# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forms of rules that calendars write: each opens when it says, or is refused in one sentence with what was meant."""

from __future__ import annotations

import random
import time
from datetime import datetime

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.windows import parse_rrule

EACH_HOUR, EACH_MINUTE = (",".join(map(str, range(most))) for most in (24, 60))
SATURDAY, SECOND_MONDAY = "2026-01-03 22:00", "2026-01-12 02:00"

#: A rule, its first day, and its first opening from 2026 on.
READ = [
    ("FREQ=WEEKLY;BYDAY=SA;BYHOUR=22", None, SATURDAY),
    ("RRULE:FREQ=WEEKLY;BYDAY=SA;BYHOUR=22", None, SATURDAY),
    ("rrule: freq=weekly; byday=sa; byhour=22\n", None, SATURDAY),
    ("FREQ=WEEKLY;BYDAY=SA , SU;BYHOUR=22", None, SATURDAY),
    ("BYHOUR=22;BYDAY=SA,SA;FREQ=WEEKLY", None, SATURDAY),
    ("FREQ=WEEKLY;BYDAY=SA;BYHOUR=22,22;WKST=SU", None, SATURDAY),
    ("FREQ=WEEKLY;BYHOUR=22", "2026-01-03", SATURDAY),
    ("FREQ=MONTHLY;BYDAY=+1SA;BYHOUR=22", None, SATURDAY),
    ("FREQ=MONTHLY;BYDAY=01SA;BYHOUR=22", None, SATURDAY),
    ("FREQ=MONTHLY;BYDAY=SA,1SA;BYHOUR=22", None, SATURDAY),
    ("FREQ=MONTHLY;BYDAY=5SU,SA;BYHOUR=22", None, SATURDAY),
    ("FREQ=MONTHLY;BYDAY=SA;BYSETPOS=1;BYHOUR=22", None, SATURDAY),
    ("FREQ=MONTHLY;BYMONTHDAY=-29;BYHOUR=22", None, SATURDAY),
    ("FREQ=YEARLY;BYDAY=SA,53TH;BYHOUR=22", None, SATURDAY),
    ("FREQ=DAILY;BYDAY=SA;BYHOUR=22,23;BYSETPOS=1", None, SATURDAY),
    ("FREQ=DAILY;BYDAY=SA;BYHOUR=22", "2026-01-01T00:00", SATURDAY),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=2", "2025-12-29", SECOND_MONDAY),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;BYHOUR=2", "2026-01-06", "2026-01-11 02:00"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;BYHOUR=2;WKST=SU", "2026-01-06", "2026-01-18 02:00"),
    ("FREQ=MONTHLY;BYHOUR=2", "2026-01-31", "2026-01-31 02:00"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=2", None, "2028-02-29 02:00"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;BYHOUR=2", None, "2044-02-29 02:00"),
    ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "2026-01-01T00:30", "2026-01-01 02:30"),
]
ENDLESS = "a window has no end: remove it from the contract when it is over"
DAYS_OFF = "write those days as change.freezes"
#: A rule, its first day, and a part of what is said of it.
REFUSED = [
    ("", None, "has an empty part"),
    ("FREQ=WEEKLY;BYDAY=SA;BYHOUR=22;", None, "remove the ; that is one too many"),
    ("FREQ=WEEKLY;;BYDAY=SA;BYHOUR=22", None, "remove the ; that is one too many"),
    ("every Saturday at ten", None, "write it like FREQ=MONTHLY;BYDAY=1SA;BYHOUR=22"),
    ("FREQ=WEEKLY;BYDAY=;BYHOUR=22", None, "is not a rule that can be read"),
    ("FREQ=WEEKLY;BYDAY=\u017fA;BYHOUR=22", None, "has a letter that no rule has"),
    ("FREQ=WEEKLY;BYDAY=SA;BYHOUR=\u0662\u0662", None, "has a letter that no rule has"),
    ("FREQ=WEEKLY;BYDAY=SA\u00a0;BYHOUR=22", None, "has a letter that no rule has"),
    ("FREQ=WEEKLY;BYDAY=S A;BYHOUR=22", None, "has BYDAY=S A: write weekdays like MO,TH"),
    ("FREQ=WEEKLY;BYDAY=SA;BYHOUR=2 2", None, "has BYHOUR=2 2: write numbers from 0 to 23"),
    ("FREQ=WEEKLY;BYDAY=SA;BYDAY=SU;BYHOUR=22", None, "says BYDAY twice"),
    ("BYDAY=SA;BYHOUR=22", None, "must have a FREQ of DAILY, WEEKLY, MONTHLY, YEARLY"),
    ("FREQ=FORTNIGHTLY;BYHOUR=22", None, "must have a FREQ of DAILY"),
    ("FREQ=SECONDLY;BYHOUR=22", None, "write FREQ=DAILY and the hours as BYHOUR"),
    ("FREQ=MINUTELY;INTERVAL=30;BYHOUR=22", None, "write FREQ=DAILY and the hours as BYHOUR"),
    ("FREQ=HOURLY;INTERVAL=6", None, "write FREQ=DAILY and the hours as BYHOUR"),
    ("FREQ=DAILY;BYHOUR=2;UNTIL=20271231T000000Z", None, f"uses UNTIL, which a window cannot: {ENDLESS}"),
    ("FREQ=DAILY;BYHOUR=2;until=20271231", None, ENDLESS),
    ("FREQ=DAILY;BYHOUR=2;COUNT=10", None, f"uses COUNT, which a window cannot: {ENDLESS}"),
    ("FREQ=DAILY;BYHOUR=2;COUNT=10;UNTIL=20271231", None, ENDLESS),
    ("DTSTART=20260101T020000;FREQ=DAILY;BYHOUR=2", None, "write the first day as `from`"),
    ("DTSTART;TZID=Europe/Berlin:20260101T020000\nRRULE:FREQ=DAILY;BYHOUR=2", None, "the first day as `from`"),
    ("RRULE:FREQ=DAILY;BYHOUR=2\nDTSTART:20260101T020000Z", None, "the first day as `from`"),
    ("FREQ=DAILY;BYHOUR=2;TZID=Europe/Berlin", None, "write `time_zone`, beside the rule"),
    ("FREQ=DAILY;BYHOUR=2;DURATION=PT3H", None, "write `duration`, beside the rule"),
    ("RRULE:FREQ=DAILY;BYHOUR=2\nEXDATE:20261224T020000", None, DAYS_OFF),
    ("RRULE:FREQ=DAILY;BYHOUR=2\nEXRULE:FREQ=WEEKLY;BYDAY=SU", None, DAYS_OFF),
    ("RRULE:FREQ=DAILY;BYHOUR=2\nRDATE:20261224T020000", None, "single days cannot be added"),
    ("FREQ=DAILY;BYHOUR=2;BYSECOND=30", None, "a window opens at a full minute"),
    ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=SA;BYHOUR=2", None, "write BYMONTH with BYDAY"),
    ("FREQ=YEARLY;BYYEARDAY=100;BYHOUR=2", None, "write BYMONTH with BYMONTHDAY"),
    ("FREQ=YEARLY;BYEASTER=0;BYHOUR=2", None, "uses BYEASTER, which a window cannot: it may use FREQ"),
    ("FREQ=DAILY;X-NAME=1;BYHOUR=2", None, "uses X-NAME, which a window cannot"),
    ("FREQ=WEEKLY;BYDAY=1SA;BYHOUR=22", None, "write FREQ=MONTHLY"),
    ("FREQ=WEEKLY;BYDAY=SA,-1SU;BYHOUR=22", None, "has BYDAY=-1SU with FREQ=WEEKLY"),
    ("FREQ=MONTHLY;BYDAY=0SA;BYHOUR=22", None, "there is no such day in any month"),
    ("FREQ=MONTHLY;BYDAY=6SA;BYHOUR=22", None, "there is no such day in any month"),
    ("FREQ=YEARLY;BYDAY=54SA;BYHOUR=22", None, "there is no such day in any year"),
    ("FREQ=YEARLY;BYMONTH=3;BYDAY=6SA;BYHOUR=22", None, "has BYDAY=6SA"),
    ("FREQ=MONTHLY;BYDAY=SAT;BYHOUR=22", None, "write weekdays like MO,TH"),
    ("FREQ=MONTHLY;BYDAY=1;BYHOUR=22", None, "write weekdays like MO,TH"),
    ("FREQ=WEEKLY;BYMONTHDAY=1;BYHOUR=22", None, "has BYMONTHDAY with FREQ=WEEKLY"),
    ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1;BYHOUR=22", None, "has BYSETPOS with FREQ=WEEKLY"),
    ("FREQ=WEEKLY;BYHOUR=22", None, "does not say on which day the window opens: add BYDAY=SA"),
    ("FREQ=WEEKLY;BYMONTH=3;BYHOUR=22", None, "does not say on which day"),
    ("FREQ=MONTHLY;BYHOUR=22;BYSETPOS=1", None, "does not say on which day"),
    ("FREQ=YEARLY;BYMONTH=3;BYHOUR=22", None, "does not say on which day"),
    ("FREQ=MONTHLY;BYMONTHDAY=0;BYHOUR=2", None, "write numbers from 1 to 31, or from -31 to -1"),
    ("FREQ=MONTHLY;BYMONTHDAY=32;BYHOUR=2", None, "has BYMONTHDAY=32"),
    ("FREQ=MONTHLY;BYMONTHDAY=-32;BYHOUR=2", None, "has BYMONTHDAY=-32"),
    ("FREQ=YEARLY;BYMONTH=13;BYMONTHDAY=1;BYHOUR=2", None, "has BYMONTH=13: write numbers from 1 to 12"),
    ("FREQ=YEARLY;BYMONTH=-1;BYMONTHDAY=1;BYHOUR=2", None, "has BYMONTH=-1"),
    ("FREQ=YEARLY;BYMONTH=MAR;BYMONTHDAY=1;BYHOUR=2", None, "has BYMONTH=MAR"),
    ("FREQ=DAILY;BYHOUR=24", None, "has BYHOUR=24: write numbers from 0 to 23"),
    ("FREQ=DAILY;BYHOUR=22:30", None, "has BYHOUR=22:30"),
    ("FREQ=DAILY;BYHOUR=2;BYMINUTE=60", None, "has BYMINUTE=60"),
    ("FREQ=DAILY;BYMINUTE=30", None, "add BYHOUR, like BYHOUR=22"),
    ("FREQ=DAILY;BYHOUR=2;BYSETPOS=0", None, "has BYSETPOS=0"),
    ("FREQ=DAILY;BYHOUR=2;BYSETPOS=367", None, "has BYSETPOS=367"),
    ("FREQ=DAILY;BYHOUR=2,3;BYSETPOS=3", None, "never opens: BYSETPOS chooses among the openings of a day"),
    ("FREQ=DAILY;BYHOUR=2;WKST=8", None, "has WKST=8: write a weekday like MO"),
    ("FREQ=DAILY;BYHOUR=2;INTERVAL=0", "2026-01-05", "write a whole number from 1 to 999"),
    ("FREQ=DAILY;BYHOUR=2;INTERVAL=1.5", "2026-01-05", "has INTERVAL=1.5"),
    ("FREQ=DAILY;BYHOUR=2;INTERVAL=1000", "2026-01-05", "has INTERVAL=1000"),
    ("FREQ=DAILY;BYHOUR=2;INTERVAL=2", None, "has an INTERVAL but no first day to count from"),
    ("FREQ=DAILY;BYHOUR=2", "2026-01-05T10:30", "add BYMINUTE=30, or write `from` as a day only"),
    ("FREQ=DAILY;BYHOUR=2", "0026-01-05", "counts `from` the year 26"),
    ("FREQ=DAILY;BYHOUR=2", "9999-12-31", "counts `from` the year 9999"),
    (f"FREQ=DAILY;BYHOUR={EACH_HOUR};BYMINUTE=0,20,40", None, "opens 72 times a day, 48 at most"),
    (f"FREQ=DAILY;BYHOUR={EACH_HOUR};BYMINUTE={EACH_MINUTE}", None, "opens 1440 times a day"),
    ("FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2;BYHOUR=2", None, "never opens: no date of 28 years fits this rule"),
    ("FREQ=DAILY;BYMONTHDAY=30;BYMONTH=2;BYHOUR=2", None, "never opens"),
    ("FREQ=DAILY;INTERVAL=7;BYDAY=TU;BYHOUR=2", "2026-01-05", "never opens"),
    ("FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=4,6,9,11;BYHOUR=2", None, "never opens"),
    ("FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=2SA;BYHOUR=2", None, "never opens"),
    ("FREQ=MONTHLY;BYDAY=SA;BYSETPOS=6;BYHOUR=2", None, "never opens"),
    ("FREQ=MONTHLY;INTERVAL=12;BYMONTH=3;BYMONTHDAY=1;BYHOUR=2", "2026-01-05", "never opens"),
    ("FREQ=YEARLY;INTERVAL=999;BYMONTH=3;BYMONTHDAY=1;BYHOUR=2", "2026-03-02", "never opens"),
]


@pytest.mark.parametrize(("rule", "first", "opens"), READ, ids=[row[0] for row in READ])
def test_a_form_that_is_read_opens_when_it_says(rule: str, first: str | None, opens: str) -> None:
    begin = datetime(2025, 12, 31, 23, 59)  # noqa: DTZ001
    assert str(parse_rrule(rule, first=first).after(begin)) == f"{opens}:00"


def test_what_is_not_read_is_refused_in_one_sentence_with_what_was_meant() -> None:
    for rule, first, said in REFUSED:
        with pytest.raises(ValueError) as refused:
            parse_rrule(rule, first=first)
        told = str(refused.value)
        assert said in told, f"{rule}: {told}"
        assert "\n" not in told and len(told) < 250, f"{rule}: {told}"


def test_no_rule_takes_long_to_judge() -> None:
    """Every combination is read or refused at once: some were looked for until the year 9999, for minutes."""
    drawn = random.Random(23)  # noqa: S311
    parts = {
        "BYMONTHDAY": ["31", "30", "-31", "29,30"],
        "BYMONTH": ["2", "4", "2,4"],
        "BYDAY": ["MO", "5SU", "-5MO", "MO,1SA"],
        "BYSETPOS": ["1", "366", "-366", ",".join(map(str, range(1, 60)))],
        "BYHOUR": ["2", EACH_HOUR],
        "BYMINUTE": ["0", "0,30"],
        "INTERVAL": ["1", "7", "365", "999"],
    }
    for _ in range(60):
        chosen = {name: drawn.choice(values) for name, values in parts.items() if drawn.random() < 0.6}
        rule = ";".join(f"{k}={v}" for k, v in {"FREQ": "DAILY", "BYHOUR": "2", **chosen}.items())
        for frequency in ("DAILY", "MONTHLY", "YEARLY"):
            began = time.process_time()
            try:
                parse_rrule(rule.replace("DAILY", frequency), first="2026-02-01")
            except ValueError as refused:
                assert str(refused)
            assert time.process_time() - began < 2, rule
