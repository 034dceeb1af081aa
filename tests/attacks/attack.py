"""Gives queries to a database in a process of its own, so that a crash, or a flood of memory, is seen and harms nobody.

The process (`python -m tests.attacks.attack`) reads a job from its standard input, and writes a line for each query.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from t2q.databases import open_database
from t2q.databases.base import MAX_ROWS
from t2q.errors import QueryError

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """What became of a query. `error`: the class of its error, "" where it was answered; `told`: a secret was in the
    answer; `peak`: the most memory that the process, or one that it had started and that has
    ended, has taken until then, in MB."""

    query: str
    error: str = ""
    expected: bool = True  # its error is a QueryError
    message: str = ""
    rows: list[list[Any]] | None = None
    truncated: bool = False
    told: bool = False
    seconds: float = 0.0
    peak: int = 0


def attack(
    url: str,
    queries: Sequence[str],
    seconds: float,
    folder: Path,
    past_proof: bool = False,
    secrets: Iterable[str] = (),
) -> list[Outcome]:
    """What becomes of each query, in a process whose working directory is `folder`. The last is the one that it died
    of, where it did."""
    job = {"url": url, "queries": queries, "seconds": seconds, "past_proof": past_proof, "secrets": list(secrets)}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
    )
    outcomes = [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]
    if len(outcomes) < len(queries):
        died = f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
        outcomes.append(Outcome(queries[len(outcomes)], "died", expected=False, message=died))
    return outcomes


def _main() -> None:
    job = json.load(sys.stdin)
    with open_database(job["url"]) as database:
        run: Any = database._run if job["past_proof"] else database.execute  # type: ignore[attr-defined]
        for query in job["queries"]:
            start = time.monotonic()
            found: dict[str, Any] = {}
            try:
                result = run(query, job["seconds"], MAX_ROWS)
                text = repr(result)
                found = {
                    "rows": [list(row) for row in result.rows] if len(text) < 100_000 else None,
                    "truncated": result.truncated,
                    "told": any(secret in text for secret in job["secrets"]),
                }
            except Exception as error:
                found = {
                    "error": type(error).__name__,
                    "expected": isinstance(error, QueryError),
                    "message": str(error),
                    "told": any(secret in str(error) for secret in job["secrets"]),
                }
            peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
            outcome = Outcome(query, **found, seconds=time.monotonic() - start, peak=peak // 1024)
            print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    _main()
