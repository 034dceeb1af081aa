"""Opens the log of a run, wherever its recipe keeps it."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import Protocol

from t2q.answering.answer import Answer
from t2q.errors import LogError, RecipeError
from t2q.log.interaction import EVERY, Interaction, Log, Rating, Source, Wanted
from t2q.recipe import Log as LogPart
from t2q.recipe import part_of_run

FILE = "log.sqlite"
PAGE = 500  # interactions that are read at once
DAY = 24 * 60 * 60.0


class Store(Protocol):
    """Where interactions lie. Methods raise LogError, and may be called from several threads."""

    def add(self, interaction: Interaction) -> None: ...

    def change(self, id: str, values: Mapping[str, str | datetime | None]) -> bool:
        """Sets fields of one; False where it is not there."""
        ...

    def page(self, wanted: Wanted, after: Interaction | None, limit: int) -> list[Interaction]:
        """The latest, of those before `after`, at most `limit`."""
        ...

    def remove(self, wanted: Wanted) -> int: ...

    def close(self) -> None: ...


def open_log(run: Path) -> Log:
    """The log of the run in a folder; what is too old is removed. Raises LogError."""
    if not run.is_dir():
        raise LogError(f"there is no run in {run}: make one with `t2q run RECIPE`")
    try:
        settings = part_of_run(run, "log", LogPart)
    except RecipeError as error:
        raise LogError(str(error)) from None
    return StoredLog(_store(run.resolve(), settings.database), settings.keep_days)


def _store(run: Path, url: str) -> Store:
    if url:
        from t2q.log.neo4j import Neo4jStore

        return Neo4jStore(url, run.name)
    from t2q.log.sqlite import SqliteStore

    return SqliteStore(run / FILE)


class StoredLog:
    """A Log over a store. Interactions older than `keep_days` are removed now, and once a day while it is open."""

    def __init__(self, store: Store, keep_days: int | None = None) -> None:
        self._store, self._keep_days = store, keep_days
        self._closed = threading.Event()
        if keep_days is not None:
            try:
                self._drop_old()
            except BaseException:
                store.close()
                raise
            threading.Thread(target=self._every_day, name="t2q-log", daemon=True).start()

    def record(self, question: str, answer: Answer, source: Source, schema: str, model: str) -> str:
        interaction = Interaction(
            id=secrets.token_hex(16),
            asked=_now(),
            source=source,
            question=_storable(question),
            query=_storable(answer.query),
            abstained=answer.abstained,
            kind=answer.kind,
            reason=_storable(answer.reason),
            confidence=answer.confidence,
            rows=None if answer.abstained else len(answer.rows),
            seconds=float(sum(answer.seconds.values())),
            schema=schema,
            model=model,
        )
        self._store.add(interaction)
        return interaction.id

    def rate(self, id: str, rating: Rating | None) -> None:
        self._judge(id, {"rating": rating})

    def correct(self, id: str, query: str) -> None:
        self._judge(id, {"correction": _storable(query.strip())})

    def _judge(self, id: str, said: Mapping[str, str | None]) -> None:
        if not self._store.change(id, {**said, "judged": _now()}):
            raise LogError(f"the log has no interaction {id!r}: it may have been forgotten")

    def find(self, wanted: Wanted = EVERY, limit: int | None = None) -> Iterator[Interaction]:
        last: Interaction | None = None
        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = self._store.page(wanted, last, size)
            yield from page
            if len(page) < size:
                return
            last = page[-1]
            left = None if left is None else left - size

    def forget(self, wanted: Wanted) -> int:
        return self._store.remove(wanted)

    def _drop_old(self) -> None:
        if self._keep_days is None:
            return
        old = Wanted(until=_now() - timedelta(days=self._keep_days))
        if any(self.find(old, limit=1)):  # forgetting rewrites the whole log
            self.forget(old)

    def _every_day(self) -> None:
        while not self._closed.wait(DAY):
            try:
                self._drop_old()
            except LogError as error:
                logging.getLogger(__name__).warning("old interactions are still there: %s", error)

    def close(self) -> None:
        self._closed.set()
        self._store.close()

    def __enter__(self) -> StoredLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _storable(text: str) -> str:
    """Without halves of characters, which an argument that is not UTF-8 holds and no database takes."""
    return text.encode(errors="replace").decode()
