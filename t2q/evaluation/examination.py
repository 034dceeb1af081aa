"""The questions of one split put to models, database by database, with what judges their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from t2q.answering.completing import complete_what_fits
from t2q.data.pairs import Pair
from t2q.databases import open_database
from t2q.evaluation.judge import Judge
from t2q.models import Completion, Model
from t2q.prepared import Prepared

MAX_NEW_TOKENS = 256
MORE = 32  # tokens that an answer may have beyond the longest query
Answered = tuple[Judge, Sequence[Completion]]


class Examination:
    """`judges` have the questions of a database each. `url` is the recipe's database, for questions that name none of
    their own; `opened` closes the databases; `advance` is told how many answers there are more."""

    def __init__(
        self, prepared: Prepared, split: str, url: str, opened: ExitStack, advance: Callable[..., None]
    ) -> None:
        """Raises StageError where a gold query fails."""
        self._prepared, self.advance = prepared, advance
        self._queries = [pair.query for pair in prepared.pairs(split) if pair.answerable]
        self.judges = [
            Judge(pairs, shown.schema, opened.enter_context(open_database(shown.url or url)))
            for shown, pairs in prepared.by_database(split)
        ]

    def prompt(self, pair: Pair) -> str:
        return self._prepared.prompt(pair)

    def room(self, model: Model) -> int:
        """Tokens that an answer may have."""
        return min(MAX_NEW_TOKENS, MORE + max((len(model.encode(query)) for query in self._queries), default=MORE))

    def ask(self, model: Model, step: str) -> list[Answered]:
        """The answers to all questions; `step` is shown beside the progress."""
        room = self.room(model)
        return [
            (
                judge,
                complete_what_fits(
                    model,
                    [self.prompt(pair) for pair in judge.pairs],
                    judge.schema,
                    room,
                    on_done=lambda n: self.advance(n, note=step),
                    database=judge.database,
                ),
            )
            for judge in self.judges
        ]
