"""DuckDB, its queries in processes of their own: it counts neither the strings nor the lists that a query makes, so a
hostile one takes all memory within seconds, and can then only be ended with its process.

    python -m t2q.databases.duckdb_apart URL

reads a query a line (as JSON, with its seconds and its most rows), and writes its result, or its error, a line.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from t2q import errors
from t2q.databases.base import Result
from t2q.databases.credentials import resolve
from t2q.databases.sql import SqlDatabase
from t2q.databases.sql_limits import GRACE_SECONDS, Watch
from t2q.errors import ExecutionFailed, T2QError

PROCESSES = 4  # of one database, which is how many of its queries run at once


class DuckDatabase(SqlDatabase):
    """What it knows of the schema it reads itself."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        address = make_url(resolve(url))
        self._file = str(address.set(database=str(Path(address.database or "").resolve())))
        self._turns = threading.BoundedSemaphore(PROCESSES)
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()

    def _run(
        self,
        query: str,
        timeout: float,
        max_rows: int,
        stream: bool = True,  # noqa: ARG002
        searching: bool = False,  # noqa: ARG002
    ) -> Result:
        with self._turns:
            try:
                process = self._idle.get_nowait()
            except queue.Empty:
                process = _Process(self._file)
            try:
                return process.run(query, timeout, max_rows)
            finally:
                if process.alive:
                    self._idle.put(process)

    def close(self) -> None:
        super().close()
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()


class _Process:
    def __init__(self, url: str) -> None:
        self.alive = True
        self._child = subprocess.Popen(
            [sys.executable, "-m", __name__, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )

    def run(self, query: str, seconds: float, rows: int) -> Result:
        """Raises a QueryError, also where the process had to be ended; then it is `alive` no more."""
        assert self._child.stdin and self._child.stdout
        try:
            with Watch(self._child.kill, seconds, GRACE_SECONDS, self._child.pid):
                with contextlib.suppress(BrokenPipeError):
                    self._child.stdin.write(json.dumps([query, seconds, rows]) + "\n")
                    self._child.stdin.flush()
                line = self._child.stdout.readline()
                if not line.endswith("\n"):
                    raise ExecutionFailed("the process of the database ended: the query asked too much of it")
        except BaseException:
            self.end()
            raise
        answer = json.loads(line)
        if "error" in answer:
            raise getattr(errors, answer["error"])(answer["message"])
        return Result(tuple(answer["columns"]), [tuple(row) for row in answer["rows"]], answer["truncated"])

    def end(self) -> None:
        self.alive = False
        self._child.kill()
        self._child.communicate()


def _answer(database: SqlDatabase, query: str, seconds: float, rows: int) -> dict[str, Any]:
    try:
        result = database._run(query, seconds, rows)
    except T2QError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"columns": result.columns, "rows": result.rows, "truncated": result.truncated}


def _main(url: str) -> None:
    with SqlDatabase(url) as database:
        for line in sys.stdin:  # ends when the other process does
            print(json.dumps(_answer(database, *json.loads(line))), flush=True)


if __name__ == "__main__":
    _main(sys.argv[1])
