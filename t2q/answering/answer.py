"""From a model's text to an answer, or to "I don't know" with the reason; for evaluation and `t2q ask` alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from t2q.databases.base import MAX_ROWS, TIMEOUT_SECONDS, Database
from t2q.errors import QueryError
from t2q.languages.refusing import refuse
from t2q.prompt import refusal_reason
from t2q.schema import Schema


@dataclass(frozen=True)
class Answer:
    """`abstained` with `reason` (a sentence) and `kind` (refused, no query, cut, unsure, too long, or a QueryError's
    kind), or rows; `words` says either in a sentence.

    `query` is what was run; where that is not what the model wrote, `written` is. `refuted`: see `completing`.
    `confidence`: the probability that the answer is right, in 0..1, None where nothing is known of that. `seconds`: how
    long its steps took ("write", "run").
    """

    query: str = ""
    columns: tuple[str, ...] = ()
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    truncated: bool = False
    abstained: bool = False
    reason: str = ""
    kind: str = ""
    written: str = ""
    refuted: str = ""
    words: str = ""
    confidence: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)


REFUSED = "refused"  # the kind of an answer in which the model itself declined
UNSURE = "unsure"  # of one that is there, but is probably wrong
NOTHING_FOUND = "nothing was found"  # how the reason begins where it has no rows


def cut(text: str) -> Answer:
    """The answer where a model was stopped before its text came to an end: half a query may run, and means another."""
    return Answer(query=text, abstained=True, reason="the query grew too long and was cut", kind="cut")


def answer(
    text: str, schema: Schema, database: Database, timeout: float = TIMEOUT_SECONDS, max_rows: int = MAX_ROWS
) -> Answer:
    """Reads the query out of the text, checks it, runs it. Raises DatabaseError only where the database is gone.

    What the schema leaves no choice about is put right before the query is looked at further.
    The order of the checks is the order of what can be said for sure: the model declined; there is no query; it does
    not parse; it is not proven to only read; it names what the schema does not have; the database refuses it.
    """
    reason = refusal_reason(text)
    if reason is not None:
        return Answer(abstained=True, reason=reason or "the model gave no reason", kind=REFUSED)
    query = database.language.extract(text)
    if not query:
        return Answer(abstained=True, reason="the model wrote no query", kind="no query")
    return run_query(query, schema, database, timeout, max_rows)


def run_query(
    query: str, schema: Schema, database: Database, timeout: float = TIMEOUT_SECONDS, max_rows: int = MAX_ROWS
) -> Answer:
    """Checks a query and runs it, as `answer` does what it finds in a text."""
    language, written = database.language, ""
    try:
        language.parse(query)
        mended = language.mend(query, schema)
        if mended != query:
            query, written = mended, query
        refuse(query, schema, language)
        result = database.execute(query, timeout=timeout, max_rows=max_rows)
    except QueryError as error:
        return Answer(query=query, written=written, abstained=True, reason=str(error), kind=error.kind)
    return Answer(query=query, written=written, columns=result.columns, rows=result.rows, truncated=result.truncated)


def as_object(found: Answer) -> dict[str, Any]:
    """An answer as JSON has it: rows are lists in the order of `columns`, and every number is finite."""
    return {
        "query": found.query,
        "columns": list(found.columns),
        "rows": [[_in_json(cell) for cell in row] for row in found.rows],
        "truncated": found.truncated,
        "abstained": found.abstained,
        "reason": found.reason,
        "kind": found.kind,
        "words": found.words,
        "confidence": found.confidence,
        "written": found.written,
        "refuted": found.refuted,
        "seconds": {step: round(seconds, 4) for step, seconds in found.seconds.items()},
    }


def _in_json(cell: Any) -> Any:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
