"""A likelier answer than the greedy one.

A small model that takes one wrong turn (the wrong table, say) is led by the guide to a query that it itself thinks
unlikely. So the turns that it did not take are taken, the likeliest first, and the likeliest query is kept. Where the
greedy answer is likelier than all the turns it left, nothing is to be found, and nothing is asked.

What the database returns counts as well, as in execution-guided decoding (Wang et al., 2018, arXiv:1807.03100): a good
query runs, and seldom returns nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from t2q.answering.answer import answer
from t2q.databases.base import Database
from t2q.guiding import Guided
from t2q.models.base import Completion, Model, Turn
from t2q.prompt import refusal_reason
from t2q.schema import Schema

ROUNDS = 6
WIDTH = 4  # turns of one answer that are taken in one round
TRIAL_SECONDS = 2.0
# Nats. Of right answers about one in thirty returns nothing, of wrong ones four in ten; no right one fails.
EMPTY, FAILS = -2.5, -20.0

Evidence = Callable[[str], float]


def no_evidence(_text: str) -> float:
    return 0.0


def evidence_in(database: Database, schema: Schema) -> Evidence:
    """What a query's result says about it, in nats to add to its log probability; a query that is too slow: nothing."""

    @cache
    def evidence(text: str) -> float:
        found = answer(text, schema, database, TRIAL_SECONDS, max_rows=2)
        if found.abstained:
            return 0.0 if found.kind == "timeout" else FAILS
        nothing = len(found.rows) < 2 and all(cell in (None, 0) for row in found.rows for cell in row)
        return EMPTY if nothing else 0.0

    return evidence


def likelier(
    model: Model,
    prompts: Sequence[str],
    completions: Sequence[Completion],
    limit: int,
    guide: Callable[[], Guided],
    evidence: Evidence = no_evidence,
) -> list[Completion]:
    """For each completion, a likelier one where it is found; both of at most `limit` tokens."""
    best = list(completions)
    worth = [_worth(found, evidence) if found.turns else found.logprob for found in best]  # else nothing to weigh
    left: list[list[Turn]] = [list(completion.turns) for completion in completions]
    for _ in range(ROUNDS):
        taken: list[tuple[int, Turn]] = []
        for i, least in enumerate(worth):
            left[i] = sorted((t for t in left[i] if t.logprob > least), key=lambda turn: -turn.logprob)
            taken += [(i, replace(turn, least=least)) for turn in left[i][:WIDTH]]
            del left[i][:WIDTH]
        if not taken:
            break
        found = model.generate([prompts[i] for i, _ in taken], limit, guide=guide, begun=[turn for _, turn in taken])
        for (i, _), completion in zip(taken, found, strict=True):
            left[i] += completion.turns
            if completion.finished and completion.logprob > worth[i]:
                is_worth = _worth(completion, evidence)
                if is_worth > worth[i]:
                    best[i], worth[i] = completion, is_worth
    return best


def _worth(completion: Completion, evidence: Evidence) -> float:
    if not completion.finished:
        return -math.inf
    if refusal_reason(completion.text) is not None:
        return completion.logprob
    return completion.logprob + evidence(completion.text)
