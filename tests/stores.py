"""Stores of files for tests: a plain web server that fails as it is told, and a real S3-compatible one."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

# What a server may do with a request instead of answering it.
Fault = Callable[[http.server.BaseHTTPRequestHandler], None]


def status(code: int) -> Fault:
    """Answer with an error."""
    return lambda handler: handler.send_error(code)


def reset(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Break the connection, as a machine does that crashes."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def short(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Promise more bytes than come."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"\x89PNG")
    handler.close_connection = True


def wrong(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Tell of an error with the code of a success, as some stores do."""
    body = b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>"
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def garbled(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Send as many bytes as there are, but others."""
    body = (Path(handler.directory) / handler.path[1:]).read_bytes()  # type: ignore[attr-defined]
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2] + bytes(len(body) - len(body) // 2))


def slow(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Take a while before the answer."""
    time.sleep(0.2)
    serve(handler)


def serve(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Answer as a server should."""
    http.server.SimpleHTTPRequestHandler.do_GET(handler)  # type: ignore[arg-type]


class Server:
    """A web server on a folder: ``faults`` are used up one a GET, in their order; ``requests`` are what came.

    With ``md5`` it tells checksums; with ``marks`` it tells another ETag whenever it is asked.
    """

    def __init__(self, folder: Path) -> None:
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.md5 = self.marks = False
        server = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(self.path)
                (server.faults.pop(0) if server.faults else serve)(self)

            def end_headers(self) -> None:
                file = folder / self.path[1:]
                if server.md5 and file.is_file():
                    self.send_header("Content-MD5", base64.b64encode(hashlib.md5(file.read_bytes()).digest()).decode())
                if server.marks:
                    self.send_header("ETag", f'"{secrets.token_hex(4)}"')
                super().end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextlib.contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Run a server that speaks S3; gives the environment in which this process and its children find it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        server.stop()
