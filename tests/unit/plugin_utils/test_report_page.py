# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a fleet's report: what clusters say is text in it, it asks nobody for anything, and it is small."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.report.fleet import fleet_report
from ansible_collections.fireworks.byoc.plugins.plugin_utils.report_page import MOST_BYTES, report_page
from tests.fleet_parts import MADE, agreed, parts

HOSTILE = "<img src=https://evil.example/x onerror=alert(1)></td></script><script>alert(2)</script>&quot;'\""


class Page(HTMLParser):
    """Its elements with their attributes, its text, and the cells of each table."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def report(count: int, change: Any = None) -> dict[str, Any]:
    made = parts(count)
    if change:
        change(made)
    return fleet_report(made, {agreed(n)["identity"]["name"]: agreed(n) for n in range(count)}, [], MADE)


def test_what_a_cluster_says_is_text_wherever_it_says_it() -> None:
    def hostile(made: list[dict[str, Any]]) -> None:
        for part in made:
            for rows in (value for value in part.values() if isinstance(value, list)):
                for row in rows:
                    if isinstance(row, dict):
                        row |= {key: HOSTILE for key, value in row.items() if isinstance(value, str)} | _words(row)

    page = Page(report_page(report(40, hostile)))
    assert {tag for tag, _attributes in page.elements} <= {
        "html", "head", "meta", "link", "title", "style", "body", "header", "h1", "p", "nav", "a", "dl", "div", "dt",
        "dd", "main", "section", "h2", "small", "table", "thead", "tr", "th", "button", "tbody", "td", "i", "script",
    }  # fmt: skip
    assert not [name for _tag, attributes in page.elements for name in attributes if name.startswith("on")]
    assert HOSTILE in page.text
    assert [tag for tag, _attributes in page.elements].count("script") == 1


def _words(row: dict[str, Any]) -> dict[str, Any]:
    """What the report itself orders by is one of its own words."""
    return {key: row[key] for key in ("severity", "state", "began", "ended", "until", "product") if key in row}


def test_it_asks_nobody_for_anything() -> None:
    page = Page(report_page(report(10)))
    links = [
        attributes.get(key) or "" for _tag, attributes in page.elements for key in ("src", "href") if key in attributes
    ]
    assert links and all(link.startswith(("#", "data:")) for link in links)
    [policy] = [attributes["content"] for tag, attributes in page.elements if attributes.get("http-equiv")]
    assert str(policy).startswith("default-src 'none'; ")
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", "".join(page.text))


def test_a_thousand_clusters_fit() -> None:
    size = len(report_page(report(1000)).encode())
    assert 500_000 < size <= MOST_BYTES, size


def test_what_does_not_fit_is_cut_and_said() -> None:
    whole = report_page(report(200))
    page = report_page(report(200), most=len(whole.encode()) // 2)
    assert len(page.encode()) <= len(whole.encode()) // 2
    told = [int(number) for number in re.findall(r"(\d+) more are in the JSON file", page)]
    assert told and min(told) > 0
    assert len(re.findall("<tr>", whole)) == len(re.findall("<tr>", page)) + sum(told)
    for heading in re.findall(r'<a href="#\w+">([^<]+)</a>', whole):
        assert heading in page, "the numbers are those of all rows"
