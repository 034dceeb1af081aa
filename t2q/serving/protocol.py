"""Connections that do not hold the server up: too many, sending too slowly, or not reading."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from t2q.serving.faults import Fault
from t2q.serving.settings import Settings

_SLOWEST = 1024  # bytes a second that a client must read
_LINGERING_SECONDS = 1.0


def protocol(settings: Settings) -> type[H11Protocol]:
    """uvicorn's own, which waits for a request and for a reader without end."""

    class Patient(H11Protocol):
        _arriving: asyncio.TimerHandle | None = None
        _leaving: asyncio.TimerHandle | None = None
        _refused = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > settings.connections:
                self._refuse(Fault(503, "connections", "too many connections: try again later", 5))
                return
            self._expect()

        def connection_lost(self, exc: Exception | None) -> None:
            self._relax(whole=True)
            self._read_on()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._refused or self.transport.is_closing():
                return
            self._expect()
            super().data_received(data)
            self._relax()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._relax()

        def _expect(self) -> None:
            if self._arriving is None:
                self._arriving = self.loop.call_later(settings.request_seconds, self.transport.abort)

        def _relax(self, whole: bool = False) -> None:
            """Once a request is whole, or uvicorn's own timer waits for the next one."""
            between = self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
            whole |= self.conn.their_state in (h11.DONE, h11.MUST_CLOSE)
            if self._arriving and (whole or (between and self.timeout_keep_alive_task)):
                self._arriving.cancel()
                self._arriving = None

        def pause_writing(self) -> None:
            super().pause_writing()
            self._watch_reader()

        def resume_writing(self) -> None:
            self._read_on()
            super().resume_writing()

        def _read_on(self) -> None:
            if self._leaving:
                self._leaving.cancel()
                self._leaving = None

        def _watch_reader(self) -> None:
            unread = self.transport.get_write_buffer_size()
            self._leaving = self.loop.call_later(settings.stalled_seconds, self._drop_idle_reader, unread)

        def _drop_idle_reader(self, before: int) -> None:
            if before - self.transport.get_write_buffer_size() < _SLOWEST * settings.stalled_seconds:
                self.transport.abort()
            else:
                self._watch_reader()

        def send_400_response(self, msg: str) -> None:
            self._refuse(Fault(400, "not_http", msg))

        def _refuse(self, fault: Fault) -> None:
            """What the client still sends is let in for a moment: it might not read the answer otherwise."""
            self._refused = True
            response = fault.response()
            headers: list[Any] = [*response.raw_headers, (b"connection", b"close")]
            for event in (
                h11.Response(status_code=fault.status, headers=headers),
                h11.Data(data=bytes(response.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.write_eof()
            self.loop.call_later(_LINGERING_SECONDS, self.transport.abort)

    return Patient
