"""A web server for tests: gives bytes, and misbehaves as it is told."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What a server gives, and what it was asked for.

    `beside` holds other files, by the last part of their address. `statuses` are answered first, one a request; `cuts`
    then say after how many bytes of the whole a connection breaks off; `ranges` is whether parts are given.
    """

    content: bytes
    beside: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)
    paused: threading.Event | None = None
    reached: threading.Event = field(default_factory=threading.Event)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        site = self.server.site
        wanted = self.headers.get("Range")
        site.asked.append(wanted)
        if site.statuses:
            self.send_error(site.statuses.pop(0))
            return
        content = site.beside.get(self.path.rpartition("/")[2], site.content)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and site.ranges else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        end = site.cuts.pop(0) if site.cuts else len(content)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:end])
        if site.paused is not None:
            self.wfile.flush()
            site.reached.set()
            site.paused.wait(20)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serving(content, **how):
    """Serve bytes at ``site.url``."""
    site = Site(content, **how)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.site = site
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}/model.onnx"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        if site.paused is not None:
            site.paused.set()
        server.shutdown()
        server.server_close()
        thread.join()
