"""A question that was asked, and what is kept of it; and what keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Protocol

from t2q.answering.answer import Answer

Rating = Literal["up", "down"]
Source = Literal["ask", "chain", "serve", "openai"]


@dataclass(frozen=True)
class Interaction:
    """One question with its answer. `query`, `abstained`, `kind`, `reason` and `confidence` as in `Answer`.

    `id` is unguessable, `asked` in UTC. `rows`: how many there were, None where it abstained. `schema`, `model`:
    SHA-256 digests. `seconds`: writing and running together. `rating` and `correction` (the query that should have been
    written, "" where none was given) are what people said afterwards, `judged` (UTC) is when they last did.
    """

    id: str
    asked: datetime
    source: Source
    question: str
    query: str
    abstained: bool
    kind: str
    reason: str
    confidence: float | None
    rows: int | None
    seconds: float
    schema: str
    model: str
    rating: Rating | None = None
    correction: str = ""
    judged: datetime | None = None


def as_object(found: Interaction) -> dict[str, Any]:
    """An interaction as JSON has it: times are ISO 8601."""
    return {name: v.isoformat() if isinstance(v, datetime) else v for name, v in asdict(found).items()}


@dataclass(frozen=True)
class Wanted:
    """Which interactions: all that meet each of what is given. `since` and `until` have a time zone; `until` itself is
    left out."""

    since: datetime | None = None
    until: datetime | None = None
    rating: Rating | None = None
    corrected: bool | None = None
    abstained: bool | None = None
    text: str = ""
    """A part of the question, letter case aside."""
    ids: Sequence[str] | None = None
    """None: any; an empty sequence: none."""
    beginning: str = ""
    """What the id begins with."""

    @property
    def given(self) -> dict[str, Any]:
        """What is asked for, by name."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


EVERY = Wanted()


class Log(Protocol):
    """Keeps interactions. May be used from several threads and several processes.

    Every method raises LogError, in one line, where the log cannot be read or written.
    """

    def record(self, question: str, answer: Answer, source: Source, schema: str, model: str) -> str:
        """Keeps one, durably, and returns its id."""
        ...

    def rate(self, id: str, rating: Rating | None) -> None:
        """None takes a rating back. Raises LogError where there is no such interaction."""
        ...

    def correct(self, id: str, query: str) -> None:
        """What should have been written; "" takes it back. Raises LogError where there is no such interaction."""
        ...

    def find(self, wanted: Wanted = EVERY, limit: int | None = None) -> Iterator[Interaction]:
        """The latest first."""
        ...

    def forget(self, wanted: Wanted) -> int:
        """Deletes for good; the number of interactions."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Log: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
