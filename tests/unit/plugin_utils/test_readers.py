# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written when nobody reads any more."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fireworks.byoc.plugins.plugin_utils.readers import outlive_reader


def test_a_stream_outlives_its_reader() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        outlive_reader(stream)
        outlive_reader(stream)
        stream.write("read")
        stream.flush()
        assert os.read(reading, 10) == b"read"
        os.close(reading)
        for _each in range(3):
            stream.write("x" * 100_000)
            stream.flush()


def test_another_failure_of_a_stream_is_told() -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w", encoding="utf-8")
    outlive_reader(stream)
    os.close(reading)
    stream.close()
    with pytest.raises(ValueError, match="closed file"):
        stream.write("x")
