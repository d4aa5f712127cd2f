# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches a model's weights from the Hub into a volume once, and says whether they still are what was fetched.

python3 -c PROGRAM stage|verify VOLUME FOLDER REPOSITORY REVISION DIGEST

stage runs in the Job of a model, verify in an init container of each replica, both in the engine's own image. FOLDER
appears under its name only once all of it is there and was compared with what the Hub says that it is, together with a
list of its files as sha256sum writes one. DIGEST, which may be empty, is the SHA-256 of that list.
The Hub's API: huggingface.co/docs/hub/api; its files: huggingface.co/docs/huggingface_hub, "HfApi.model_info".
"""

from __future__ import annotations

import concurrent.futures
import fcntl
import hashlib
import json
import os
import shutil
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

LIST, PARTIAL, LOCK = "SHA256SUMS", ".partial", ".lock"
SPARE = 256 << 20
"""Bytes that stay free on the volume."""
CHUNK = 1 << 20
TRIES = 6
AT_ONCE = 4
REFUSED = (401, 403, 404, 410, 451)
"""What another try would not change."""
OTHER_FORMATS = (".bin", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".pt", ".pth", ".tflite")
"""Of a repository that has safetensors, which are what engines load, the same weights again."""


class Failed(Exception):
    """Why there are no weights to serve, in one sentence."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """The Hub redirects to where files lie. Its token is for the Hub."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        there = super().redirect_request(req, fp, code, msg, headers, newurl)
        if there and urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            there.remove_header("Authorization")
        return there


class Hub:
    """One revision of one repository."""

    def __init__(self, repository: str, revision: str) -> None:
        endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        self._files = f"{endpoint}/{quote(repository)}/resolve/{quote(revision, safe='')}"
        self._about = f"{endpoint}/api/models/{quote(repository)}/revision/{quote(revision, safe='')}?blobs=true"
        self._opener = urllib.request.build_opener(_Redirects)
        self._token = os.environ.get("HF_TOKEN_PATH", "")

    def files(self) -> list[dict[str, Any]]:
        """What a replica needs of it, by name, size and digest."""
        with self._get(self._about) as answer:
            found = json.load(answer).get("siblings") or []
        names = [str(one["rfilename"]) for one in found]
        if bad := [name for name in names if not _is_inside(name)]:
            raise Failed(f"the Hub lists files that would not lie in the folder: {bad[:3]}")
        safe = any(name.endswith(".safetensors") for name in names)
        wanted = [one for one in found if not (safe and one["rfilename"].endswith(OTHER_FORMATS))]
        if not wanted:
            raise Failed("the Hub lists no files")
        return wanted

    def fetch(self, name: str, path: Path, size: int) -> None:
        """Bring a file to its size, from where an earlier try was cut."""
        there = path.stat().st_size if path.exists() else 0
        if there > size:
            path.unlink()
            there = 0
        if there == size and path.exists():
            return
        with self._get(f"{self._files}/{quote(name)}", there) as answer:
            mode = "ab" if there and answer.status == 206 else "wb"
            with path.open(mode) as file:
                shutil.copyfileobj(answer, file, CHUNK)
                file.flush()
                os.fsync(file.fileno())

    def _get(self, url: str, start: int = 0) -> Any:
        headers = {"Range": f"bytes={start}-"} if start else {}
        if self._token:
            headers["Authorization"] = "Bearer " + Path(self._token).read_text().strip()
        return self._opener.open(urllib.request.Request(url, headers=headers), timeout=60)  # noqa: S310


def stage(volume: Path, folder: str, hub: Hub, digest: str) -> str:
    """Have the folder on the volume, whole and as the Hub says. Raises Failed."""
    if (volume / folder / LIST).exists():
        try:
            verify(volume, folder, digest)
            os.utime(volume / folder / LIST)
            return "staged before, and verified"
        except Failed as error:
            say(f"{error}; what is broken is fetched again")
            _reopen(volume, folder)
    files = _tried("the list of files", hub.files)
    partial = volume / (folder + PARTIAL)
    make_room(volume, folder, sum(_size(one) for one in files))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        sums = sorted(pool.map(lambda one: (one["rfilename"], fetched(hub, one, partial)), files))
    text = "".join(f"{each}  {name}\n" for name, each in sums)
    _compare(text, digest, "what the Hub has")
    for extra in [path for path in _files_of(partial) if _name(path, partial) not in dict(sums)]:
        extra.unlink()
    (partial / LIST).write_text(text)
    os.sync()
    partial.rename(volume / folder)
    return f"staged {len(sums)} files"


def _reopen(volume: Path, folder: str) -> None:
    partial = volume / (folder + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    (volume / folder / LIST).unlink()
    (volume / folder).rename(partial)


def verify(volume: Path, folder: str, digest: str) -> str:
    """Every byte is what was staged, and nothing else is there. Raises Failed."""
    place = volume / folder
    if not (place / LIST).exists():
        raise Failed(f"{folder} is not staged on this volume: see the Job of the model")
    text = (place / LIST).read_text()
    _compare(text, digest, f"the list in {folder}")
    wanted = {name: each for each, _space, name in (line.partition("  ") for line in text.splitlines())}
    there = {_name(path, place) for path in _files_of(place)} - {LIST}
    if there != set(wanted):
        raise Failed(f"{folder} has other files than were staged: {sorted(there ^ set(wanted))[:3]}")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(pool.map(lambda name: (name, sums_of(place / name, "sha256")[0]), wanted))
    if broken := sorted(name for name in wanted if found[name] != wanted[name]):
        raise Failed(f"{broken[0]} in {folder} is not what was staged, and nothing is served from it")
    return f"verified {len(wanted)} files"


def make_room(volume: Path, folder: str, size: int) -> None:
    """See that the files fit, without older ones if need be; the newest of those stay, for they serve."""
    partial = volume / (folder + PARTIAL)
    needed = size - sum(path.stat().st_size for path in _files_of(partial)) + SPARE
    staged = sorted(volume.glob(f"*/{LIST}"), key=lambda path: path.stat().st_mtime)
    cut = [path for path in volume.glob(f"*{PARTIAL}") if path != partial]
    for old in [*cut, *(path.parent for path in staged[:-1])]:
        if shutil.disk_usage(volume).free >= needed:
            return
        shutil.rmtree(old)
    free = shutil.disk_usage(volume).free
    if free < needed:
        raise Failed(f"the volume has {free >> 20} MiB free and {needed >> 20} MiB are needed: enlarge the claim")


def fetched(hub: Hub, one: dict[str, Any], folder: Path) -> str:
    """The SHA-256 of a file that is there as the Hub says: a large one by its SHA-256, a small one as git names it."""
    name, large = str(one["rfilename"]), one.get("lfs") or {}
    kind, wanted = ("sha256", large["sha256"]) if large else ("git", one["blobId"])
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)

    def once() -> str:
        hub.fetch(name, path, _size(one))
        *_, named, plain = sums_of(path, kind, "sha256")
        if path.stat().st_size < _size(one):
            raise OSError("the connection was cut")
        if named != wanted:
            path.unlink()
            raise OSError(f"it is not what the Hub says it is ({kind} {wanted})")
        return plain

    found: str = _tried(name, once)
    return found


def sums_of(path: Path, *kinds: str) -> list[str]:
    """The digests of a file. ``git``: the SHA-1 by which git names it."""
    found = [hashlib.sha1(usedforsecurity=False) if kind == "git" else hashlib.new(kind) for kind in kinds]
    for kind, each in zip(kinds, found, strict=True):
        if kind == "git":
            each.update(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            for each in found:
                each.update(chunk)
    return [each.hexdigest() for each in found]


def _tried(what: str, once: Any) -> Any:
    """What it returns, with some patience for the network. Raises Failed."""
    for turn in range(TRIES):
        try:
            return once()
        except (OSError, ValueError) as error:
            said = f"{what}: {error}"
            say(said)
            if isinstance(error, urllib.error.HTTPError) and error.code in REFUSED:
                raise Failed(f"{said}; see source.uri, source.revision and source.credential") from None
        time.sleep(min(2**turn, 30) * float(os.environ.get("STAGE_PAUSE", "1")))
    raise Failed(f"{said}, {TRIES} times")


def say(text: str) -> None:
    """One line of the log. What others have said in it controls no terminal."""
    print("".join(each if each.isprintable() else "?" for each in text), flush=True)


def _compare(text: str, digest: str, what: str) -> None:
    found = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    if digest and found != digest:
        raise Failed(f"{what} has the digest {found}, and source.digest is {digest}")


def _size(one: dict[str, Any]) -> int:
    return int(one.get("size") or 0)


def _is_inside(name: str) -> bool:
    """Whether a name is of a file in the folder, and can stand in the list."""
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name
    return bool(name) and plain and not path.is_absolute() and ".." not in path.parts and name != LIST


def _files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _alone(volume: Path) -> Any:
    """Wait until no other pod stages on this volume: one that was told to end may still be at it."""
    held = (volume / LOCK).open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
    except OSError:
        say("this volume knows no locks")  # what two have written is still compared before it serves
    return held


def _ended(_signal: int, _frame: Any) -> NoReturn:
    # The first process of a container ignores what it does not handle; and no other thread is waited for.
    os._exit(143)


def main(mode: str, volume: str, folder: str, repository: str, revision: str, digest: str) -> int:
    """Do it, and say in the last line what became of it."""
    signal.signal(signal.SIGTERM, _ended)
    try:
        if mode == "verify":
            say(verify(Path(volume), folder, digest))
            return 0
        with _alone(Path(volume)):
            say(stage(Path(volume), folder, Hub(repository, revision), digest))
    except (Failed, OSError) as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:7]))
