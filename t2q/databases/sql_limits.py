"""What one query may take of time and memory, and how large its result may be."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import psutil
from sqlalchemy import Connection

from t2q.errors import ExecutionFailed, QueryError, QueryTimeout

# A server has its own clock, but looks at it only between two steps; then the connection is cut after this much longer.
GRACE_SECONDS = 5.0
RESULT_BYTES = 32 << 20
GROWTH_BYTES = 1 << 30  # of a process while a query runs: a server can send one row as large as it likes
LOOK_SECONDS = 0.02

SQLITE_HEAP_BYTES = 1 << 30  # of all connections in the process
# One call of a function cannot be broken off: `instr` takes 9 s for a needle in a value of 1 MB (10 ms for 30 KB).
SQLITE_LONGEST, SQLITE_LONGEST_SEARCHED = 1_000_000, 30_000
_SQLITE_STEPS = 1000  # of its machine, between two looks at the clock


def _sqlite_limits(longest: int) -> dict[int, int]:
    """SQLite's own values are made for databases that nobody attacks. Python 3.10 cannot set them."""
    if sys.version_info < (3, 11):
        return {}
    return {
        sqlite3.SQLITE_LIMIT_LENGTH: longest,
        sqlite3.SQLITE_LIMIT_COLUMN: 1000,
        sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
        sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
        sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
        sqlite3.SQLITE_LIMIT_ATTACHED: 0,
        sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
    }


@contextlib.contextmanager
def limited(connection: Connection, seconds: float, searching: bool) -> Iterator[None]:
    """Inside, queries on the connection are broken off after `seconds`, or where they take too much memory.

    `searching`: the query looks for a value that it computes, in a value. Raises QueryTimeout, ExecutionFailed.
    """
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        limits = _sqlite_limits(SQLITE_LONGEST_SEARCHED if searching else SQLITE_LONGEST)
        before = {limit: driver.setlimit(limit, value) for limit, value in limits.items()}
        deadline = time.monotonic() + seconds
        driver.set_progress_handler(lambda: time.monotonic() > deadline, _SQLITE_STEPS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)
            for limit, value in before.items():
                driver.setlimit(limit, value)
    else:
        embedded = connection.dialect.name == "duckdb"
        stop = driver.interrupt if embedded else partial(_hang_up, driver)
        try:
            with Watch(stop, seconds, 0.0 if embedded else GRACE_SECONDS):
                yield
        except QueryError:
            if not embedded:  # nobody is at the other end, or far too much is on its way
                connection.invalidate()
            raise


def _hang_up(driver: Any) -> None:
    """Wakes the thread that waits for the server's answer."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = getattr(driver, "_sock", driver).fileno()  # PyMySQL's connection has no fileno()
        with socket.socket(fileno=os.dup(descriptor)) as line:
            line.shutdown(socket.SHUT_RDWR)


class Watch:
    """A thread that calls `stop`, again and again, once the block has taken too long, or a process too much memory.

    `process`: its number, this one's by default. Then an error that the block raises becomes QueryTimeout, or
    ExecutionFailed.
    """

    def __init__(self, stop: Callable[[], None], seconds: float, grace: float, process: int | None = None) -> None:
        self._stop = stop
        self._seconds = seconds
        self._grace = grace
        self._process = psutil.Process(process)
        self._over = threading.Event()
        self._reason: QueryError | None = None
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        deadline = time.monotonic() + self._seconds + self._grace
        with contextlib.suppress(psutil.NoSuchProcess):
            most = self._process.memory_info().rss + GROWTH_BYTES
            while not self._over.wait(LOOK_SECONDS):
                if time.monotonic() > deadline:
                    self._reason = QueryTimeout(f"the query ran longer than {self._seconds:g} s")
                elif self._process.memory_info().rss > most:
                    self._reason = ExecutionFailed(f"the query took more than {GROWTH_BYTES >> 30} GB of memory")
                if self._reason:
                    self._stop()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._reason and isinstance(error, Exception):
            raise self._reason from error


def first_rows(rows: Iterable[Iterable[Any]], most: int, seconds: float) -> tuple[list[tuple[Any, ...]], bool]:
    """The first rows, as many as `most` and RESULT_BYTES allow, and whether there are more.

    Raises ExecutionFailed where not even the first one is allowed, QueryTimeout where they come too slowly.
    """
    deadline = time.monotonic() + seconds
    kept: list[tuple[Any, ...]] = []
    size = 0
    for row in map(tuple, rows):
        size += _size(row)
        if len(kept) == most:
            return kept, True
        if size > RESULT_BYTES:
            if not kept:
                raise ExecutionFailed(f"a row of the result is larger than {RESULT_BYTES >> 20} MB")
            return kept, True
        if time.monotonic() > deadline:
            raise QueryTimeout(f"the query ran longer than {seconds:g} s")
        kept.append(row)
    return kept, False


def _size(value: Any) -> int:
    """Bytes, about."""
    if isinstance(value, list | tuple | set | frozenset):
        return 8 + sum(map(_size, value))
    if isinstance(value, Mapping):
        return 8 + sum(_size(key) + _size(item) for key, item in value.items())
    return sys.getsizeof(value)
