"""Waiting for an answer together with whoever asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from t2q.serving.admission import in_loop
from t2q.serving.encoding import EVENT_HEADERS, EVENT_STREAM
from t2q.serving.limits import ClientGone

T = TypeVar("T")
SILENCE_SECONDS = 15.0


async def unless_hung_up(request: Request, task: asyncio.Task[T]) -> T:
    """The task's result; it is cancelled where the client has hung up. The request's body must have been read."""
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        gone.cancel()
        task.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class EventStream(StreamingResponse):
    """Server-sent events about a task, which ends with them: also where the client hangs up before the first."""

    media_type = EVENT_STREAM

    def __init__(self, events: AsyncIterator[bytes], task: asyncio.Task[Any]) -> None:
        super().__init__(events, headers=EVENT_HEADERS)
        self._task = task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._task.cancel()


class Drafts:
    """What a model has written so far, from its thread to the event loop; only the latest is kept."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._latest: str | None = None
        self._changed = asyncio.Event()

    def put(self, text: str) -> None:
        """From any thread."""
        in_loop(self._loop, self._put, text)

    def _put(self, text: str) -> None:
        self._latest = text
        self._changed.set()

    async def until(self, task: asyncio.Task[T]) -> AsyncIterator[str | None]:
        """Texts until the task is done, None after each `SILENCE_SECONDS` in which there was none."""
        task.add_done_callback(lambda _: self._changed.set())
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), SILENCE_SECONDS)
            except asyncio.TimeoutError:
                yield None
                continue
            self._changed.clear()
            if self._latest is not None:
                text, self._latest = self._latest, None
                yield text
            if task.done():
                return
