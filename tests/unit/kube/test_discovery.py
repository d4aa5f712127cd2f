# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind that is served no more has no objects; any other answer says nothing of that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.discovery import Resource, items_of, metadata_of
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import (
    AnswerError,
    ForbiddenError,
    NotFoundError,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.session import Session

WIDGETS = Resource("x.example", "v1", "Widget", "widgets", namespaced=True, verbs=("list",), preferred=True)


class Answering:
    """A session whose server answers each listing with an error, after a page."""

    def __init__(self, error: AnswerError) -> None:
        self._error = error

    def list_items(self, _path: str, _query: Any) -> Iterator[dict[str, str]]:
        yield {"kind": "Widget"}
        raise self._error

    def list_metadata(self, _path: str, _query: Any) -> list[dict[str, str]]:
        raise self._error


@pytest.mark.parametrize("listed", [items_of, metadata_of])
def test_a_kind_whose_definition_was_deleted_meanwhile_has_no_objects(listed: Any) -> None:
    session = cast("Session", Answering(NotFoundError("404 page not found", status=404)))
    assert listed(session, WIDGETS, "a") == []


@pytest.mark.parametrize("listed", [items_of, metadata_of])
def test_a_kind_that_may_not_be_listed_is_not_called_empty(listed: Any) -> None:
    with pytest.raises(ForbiddenError):
        listed(cast("Session", Answering(ForbiddenError("no", status=403))), WIDGETS, "a")
