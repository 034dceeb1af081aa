"""How often one client may ask, and how much it may send."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic

from starlette.requests import Request
from starlette.types import Message, Receive

from t2q.serving.faults import Fault

_CLIENTS = 10_000  # remembered; the one that has not asked for longest is forgotten
_LONGEST_NAME = 64
_OWN_NETWORK = 64  # bits of an IPv6 address; one client has all that begin with them


class RateLimit:
    """A token bucket a client: it fills with `rate` tokens a second up to `burst`, and a request takes one."""

    def __init__(self, rate: float, burst: int, now: Callable[[], float] = monotonic) -> None:
        self._rate, self._burst, self._now = rate, burst, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when counted

    def __call__(self, request: Request) -> None:
        if request.method == "POST":  # all else is cheap, and whoever watches over the server must get through
            self.take(_client(request))

    def take(self, client: str) -> None:
        """Raises Fault where the client's bucket is empty."""
        now = self._now()
        tokens, counted = self._buckets.pop(client, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - counted) * self._rate)
        taken = tokens >= 1
        self._buckets[client] = (tokens - taken, now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        if not taken:
            raise Fault(429, "rate_limit", "too many requests: try again later", (1 - tokens) / self._rate)


def _client(request: Request) -> str:
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:_LONGEST_NAME]  # a proxy may call it anything
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(int(address) >> (128 - _OWN_NETWORK))
    return host


class ClientGone(Exception):
    """The client hung up before its request was whole."""


async def whole_body(request: Request, receive: Receive, longest: int) -> Receive:
    """Reads the body; what is returned gives it out again. Raises Fault where it is longer than `longest` bytes, as
    soon as that is known, and ClientGone."""
    if int(request.headers.get("content-length") or 0) > longest:
        raise _too_large(longest)
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > longest:
            raise _too_large(longest)
        more = message.get("more_body", False)
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return again


def _too_large(longest: int) -> Fault:
    return Fault(413, "too_large", f"the request is too large: at most {longest} bytes are taken")
