"""What the answer to a query may take of this process: seconds and bytes, held where the driver reads from its socket.

The driver waits without end for a server that does not break a query off, and takes a value of any size; it has
settings for neither. So its sockets are watched, at a place of its own that has been the same since version 5.28.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from socket import SHUT_RDWR
from types import TracebackType
from typing import TYPE_CHECKING

from neo4j._async_compat.network import BoltSocketBase

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

_here = threading.local()
_receive = BoltSocketBase.recv_into


class Reading:
    """What this thread reads inside of the block. When the server has had `seconds`, or has sent more than `most`
    bytes, the connection ends, the driver raises an error of its own, and `late` or `large` is set."""

    def __init__(self, seconds: float, most: float) -> None:
        self.late = self.large = False
        self._left = most
        self._socket: BoltSocketBase | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _here.reading = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _here.reading = None
        with self._lock:
            self._socket = None  # the connection may serve another query from now on
        self._timer.cancel()

    def _end(self) -> None:
        self.late = True
        self.stop()

    def stop(self) -> None:
        """Ends the connection, where the rest of the answer is not wanted: the driver would have it all computed."""
        with self._lock, suppress(OSError):
            if self._socket is not None:
                self._socket._socket.shutdown(SHUT_RDWR)  # not close(): another thread may be reading

    def receive(self, socket: BoltSocketBase, buffer: memoryview, size: int) -> int:
        with self._lock:
            if self.late or self.large:
                raise OSError("the answer is not read on")
            if self._socket is None:
                self._timer.start()
            self._socket = socket
        received: int = _receive(socket, buffer, size)
        self._left -= received
        self.large = self._left < 0
        return received


def _watched(socket: BoltSocketBase, buffer: memoryview, size: int) -> int:
    reading: Reading | None = getattr(_here, "reading", None)
    return reading.receive(socket, buffer, size) if reading else _receive(socket, buffer, size)


BoltSocketBase.recv_into = _watched  # type: ignore[method-assign]
