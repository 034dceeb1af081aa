"""From listening to the last answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from t2q.serving.protocol import protocol
from t2q.serving.state import Served

_CLOSING_SECONDS = 5  # for what was answered to be sent


class Server(uvicorn.Server):
    """Tells the application that it stops before it waits for what was begun. Its signals are raised again when it
    has ended, so that they mean what they mean elsewhere."""

    def __init__(self, app: FastAPI, on_start: Callable[[], None] = lambda: None) -> None:
        self._served: Served = app.state.served
        self._on_start = on_start
        settings = self._served.settings
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol(settings),
                ws="none",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=int(settings.stopping_seconds) + _CLOSING_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._served.answering.stop()
        await super().shutdown(sockets)


def serve(app: FastAPI, sockets: list[socket.socket], on_start: Callable[[], None]) -> None:
    """Until Ctrl-C or SIGTERM, which are raised then: KeyboardInterrupt, or what the program makes of SIGTERM."""
    asyncio.run(Server(app, on_start).serve(sockets))
