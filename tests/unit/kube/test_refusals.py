# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which admission policies refused a set is data: no playbook has to read it out of a message."""

from __future__ import annotations

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.errors import answer_error
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.refusals import RefusedError, policies_of


@pytest.mark.parametrize(
    ("message", "policies"),
    [
        ("configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'one' with binding 'b' denied request: no", ["one"]),
        ("ValidatingAdmissionPolicy 'one' denied, ValidatingAdmissionPolicy 'two' denied", ["one", "two"]),
        ("exceeded quota: theirs", []),
        ("", []),
    ],
)
def test_the_policies_that_refused_are_taken_from_the_api_servers_own_answer(message: str, policies: list[str]) -> None:
    error = answer_error(422, {"kind": "Status", "message": message}, where="acme", request="PATCH /x")
    assert policies_of(error) == policies


def test_a_refused_set_names_them_in_its_result() -> None:
    result = RefusedError("no", policies={"two", "one"}, where="acme", next_step="resolve it").as_result()
    assert result["policies"] == ["one", "two"]
    assert (result["code"], result["owner"]) == ("refused", "operator")
