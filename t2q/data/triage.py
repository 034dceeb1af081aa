"""Runs a drafted query on the database and says whether it makes a fair question."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Literal

from t2q.data.logical import Query
from t2q.data.model import Model
from t2q.data.pairs import render
from t2q.data.sampling import Draft
from t2q.databases.base import Database
from t2q.errors import QueryError
from t2q.languages.refusing import refuse
from t2q.schema import Schema

Outcome = Literal["pass", "no data", "ambiguous", "error"]
TIMEOUT_SECONDS = 5.0


@dataclass
class Triage:
    """Counts by outcome, and the errors seen (query and message), the first few of them."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[dict[str, str]] = field(default_factory=list)

    def judge(self, draft: Draft, query: str, model: Model, database: Database) -> Outcome:
        """Executes the query. "no data": no row, or nothing but nulls. "ambiguous": ties make the order a matter of
        chance, so that no prediction could be told right from wrong."""
        outcome = self._outcome(draft, query, model, database)
        self.counts[outcome] += 1
        return outcome

    def try_given(self, query: str, schema: Schema, database: Database) -> Outcome:
        """Executes a query that somebody wrote, if nothing is known against it that would also be held against a
        model's. It may return nothing: that can be the answer."""
        outcome: Outcome = "pass"
        try:
            refuse(query, schema, database.language)
            database.execute(query, timeout=TIMEOUT_SECONDS)
        except QueryError as error:
            outcome = self._failed(query, error)
        self.counts[f"given: {outcome}"] += 1
        return outcome

    def _failed(self, query: str, error: QueryError) -> Outcome:
        if len(self.errors) < 20:
            self.errors.append({"query": query, "error": str(error)})
        return "error"

    def _outcome(self, draft: Draft, query: str, model: Model, database: Database) -> Outcome:
        try:
            result = database.execute(query, timeout=TIMEOUT_SECONDS)
            if not any(cell is not None for row in result.rows for cell in row):
                return "no data"
            if draft.query.order and _tied(draft.query, model, database):
                return "ambiguous"
        except QueryError as error:
            return self._failed(query, error)
        return "ambiguous" if result.truncated else "pass"


def _tied(query: Query, model: Model, database: Database) -> bool:
    """Whether two rows that are shown, or the last shown and the first cut off, have the same place in the order."""
    assert query.order
    measure = query.order[0]
    select = (*query.group, measure) if query.group else (measure,)
    limit = query.limit + 1 if query.limit is not None else None
    probe = replace(query, select=select, limit=limit, distinct=False)
    text = render(Draft("", "", probe, {}), model, database.language)
    keys = [row[-1] for row in database.execute(text, timeout=TIMEOUT_SECONDS).rows]
    return len(set(keys)) < len(keys)
