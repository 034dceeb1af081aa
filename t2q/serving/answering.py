"""From a request's question to an answer that is timed, counted and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter

from t2q.answering.answer import Answer
from t2q.answering.asker import Asker, OnDraft
from t2q.errors import DatabaseError
from t2q.serving.admission import Admission, Place, in_loop, stopping
from t2q.serving.faults import Fault, mistake
from t2q.serving.keeping import Keeping, ServedAs
from t2q.serving.metrics import Metrics
from t2q.serving.settings import Settings
from t2q.serving.usage import Usage, count


@dataclass(frozen=True)
class Answered:
    """`id` None where the log did not keep it."""

    id: str | None
    question: str
    answer: Answer
    usage: Usage | None


class Answering:
    """What the routes ask. Used from one event loop."""

    def __init__(self, asker: Asker, keeping: Keeping, metrics: Metrics, settings: Settings) -> None:
        self._asker, self._keeping, self._metrics, self._settings = asker, keeping, metrics, settings
        self._questions = Admission(settings.questions_at_once, settings.questions_waiting)
        self._queries = Admission(settings.queries_at_once, settings.queries_waiting)
        self._threads = ThreadPoolExecutor(settings.queries_at_once, "t2q-query")
        self._waited_for: set[asyncio.Future[Answer]] = set()
        metrics.watch(lambda: self._questions.waiting, lambda: self._questions.at_work)

    def begin(self, question: str, source: ServedAs, on_draft: OnDraft | None = None) -> asyncio.Task[Answered]:
        """Raises Fault at once where there is no room. A task that is cancelled leaves its place."""
        place = self._questions.enter()
        task = asyncio.get_running_loop().create_task(self._answer(place, question, source, on_draft))

        def ended(_: asyncio.Task[Answered]) -> None:
            place.let_go()  # a task that is cancelled before its first step takes none
            if task.cancelled():
                self._metrics.cancelled()
            else:
                task.exception()  # seen, where nobody waits any more

        task.add_done_callback(ended)
        return task

    async def run_query(self, query: str) -> Answer:
        """Raises Fault."""
        place = self._queries.enter()
        with _told():
            return await self._worked(place, lambda: self._threads.submit(self._asker.run_query, query))

    async def _answer(self, place: Place, question: str, source: ServedAs, on_draft: OnDraft | None) -> Answered:
        start = perf_counter()
        try:
            with _told():
                found = await self._worked(place, lambda: self._asker.submit(question, on_draft))
        except Fault as fault:
            self._metrics.failed(fault.code)
            raise
        self._metrics.answered(found, perf_counter() - start)
        id, usage = await asyncio.gather(
            self._keeping.record(question, found, source), asyncio.to_thread(self._count, question, found)
        )
        return Answered(id, question, found, usage)

    def _count(self, question: str, found: Answer) -> Usage | None:
        usage = count(self._asker, question, found)
        if usage:
            self._metrics.counted(usage.prompt, usage.completion)
        return usage

    async def _worked(self, place: Place, submit: Callable[[], Future[Answer]]) -> Answer:
        """In its turn; the place is free when the work has ended, whoever waits for it. Raises Fault in time."""
        seconds = self._settings.question_seconds
        end = perf_counter() + seconds
        try:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(place.turn, seconds)
            if not place.at_work:
                raise _too_slow(seconds)
            begun = perf_counter()
            work = submit()
            place.keep_for(work)
        finally:
            place.let_go()
        found = await self._result(work, end - begun)
        place.took(perf_counter() - begun)
        return found

    async def _result(self, work: Future[Answer], seconds: float) -> Answer:
        """What the work comes to, unless time is up or the server stops; then, and on a cancel, it is cancelled."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Answer] = loop.create_future()
        self._waited_for.add(result)
        work.add_done_callback(lambda done: in_loop(loop, _settle, result, done))
        timer = loop.call_later(seconds, _fail, result, _too_slow(self._settings.question_seconds))
        try:
            return await result
        finally:
            timer.cancel()
            self._waited_for.discard(result)
            work.cancel()

    def stop(self) -> None:
        """Lets nobody in; what was begun has `stopping_seconds`."""
        self._questions.stop()
        self._queries.stop()
        asyncio.get_running_loop().call_later(self._settings.stopping_seconds, self._give_up)

    def _give_up(self) -> None:
        for result in self._waited_for:
            _fail(result, stopping())

    def close(self) -> None:
        """Whoever waited has been told."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong inside is a Fault outside."""
    try:
        yield
    except Fault:
        raise
    except DatabaseError as error:
        raise Fault(503, "database", str(error)) from error
    except Exception as error:
        raise mistake(error) from error


def _settle(result: asyncio.Future[Answer], work: Future[Answer]) -> None:
    if result.done():
        return
    if work.cancelled():
        _fail(result, stopping())  # not by us: whoever answers is being closed
    elif error := work.exception():
        result.set_exception(error)
    else:
        result.set_result(work.result())


def _fail(result: asyncio.Future[Answer], fault: Fault) -> None:
    if not result.done():
        result.set_exception(fault)


def _too_slow(seconds: float) -> Fault:
    return Fault(504, "too_slow", f"no answer within {seconds:g} s")
