# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's contracts are read in several processes, and are what each of them is by itself."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest
import yaml

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import LibraryMissing
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.errors import report
from ansible_collections.fireworks.byoc.plugins.plugin_utils import contract_files
from ansible_collections.fireworks.byoc.plugins.plugin_utils.contract_files import read_contracts
from demo.contracts import H100, contract


def files(count: int) -> dict[str, bytes]:
    """Contracts by their paths; one of them is none."""
    where = {"kubeconfig": Path("/k"), "provider": "aws", "region": "here", "gpus": {H100: 16}}
    made = {f"c{n}.yml": contract(f"customer{n}-eu-1", uid=str(uuid.UUID(int=n + 1)), **where) for n in range(count)}
    return {path: yaml.safe_dump(each).encode() for path, each in made.items()} | {"wrong.yml": b"identity: 3\n"}


def test_of_a_fleet_each_contract_is_as_it_is_alone_and_each_problem_is_of_its_file() -> None:
    fleet = files(70)
    contracts, problems = read_contracts(fleet)
    alone = [read_contracts({path: content}) for path, content in fleet.items()]
    assert contracts == {path: each for found, _wrong in alone for path, each in found.items()} and len(contracts) == 70
    assert problems == {path: each for _found, wrong in alone for path, each in wrong.items()}
    assert list(problems) == ["wrong.yml"]
    assert read_contracts({}) == ({}, {})


def test_what_a_process_that_died_did_not_read_is_a_problem_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    run, read = os.getpid(), contract_files._read
    monkeypatch.setattr(contract_files, "processes_for", lambda _count: 2)
    monkeypatch.setattr(contract_files, "_read", lambda *file: read(*file) if os.getpid() == run else os._exit(1))
    contracts, problems = read_contracts(files(40))
    assert list(contracts) == ["c0.yml"] and len(problems) == 40
    assert "cannot be read: the process that read it ended" in problems["c1.yml"][0].message
    assert "The operator sees to it" in report(problems["c1.yml"])


def test_a_library_that_is_not_there_is_told_before_there_is_any_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_file: object) -> None:
        raise LibraryMissing("jsonschema", None)

    monkeypatch.setattr(contract_files, "_read", missing)
    with pytest.raises(LibraryMissing, match="jsonschema"):
        read_contracts(files(40))
