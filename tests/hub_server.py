"""A model hub on this machine: as much of the protocol as huggingface_hub asks for, and what goes wrong with it.

Protocol: GET /api/models/ID says what there is; HEAD and GET /ID/resolve/COMMIT/FILE give it, from any byte on.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """`files`: by the base's name, then the file's. `cut`: after how many bytes the next download of a file ends."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: bool = False
    member: str = "hf_member"  # the token that may read what is gated
    tokens: tuple[str, ...] = ("hf_member", "hf_stranger")
    cut: dict[str, int] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)  # each file asked for, and the range
    url: str = ""


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            return self._refuse(401, {"X-Error-Message": "Invalid credentials in Authorization header"})
        found = re.fullmatch(r"(?:/api/models)?/([^/]+/[^/?]+)(?:/resolve/\w+/(.+))?(?:\?.*)?", self.path)
        if not found or found[1] not in self.hub.files:
            return self._refuse(401, {"X-Error-Code": "RepoNotFound"})
        base, file = found[1], found[2]
        if self.hub.gated and token != self.hub.member and file:
            return self._refuse(403 if token else 401, {"X-Error-Code": "GatedRepo"})
        if file:
            return self._file(base, file)
        there = {
            "id": base,
            "sha": COMMIT,
            "siblings": [{"rfilename": name, "size": len(data)} for name, data in self.hub.files[base].items()],
        }
        self._send(200, json.dumps(there).encode(), {"Content-Type": "application/json"})

    def _file(self, base: str, name: str) -> None:
        data = self.hub.files[base][name]
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if name.endswith(".safetensors"):  # as the hub offers for large files; nothing here speaks it
            headers |= {"X-Xet-Hash": "0" * 64, "X-Xet-Refresh-Route": f"{self.hub.url}/xet"}
        asked = self.headers.get("Range") or ""
        if self.command == "GET":
            self.hub.sent.append((name, asked))
        if first := re.fullmatch(r"bytes=(\d+)-", asked):
            start = int(first[1])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return self._send(206, data[start:], headers)
        self._send(200, data, headers, self.hub.cut.pop(name, None) if self.command == "GET" else None)

    def _refuse(self, status: int, headers: dict[str, str]) -> None:
        self._send(status, b"{}", headers)

    def _send(self, status: int, data: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[:cut])
        self.close_connection = cut is not None
