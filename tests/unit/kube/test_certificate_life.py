# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a certificate ends, against what the library says that the testbed's certificates are made with."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as some

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.certificate_life import certificate_life
from byoc_testbed.pki import Authority


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("pki")
    return Authority(folder, "test").client("alice", ["admins"]).certificate.decode()


def test_the_life_of_a_certificate_is_what_it_says(certificate: str) -> None:
    said = x509.load_pem_x509_certificate(certificate.encode())
    life = (said.not_valid_before_utc.timestamp(), said.not_valid_after_utc.timestamp())
    assert certificate_life(certificate) == life
    assert certificate_life(f"# a comment\n{certificate}{certificate}") == life


def test_what_is_no_certificate_has_no_life() -> None:
    assert certificate_life("") is None
    assert certificate_life("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----") is None


@given(some.integers(min_value=0), some.integers(0, 255))
def test_no_damage_makes_it_fail(certificate: str, place: int, byte: int) -> None:
    data = bytearray(x509.load_pem_x509_certificate(certificate.encode()).public_bytes(Encoding.DER))
    data[place % len(data)] = byte
    text = base64.b64encode(data).decode()
    found = certificate_life(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----")
    assert found is None or len(found) == 2
