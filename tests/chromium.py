"""A headless Chromium that one page at a time is shown in: what it paints, and what its own engine says of the page.

Spoken to through `--remote-debugging-pipe` (Chrome DevTools Protocol: JSON messages that end in NUL, on descriptors 3
and 4), which needs no port, no driver program and no library.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    *("--font-render-hinting=none", "--force-color-profile=srgb", "--remote-debugging-pipe"),
)
# A shell, since the descriptors must be 3 and 4 in the child alone.
_BEGIN = 'in=$1 out=$2; shift 2; exec "$@" 3<&"$in" 4>&"$out"'


class Page:
    """One open page."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests = requests
        self._answers = os.fdopen(answers, "rb")
        self._count = 0
        self._held = b""
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: object) -> dict[str, Any]:
        """Ask, and wait for the answer; what is told meanwhile goes into `events`. AssertionError when refused."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._requests, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._count:
                assert "error" not in told, (method, told["error"])
                return told["result"]  # type: ignore[no-any-return]
            self.events.append(told)

    def show(self, file: Path, *, width: int = 1000, height: int = 900, scheme: str = "light", media: str = "") -> None:
        """Load a file at this width (CSS pixels), in this colour scheme and medium ("print" or the screen)."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.send("Emulation.setEmulatedMedia", media=media, features=[feature])
        self.events.clear()
        self.send("Page.navigate", url=file.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def tell(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self, scale: float = 1, **clip: float) -> bytes:
        """A PNG of the rectangle x, y, width, height; of the whole page without one."""
        if not clip:
            size = self.send("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"]}
        shot = self.send("Page.captureScreenshot", clip={**clip, "scale": scale}, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self.send("Page.printToPDF", preferCSSPageSize=True)["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            more = os.read(self._answers.fileno(), 1 << 20)
            assert more, "Chromium has ended"
            self._held += more
        message, _, self._held = self._held.partition(b"\0")
        return json.loads(message)  # type: ignore[no-any-return]


@contextmanager
def open_page(program: str) -> Iterator[Page]:
    """Start a Chromium with a profile of its own, and end it."""
    to_child, requests = os.pipe()
    answers, from_child = os.pipe()
    with tempfile.TemporaryDirectory(prefix="eflowprov-chromium-", ignore_cleanup_errors=True) as folder:
        flags = [*_FLAGS, f"--user-data-dir={folder}"]
        browser = subprocess.Popen(
            ["/bin/bash", "-c", _BEGIN, "bash", str(to_child), str(from_child), program, *flags],
            pass_fds=(to_child, from_child),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
        )
        os.close(to_child)
        os.close(from_child)
        try:
            yield Page(requests, answers)
        finally:
            os.close(requests)  # the pipe's end is Chromium's
            browser.wait(timeout=20)
