"""The log of a server: an answer is not lost where the log fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from t2q.answering.answer import Answer
from t2q.answering.asker import Asker
from t2q.errors import LogError
from t2q.log.interaction import Log, Wanted
from t2q.serving.faults import Fault
from t2q.serving.metrics import Metrics

ServedAs = Literal["serve", "openai"]
_logger = logging.getLogger(__name__)


class Keeping:
    """Writes in a thread of its own, in the order of the answers. `log` None: nothing is kept."""

    def __init__(self, log: Log | None, asker: Asker, metrics: Metrics) -> None:
        self._log, self._metrics = log, metrics
        self._schema, self._model = asker.schema.digest, asker.model_digest
        self._thread = ThreadPoolExecutor(1, "t2q-log")

    async def record(self, question: str, found: Answer, source: ServedAs) -> str | None:
        """The id of what was kept; None where it was not."""
        work = self._thread.submit(self._record, question, found, source)
        return await asyncio.shield(asyncio.wrap_future(work))  # kept also where the client has gone meanwhile

    def _record(self, question: str, found: Answer, source: ServedAs) -> str | None:
        if self._log is None:
            return None
        try:
            return self._log.record(question, found, source, self._schema, self._model)
        except LogError as error:
            _logger.warning("an answer was not logged: %s", error)
        except Exception:
            _logger.exception("an answer was not logged")
        self._metrics.unlogged()
        return None

    async def known(self, id: str) -> None:
        """Raises Fault where nothing of that id was kept."""
        await self._in_thread(self._known, id)

    async def say(self, id: str, changes: Mapping[str, Any]) -> None:
        """What somebody said of an answer: its "rating", its "correction". Raises Fault."""
        await self._in_thread(self._say, id, changes)

    async def _in_thread(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            await asyncio.wrap_future(self._thread.submit(call, *arguments))
        except LogError as error:
            raise Fault(503, "log_failed", str(error)) from error

    def _known(self, id: str) -> Log:
        if self._log is None or not any(self._log.find(Wanted(ids=[id]), limit=1)):
            raise Fault(404, "unknown_id", "the log has no answer with this id")
        return self._log

    def _say(self, id: str, changes: Mapping[str, Any]) -> None:
        log = self._known(id)
        if "rating" in changes:
            log.rate(id, changes["rating"])
        if "correction" in changes:
            log.correct(id, changes["correction"] or "")

    def close(self) -> None:
        """After all that was begun is written."""
        self._thread.shutdown()
