"""Whether the database is there and still what the run was made for."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from time import monotonic

from t2q.answering.asker import Asker
from t2q.errors import T2QError
from t2q.schema import first_names
from t2q.serving.faults import Fault

_NAMES_SHOWN = 3
_FRESH_SECONDS = 10.0
_EVERY_SECONDS = 60.0
_PATIENCE_SECONDS = 5.0
_logger = logging.getLogger(__name__)


def drift(asker: Asker) -> str:
    """What is wrong with the database, in a line; "" where nothing is. Blocks."""
    try:
        gone = asker.database.lacks(asker.schema)
    except T2QError as error:
        return str(error)
    if not gone:
        return ""
    return (
        f"{asker.database.url} is no longer what the run was made for: it has no {first_names(gone, _NAMES_SHOWN)}; "
        "make the run again with `t2q run RECIPE`"
    )


class Health:
    """Looks now and then, and when it is asked and the last look is old; one look at a time."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._thread = ThreadPoolExecutor(1, "t2q-health")
        self._look: Future[str] | None = None
        self._looked = -_FRESH_SECONDS
        self._wrong = ""

    async def check(self) -> None:
        """Raises Fault with what is wrong."""
        if monotonic() - self._looked >= _FRESH_SECONDS:
            if self._look is None or self._look.done():
                self._look = self._thread.submit(drift, self._asker)
            look = self._look  # another caller may begin the next one meanwhile
            await asyncio.wait({asyncio.wrap_future(look)}, timeout=_PATIENCE_SECONDS)
            self._note(look)
        if self._wrong:
            raise Fault(503, "database", self._wrong)

    def _note(self, look: Future[str]) -> None:
        wrong = f"{self._asker.database.url} does not answer within {_PATIENCE_SECONDS:g} s"
        if look.done():
            wrong, self._looked = look.result(), monotonic()
        if wrong and wrong != self._wrong:
            _logger.warning("%s", wrong)
        self._wrong = wrong

    async def keep_checking(self) -> None:
        """Until it is cancelled."""
        while True:
            with suppress(Fault):  # it has been said
                await self.check()
            await asyncio.sleep(_EVERY_SECONDS)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
