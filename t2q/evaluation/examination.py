"""The questions of one split put to models, database by database, with what judges their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from t2q.answering.completing import complete_what_fits
from t2q.databases import open_database
from t2q.evaluation.judge import Judge
from t2q.models import Completion, Model
from t2q.prepared import Prepared

MAX_NEW_TOKENS = 256
MORE = 32  # tokens that an answer may have beyond the longest query
Answered = tuple[Judge, Sequence[Completion]]


class Examination:
    """`url` is the recipe's database, for questions that name none of their own; `opened` closes the databases."""

    def __init__(
        self, prepared: Prepared, split: str, url: str, opened: ExitStack, advance: Callable[..., None]
    ) -> None:
        """Raises StageError where a gold query fails."""
        self._prepared, self._advance = prepared, advance
        self._queries = [pair.query for pair in prepared.pairs(split) if pair.answerable]
        self._judges = [
            (shown.schema, Judge(pairs, shown.schema, opened.enter_context(open_database(shown.url or url))))
            for shown, pairs in prepared.by_database(split)
        ]

    def ask(self, model: Model, step: str) -> list[Answered]:
        """The answers to all questions; `step` is shown beside the progress."""
        room = min(MAX_NEW_TOKENS, MORE + max((len(model.encode(query)) for query in self._queries), default=MORE))
        return [
            (
                judge,
                complete_what_fits(
                    model,
                    [self._prepared.prompt(pair) for pair in judge.pairs],
                    schema,
                    room,
                    on_done=lambda n: self._advance(n, note=step),
                    database=judge.database,
                ),
            )
            for schema, judge in self._judges
        ]
