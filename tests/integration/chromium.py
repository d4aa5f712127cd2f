# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium that a test drives by its own protocol, over a pipe: no driver, no port, no library.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = "there is no Chromium (Debian's package chromium)"
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_KEYS = {"Tab": 9, "Enter": 13}


class Tab:
    """One page. told: what it wrote to the console, exceptions, and what the browser says of it. asked: addresses."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._kept, self._number = b"", 0
        self.told: list[str] = []
        self.asked: list[str] = []
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    _session = ""

    def call(self, method: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the browser answers to one command; what it tells meanwhile is noted."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given or {}}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def open(self, path: Path) -> None:
        """Load a file, to its end."""
        self.call("Page.navigate", {"url": path.as_uri()})
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> Any:
        given = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        return self.call("Runtime.evaluate", given)["result"].get("value")

    def press(self, key: str) -> None:
        """As a finger on the keyboard does."""
        about = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key], "nativeVirtualKeyCode": _KEYS[key]}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", {"type": "keyDown", **about, **text})
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **about})

    def resize(self, width: int, height: int, *, phone: bool = False) -> None:
        about = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", about)

    def screenshot(self, **more: Any) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", {"format": "png", **more})["data"])

    def pdf(self) -> bytes:
        """As it is printed."""
        return base64.b64decode(self.call("Page.printToPDF", {"landscape": True})["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._kept:
            read = os.read(self._read, 1 << 20)
            assert read, "Chromium has ended"
            self._kept += read
        line, _end, self._kept = self._kept.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params") or {})
        return message

    def _note(self, method: str, said: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(str(said["request"]["url"]))
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.told.append(json.dumps(said))


@contextmanager
def chromium(folder: Path) -> Iterator[Tab]:
    """One tab of a browser of its own, which ends with the block."""
    assert PROGRAM, MISSING
    to_read, write = os.pipe()
    read, to_write = os.pipe()

    # It reads commands from 3 and writes answers to 4. Either end may be there already, so both are moved away first.
    def place() -> None:
        first, second = (fcntl.fcntl(end, fcntl.F_DUPFD, 5) for end in (to_read, to_write))
        os.dup2(first, 3)
        os.dup2(second, 4)

    command = [PROGRAM, *_OPTIONS, f"--user-data-dir={folder / 'chromium'}", "about:blank"]
    environment = {**os.environ, "HOME": str(folder)}
    with (folder / "chromium.log").open("wb") as log:
        run = subprocess.Popen(
            command,
            preexec_fn=place,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
        )
    os.close(to_read)
    os.close(to_write)
    try:
        yield Tab(write, read)
    finally:
        run.terminate()
        run.wait(20)
        os.close(write)
        os.close(read)
