"""A likelier answer than the greedy one.

A small model that takes one wrong turn (the wrong table, say) is led by the guide to a query that it itself thinks
unlikely. So the turns that it did not take are taken, the likeliest first, and the likeliest query is kept. Where the
greedy answer is likelier than all the turns it left, nothing is to be found, and nothing is asked.

What the database returns counts as well, as in execution-guided decoding (Wang et al., 2018, arXiv:1807.03100): a good
query runs, and seldom returns nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from t2q.answering.answer import Answer, answer
from t2q.databases.base import Database
from t2q.errors import ExecutionFailed, QueryTimeout
from t2q.models.base import Completion, Turn
from t2q.prompt import refusal_reason
from t2q.schema import Schema

ROUNDS = 2  # later ones find other queries, but as many wrong ones as right ones
WIDTH = 4  # turns of one answer that are taken in one round
TRIAL_SECONDS = 2.0
TRIAL_ROWS = 100
# Nats. Of right answers about one in thirty returns nothing, of wrong ones four in ten; no right one fails.
EMPTY, FAILS = -2.5, -20.0

_MAY_PASS = (QueryTimeout.kind, ExecutionFailed.kind)

Evidence = Callable[[str], float]


def no_evidence(_text: str) -> float:
    return 0.0


class Trials:
    """What a query's result says about it, in nats to add to its log probability; a query that is too slow: nothing."""

    def __init__(self, database: Database, schema: Schema) -> None:
        self._database, self._schema = database, schema
        self._found: dict[str, Answer] = {}

    def __call__(self, text: str) -> float:
        if text not in self._found:
            self._found[text] = answer(text, self._schema, self._database, TRIAL_SECONDS, TRIAL_ROWS)
        found = self._found[text]
        if found.abstained:
            return 0.0 if found.kind == QueryTimeout.kind else FAILS
        nothing = len(found.rows) < 2 and all(cell in (None, 0) for row in found.rows for cell in row)
        return EMPTY if nothing else 0.0

    def whole(self, text: str) -> Answer | None:
        """What comes of a text, with as many rows as an answer has; None where that takes another run: more time or
        rows might give more, or a failure may pass."""
        found = self._found.get(text)
        if found is None:
            found = answer(text, self._schema, self._database, TRIAL_SECONDS)
            return None if found.kind == QueryTimeout.kind else found
        return None if found.truncated or found.kind in _MAY_PASS else found


class Search:
    """For the likeliest answer to one prompt, the greedy one first."""

    def __init__(self, evidence: Evidence = no_evidence) -> None:
        self.best: Completion
        self._evidence = evidence
        self._worth = -math.inf
        self._left: list[Turn] = []
        self._rounds = self._unfinished = 0

    def then(self, completion: Completion) -> list[Turn]:
        """Takes an answer; the turns to be taken next, none while others of the same round are still written."""
        if not self._rounds:
            self.best = completion
            self._worth = self._weighed(completion) if completion.turns else completion.logprob  # nothing to weigh
        elif completion.logprob > self._worth and (worth := self._weighed(completion)) > self._worth:
            self.best, self._worth = completion, worth
        self._left += completion.turns
        self._unfinished -= 1
        if self._unfinished > 0 or self._rounds == ROUNDS:
            return []
        self._rounds += 1
        likeliest = sorted((turn for turn in self._left if turn.logprob > self._worth), key=lambda t: -t.logprob)
        taken, self._left = likeliest[:WIDTH], likeliest[WIDTH:]
        self._unfinished = len(taken)
        return [replace(turn, least=self._worth) for turn in taken]

    def _weighed(self, completion: Completion) -> float:
        if not completion.finished:
            return -math.inf
        if refusal_reason(completion.text) is not None:
            return completion.logprob
        return completion.logprob + self._evidence(completion.text)
