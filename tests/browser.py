"""Drive Debian's Chromium through its own ChromeDriver (W3C WebDriver over HTTP), for pages that we write."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")

# No calls home, and no sandbox: tests may run as root.
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
]

KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Right": "\ue014"}


class Browser:
    """One window of a browser that runs."""

    def __init__(self, address: str) -> None:
        self._address = address

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._address}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, page: Path) -> None:
        self.ask("/url", {"url": page.as_uri()})

    def run(self, script: str) -> Any:
        """Run the body of a function in the page."""
        return self.ask("/execute/sync", {"script": script, "args": []})

    def command(self, name: str, **parameters: Any) -> Any:
        """Send a command of Chromium's own protocol."""
        return self.ask("/goog/cdp/execute", {"cmd": name, "params": parameters})

    def press(self, *keys: str) -> None:
        """Press keys one after the other, with their names or as characters."""
        presses = [
            {"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")
        ]  # fmt: skip
        self.ask("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": presses}]})

    def screenshot(self, target: Path) -> None:
        target.write_bytes(base64.b64decode(self.ask("/screenshot")))

    def complaints(self) -> list[str]:
        """What the console holds since it was asked last."""
        return [entry["message"] for entry in self.ask("/se/log", {"type": "browser"})]


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a browser with an empty profile, and stop it."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    assert CHROMIUM is not None
    assert CHROMEDRIVER is not None
    driver = subprocess.Popen([CHROMEDRIVER, f"--port={port}"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert driver.stdout is not None
        while b"started successfully" not in (line := driver.stdout.readline()):
            assert line, "ChromeDriver ended"
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        root = Browser(f"http://127.0.0.1:{port}")
        session = root.ask("/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        window = Browser(f"http://127.0.0.1:{port}/session/{session}")
        try:
            yield window
        finally:
            window.ask("", method="DELETE")
    finally:
        driver.terminate()
        driver.wait()
        driver.stdout.close()
