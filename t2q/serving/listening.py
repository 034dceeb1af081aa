"""The address of a server, taken before anything that takes long."""

from __future__ import annotations

import errno
import socket
import sys

from t2q.errors import T2QError

_NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}  # of ::1, which "localhost" stands for as well, without IPv6


def listening(host: str, port: int) -> list[socket.socket]:
    """A socket for each address that the name stands for; who connects early waits. `port` 0: one that is free.

    Raises T2QError where there is no such address or the port cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise T2QError(f"--host {host}: there is no such address") from None
    bound: list[socket.socket] = []
    trouble: list[OSError] = []
    for family, *_, address in dict.fromkeys(found):
        try:
            bound.append(_bound(family, (address[0], port, *address[2:])))
            port = bound[0].getsockname()[1]
        except OSError as error:
            trouble.append(error)
    wrong = [error for error in trouble if not bound or error.errno not in _NOT_HERE]
    if wrong:
        for each in bound:
            each.close()
        raise T2QError(_why(wrong[0], host, port)) from wrong[0]
    return bound


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    new = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would take the port from another program
            new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            new.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        new.bind(address)
        new.listen()
    except OSError:
        new.close()
        raise
    return new


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use: stop what uses it, or name another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} is for the system's own programs: name one from 1024 on with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is no address of this machine"
    return f"--host {host}: {error.strerror or error}"
