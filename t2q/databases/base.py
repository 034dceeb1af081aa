"""What the rest of t2q asks of a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from t2q.languages.base import Language
from t2q.schema import Schema, Value

MAX_ROWS = 1000
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Result:
    """Rows of a query, values made plain: str, int, float, bool, None, list, dict; dates and times as ISO strings.

    `truncated` says that a cap cut the result: that on rows, or that on text.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    truncated: bool = False


class Database(Protocol):
    """An open database that can only be read through this interface. Use as a context manager."""

    url: str  # without credentials
    language: Language

    def schema(self, samples: int = 3) -> Schema:
        """Reads the schema with at most `samples` stored values a field. Raises DatabaseError."""
        ...

    def execute(self, query: str, timeout: float = TIMEOUT_SECONDS, max_rows: int = MAX_ROWS) -> Result:
        """Proves the query read-only, runs it, returns its rows. Raises a QueryError."""
        ...

    def explain(self, query: str) -> None:
        """Asks the database whether it would run the query, without running it. Raises a QueryError."""
        ...

    def values(self, entity: str, fieldname: str, limit: int = 50) -> list[Value]:
        """Distinct stored values that are not null, most frequent first, ties by value."""
        ...

    def lacks(self, schema: Schema) -> list[str]:
        """Those of the schema's names that the database does not have now; reads no rows. Raises DatabaseError."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Database: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
