"""How many may be at work at once, and how many may wait for that."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from t2q.serving.faults import Fault

_GUESS = 2.0  # seconds that an answer takes, before one has been seen
_WEIGHT = 0.2  # of the latest one in the moving mean


class Admission:
    """First come, first served. Used from one event loop."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once, self._most_waiting = at_once, waiting
        self._line: deque[Place] = deque()
        self._seconds = _GUESS
        self.at_work = 0
        self.stopping = False

    @property
    def waiting(self) -> int:
        return len(self._line)

    def enter(self) -> Place:
        """A place at work or in the line; it is left with `let_go`. Raises Fault where there is none."""
        if self.stopping:
            raise stopping()
        place = Place(self)
        if self.at_work < self._at_once:
            self._begin(place)
        elif len(self._line) < self._most_waiting:
            self._line.append(place)
        else:
            raise Fault(503, "queue_full", "too many are waiting for an answer: try again later", self.expected_wait)
        return place

    @property
    def expected_wait(self) -> float:
        """Seconds until what is here now is done: by Little's law it comes out in groups as large as those at work."""
        return (self.at_work + len(self._line)) / self._at_once * self._seconds

    def took(self, seconds: float) -> None:
        """How long one was at work."""
        self._seconds += _WEIGHT * (seconds - self._seconds)

    def stop(self) -> None:
        """Lets nobody in any more, and sends away who is waiting."""
        self.stopping = True
        while self._line:
            place = self._line.popleft()
            if not place.turn.done():
                place.turn.set_exception(stopping())

    def _begin(self, place: Place) -> None:
        if not place.turn.done():  # else whoever waited for it has gone
            place.turn.set_result(None)
            place.at_work = True
            self.at_work += 1

    def left(self, place: Place) -> None:
        if place.at_work:
            place.at_work = False
            self.at_work -= 1
        elif place in self._line:
            self._line.remove(place)
        while self._line and self.at_work < self._at_once:
            self._begin(self._line.popleft())


class Place:
    """`turn` is done when the work may begin."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._loop = asyncio.get_running_loop()
        self._work: Future[Any] | None = None
        self.turn: asyncio.Future[None] = self._loop.create_future()
        self.at_work = False

    def keep_for(self, work: Future[Any]) -> None:
        """Until the work has ended, also where nobody waits for it any more: so long it takes up the room."""
        self._work = work
        work.add_done_callback(lambda _: in_loop(self._loop, self.let_go))

    def let_go(self) -> None:
        """Leaves, where no work is going on."""
        if self._work is None or self._work.done():
            self._admission.left(self)

    def took(self, seconds: float) -> None:
        self._admission.took(seconds)


def in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    """From another thread; nothing where the loop has ended."""
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


def stopping() -> Fault:
    return Fault(503, "stopping", "the server is stopping: try again in a moment", 5)
