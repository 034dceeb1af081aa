"""Who may ask, and what a browser may do with the answer.

A server without a key answers only to this machine, and only to the names of this machine: a page from elsewhere whose
name was made to point here (DNS rebinding) still sends its own name as Host. Where a key is set, that is what keeps
others out, under whatever name the server is reached. Another site's page cannot send JSON without asking first, which
is never granted.
"""

from __future__ import annotations

import secrets
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request

from t2q.serving.faults import Fault

_PAGE = "/page/"  # and "/": what asks for the key

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def is_here(host: str) -> bool:
    """Whether a name or an address can only be this machine's own."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def asked_by_name_of_this_machine(request: Request) -> None:
    host = request.headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if not is_here(name):
        raise Fault(
            403, "wrong_host", "without a key this server answers only to localhost: set T2Q_API_KEY and start it again"
        )


class KeyCheck:
    """The key as `Authorization: Bearer KEY`."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def __call__(self, request: Request) -> None:
        path = request.scope["path"]
        if path == "/" or path.startswith(_PAGE):
            return
        given = next((value for name, value in request.scope["headers"] if name == b"authorization"), b"")
        scheme, _, key = given.partition(b" ")
        if scheme.lower() != b"bearer":
            raise Fault(401, "no_api_key", "this server wants its key, as the header Authorization: Bearer KEY")
        if not secrets.compare_digest(key, self._key):
            raise Fault(401, "invalid_api_key", "this is not the server's key")


def json_only(request: Request) -> None:
    """A form or a script of another site's page can send other types without asking first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind != "application/json":
        raise Fault(415, "not_json", "send JSON, with the header Content-Type: application/json")
