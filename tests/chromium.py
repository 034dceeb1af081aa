"""A real browser for tests and pictures: headless Chromium, driven by the DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

PATH = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
wanted = pytest.mark.skipif(PATH is None, reason="no chromium on PATH (Debian: apt-get install chromium)")

_SECONDS = 10.0  # for the browser to start, and for a page to come to what is waited for
_KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "ArrowUp": 38}
_TEXT = {"Enter": "\r"}
_MODIFIERS = {"Alt": 1, "Control": 2, "Shift": 8}


class Tab:
    """One page of the browser. `requests` holds the URLs that it asked for, `failed` the statuses of 400 and more that
    came back, `console` what the page or the browser complained of otherwise."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last = 0
        self.requests: list[str] = []
        self.failed: list[int] = []
        self.console: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers. Raises AssertionError where it refuses."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=_SECONDS))
            if message.get("id") == self._last:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, method: str, said: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Network.responseReceived" and said["response"]["status"] >= 400:
            self.failed.append(said["response"]["status"])
        elif method == "Runtime.exceptionThrown":
            self.console.append(said["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.console.append(" ".join(str(argument.get("value")) for argument in said["args"]))
        elif method == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.console += [said["entry"]["text"]] * (said["entry"]["source"] != "network")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def js(self, expression: str) -> Any:
        """The value of an expression, awaited where it is a promise. Raises AssertionError where it throws."""
        said = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def wait(self, expression: str) -> None:
        """Until the expression is true."""
        end = time.monotonic() + _SECONDS
        while not self.js(f"(async () => Boolean(await ({expression})))()"):
            assert time.monotonic() < end, f"never came true: {expression}; console: {self.console}"
            time.sleep(0.02)

    def names(self) -> list[tuple[str, str]]:
        """Role and accessible name of all that a screen reader finds, in its order."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        seen = [node for node in nodes if not node["ignored"]]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in seen]

    def text(self, selector: str) -> str:
        """What stands there to be seen."""
        return self.js(f"document.querySelector({json.dumps(selector)}).innerText")

    def click(self, selector: str) -> None:
        """With the mouse, in the middle of the element."""
        place = self.js(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """One key, such as "Enter", "?" or "Control+Enter"."""
        *held, name = key.split("+")
        modifiers = sum(_MODIFIERS[each] for each in held)
        told = {"key": name, "modifiers": modifiers, "windowsVirtualKeyCode": _KEYS.get(name, ord(name[0].upper()))}
        text = {} if held else {"text": _TEXT.get(name, name if len(name) == 1 else "")}
        self.call("Input.dispatchKeyEvent", type="keyDown" if any(text.values()) else "rawKeyDown", **told, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def size(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def chromium() -> Iterator[Tab]:
    """A browser of its own, with an empty page and an empty profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [PATH or "chromium", *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(_page(Path(profile) / "DevToolsActivePort", browser), max_size=None) as socket:
                yield Tab(socket)
        finally:
            browser.terminate()
            browser.wait()


def _page(port_file: Path, browser: subprocess.Popen[bytes]) -> str:
    """The address of the first page's socket."""
    end = time.monotonic() + _SECONDS
    while not (port_file.exists() and "\n" in port_file.read_text()):
        assert browser.poll() is None and time.monotonic() < end, "Chromium did not start"
        time.sleep(0.05)
    port = port_file.read_text().splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as listed:
        return next(page["webSocketDebuggerUrl"] for page in json.load(listed) if page["type"] == "page")
