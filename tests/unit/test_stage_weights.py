# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that stages weights, run as pods run it: python3 -c, against a Hub on loopback."""

from __future__ import annotations

import hashlib
import inspect
import os
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._in_pods import stage_weights
from tests.unit.hub import REPOSITORY, REVISION, Hub, serving

PROGRAM = inspect.getsource(stage_weights)
FOLDER = "c0ffee"
LARGE, SHARD, SMALL = "model-1.safetensors", "sub/x.safetensors", "config.json"
FILES = {LARGE: b"weights " * 300_000, SHARD: b"shard" * 1000, SMALL: b'{"a": 1}', "empty.txt": b""}
DIGEST = "sha256:" + hashlib.sha256(
    "".join(f"{hashlib.sha256(FILES[name]).hexdigest()}  {name}\n" for name in sorted(FILES)).encode()
).hexdigest()  # fmt: skip


class Volume:
    """A claim as pods see it, and the Hub that they know."""

    def __init__(self, root: Path, hub: Hub, endpoint: str) -> None:
        self.root, self.hub, self._endpoint = root, hub, endpoint
        self.folder = root / FOLDER
        self.variables: dict[str, str] = {}

    def run(self, mode: str, digest: str = "", folder: str = FOLDER) -> tuple[int, str]:
        """The exit code, and the last line."""
        words = [mode, str(self.root), folder, REPOSITORY, REVISION, digest]
        environment = {**os.environ, "HF_ENDPOINT": self._endpoint, "STAGE_PAUSE": "0", **self.variables}
        done = subprocess.run(
            [sys.executable, "-I", "-c", PROGRAM, *words], capture_output=True, text=True, env=environment, check=False
        )
        assert not done.stderr, done.stderr
        return done.returncode, done.stdout.strip().splitlines()[-1]

    def flip(self, name: str) -> None:
        path = self.folder / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    with serving(dict(FILES)) as (hub, endpoint):
        yield Volume(tmp_path, hub, endpoint)


def test_eight_replicas_are_one_download_and_ask_nobody_anything(volume: Volume) -> None:
    assert volume.run("verify") == (1, f"{FOLDER} is not staged on this volume: see the Job of the model")
    assert volume.run("stage", DIGEST) == (0, "staged 4 files")
    assert sorted(volume.hub.fetched) == sorted(FILES)
    asked = len(volume.hub.asked) + len(volume.hub.elsewhere)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _n: volume.run("verify", DIGEST), range(8))) == {(0, "verified 4 files")}
    assert volume.run("stage", DIGEST) == (0, "staged before, and verified")
    assert len(volume.hub.asked) + len(volume.hub.elsewhere) == asked
    assert {name: (volume.folder / name).read_bytes() for name in FILES} == FILES


def test_a_flipped_byte_never_serves_and_only_its_file_is_fetched_again(volume: Volume) -> None:
    volume.run("stage")
    volume.hub.elsewhere.clear()
    volume.flip(SHARD)
    broken = f"{SHARD} in {FOLDER} is not what was staged, and nothing is served from it"
    assert [volume.run("verify") for _replica in range(2)] == [(1, broken)] * 2
    assert volume.run("stage") == (0, "staged 4 files")
    assert volume.hub.fetched == [SHARD]
    assert volume.run("verify") == (0, "verified 4 files")


def test_what_is_cut_goes_on_where_it_was_cut(volume: Volume) -> None:
    volume.hub.cut = {LARGE}
    assert volume.run("stage") == (0, "staged 4 files")
    ranges = [start for path, start, _token in volume.hub.elsewhere if path.endswith(LARGE)]
    assert ranges == ["", f"bytes={len(FILES[LARGE]) // 2}-"]


def test_a_program_that_was_killed_is_gone_on_with(volume: Volume) -> None:
    partial = volume.root / f"{FOLDER}.partial"
    partial.mkdir()
    (partial / LARGE).write_bytes(FILES[LARGE][:1000])
    (partial / SMALL).write_bytes(FILES[SMALL] + b"too much")
    (partial / "of-another-list").write_bytes(b"1")
    assert volume.run("stage", DIGEST) == (0, "staged 4 files")
    assert (f"/files/{LARGE}", "bytes=1000-", "") in volume.hub.elsewhere
    assert volume.run("verify", DIGEST) == (0, "verified 4 files")


def test_two_at_a_time_fetch_once(volume: Volume) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda _n: volume.run("stage"), range(2))) == [
            (0, "staged 4 files"),
            (0, "staged before, and verified"),
        ]
    assert len(volume.hub.fetched) == 4


def test_the_token_is_the_hubs_and_goes_nowhere_else(volume: Volume, tmp_path: Path) -> None:
    volume.hub.token = "hf_secret"
    code, said = volume.run("stage")
    assert code == 1
    assert "HTTP Error 401" in said
    assert said.endswith("see source.uri, source.revision and source.credential")
    assert len(volume.hub.asked) == 1  # no other try would change it
    token = tmp_path / "token"
    token.write_text("hf_secret\n")
    volume.variables = {"HF_TOKEN_PATH": str(token)}
    assert volume.run("stage")[0] == 0
    assert {token for _path, _range, token in volume.hub.elsewhere} == {""}


def test_what_the_hub_says_controls_no_terminal(volume: Volume) -> None:
    volume.hub.token, volume.hub.refusal = "hf_secret", "\x1b[2J\x1b]0;owned\x07"
    code, said = volume.run("stage")
    assert (code, said.isprintable()) == (1, True)
    assert "HTTP Error 401: ?[2J?]0;owned?" in said


def _flip_on_the_way(volume: Volume) -> None:
    volume.hub.flipped = {LARGE}


def _flip_a_small_one_on_the_way(volume: Volume) -> None:
    volume.hub.flipped = {SMALL}


def _list_outside(volume: Volume) -> None:
    volume.hub.files["../../etc/passwd"] = b"x"


def _list_in_two_lines(volume: Volume) -> None:
    volume.hub.files["a\nb"] = b"x"


def _list_the_list(volume: Volume) -> None:
    volume.hub.files["SHA256SUMS"] = b"x"


def _list_nothing(volume: Volume) -> None:
    volume.hub.files.clear()


def _other_weights(volume: Volume) -> None:
    volume.hub.files[SMALL] = b"{}"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (_flip_on_the_way, "it is not what the Hub says it is (sha256"),
        (_flip_a_small_one_on_the_way, "it is not what the Hub says it is (git"),
        (_list_outside, "would not lie in the folder: ['../../etc/passwd']"),
        (_list_in_two_lines, "would not lie in the folder"),
        (_list_the_list, "would not lie in the folder"),
        (_list_nothing, "the Hub lists no files"),
        (_other_weights, f"and source.digest is {DIGEST}"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_is_not_as_agreed_is_never_staged(volume: Volume, wrong: Any, words: str) -> None:
    wrong(volume)
    code, said = volume.run("stage", DIGEST)
    assert (code, words in said) == (1, True), said
    assert volume.run("verify", DIGEST)[0] == 1
    assert not volume.folder.exists()


@pytest.mark.parametrize("edit", ["more", "fewer", "the list"])
def test_what_is_not_what_was_staged_never_serves(volume: Volume, edit: str) -> None:
    volume.run("stage", DIGEST)
    if edit == "more":
        (volume.folder / "modeling.py").write_text("import os")
    elif edit == "fewer":
        (volume.folder / SMALL).unlink()
    else:
        (volume.folder / SMALL).write_bytes(b"{}")
        found = hashlib.sha256(b"{}").hexdigest()
        lines = (volume.folder / "SHA256SUMS").read_text().splitlines()
        (volume.folder / "SHA256SUMS").write_text(
            "".join(f"{found}  {SMALL}\n" if line.endswith(SMALL) else f"{line}\n" for line in lines)
        )
        assert volume.run("verify") == (0, "verified 4 files")  # without a digest the list is all there is
    assert volume.run("verify", DIGEST)[0] == 1


def test_of_a_repository_with_safetensors_no_other_format_is_fetched(volume: Volume) -> None:
    volume.hub.files |= {"pytorch_model.bin": b"again", "original/consolidated.00.pth": b"again"}
    assert volume.run("stage", DIGEST) == (0, "staged 4 files")


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("sizes", "left"),
    [
        # What was cut goes first, then older weights; the newest of those serve, and stay.
        ([100, 0, 0, 0], ["cut.partial", "new", "old", "older"]),
        ([0, 100, 0, 0], ["new", "old", "older"]),
        ([0, 0, 100, 0], ["new", "old"]),
        ([0, 0, 0, 100], ["new"]),
    ],
)
def test_room_is_made_of_what_nobody_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int], left: list[str]
) -> None:
    _weights(tmp_path, "older", "old", "new")
    (tmp_path / "cut.partial").mkdir()
    free = iter(size << 20 for size in sizes)
    monkeypatch.setattr(stage_weights, "SPARE", 0)
    monkeypatch.setattr(stage_weights.shutil, "disk_usage", lambda _path: Usage(0, 0, next(free, 100 << 20)))
    stage_weights.make_room(tmp_path, "wanted", 50 << 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_a_volume_that_is_too_small_is_named_with_what_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _weights(tmp_path, "serves")
    monkeypatch.setattr(stage_weights.shutil, "disk_usage", lambda _path: Usage(0, 0, 3 << 20))
    with pytest.raises(stage_weights.Failed) as caught:
        stage_weights.make_room(tmp_path, "wanted", 50 << 20)
    assert str(caught.value) == "the volume has 3 MiB free and 306 MiB are needed: enlarge the claim"
    assert (tmp_path / "serves").is_dir()


def _weights(root: Path, *names: str) -> None:
    for moment, name in enumerate(names):
        (root / name).mkdir()
        (root / name / stage_weights.LIST).write_text("")
        os.utime(root / name / stage_weights.LIST, (moment, moment))


def test_a_pod_that_is_told_to_end_ends_at_once(volume: Volume) -> None:
    held = threading.Event()
    send = volume.hub.data

    def slowly(name: str) -> bytes:
        held.wait(30)
        return send(name)

    volume.hub.data = slowly  # type: ignore[method-assign]
    words = ["stage", str(volume.root), FOLDER, REPOSITORY, REVISION, ""]
    environment = {**os.environ, "HF_ENDPOINT": volume._endpoint}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *words], env=environment)
    try:
        while not volume.hub.elsewhere:
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        assert process.wait(5) == 143
    finally:
        held.set()
        process.kill()
