"""A likelier answer than the greedy one.

A small model that takes one wrong turn (the wrong table, say) is led by the guide to a query that it itself thinks
unlikely. So the turns that it did not take are taken, the likeliest first, and the likeliest query is kept. Where the
greedy answer is likelier than all the turns it left, nothing is to be found, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from t2q.guiding import Guided
from t2q.models.base import Completion, Model, Turn

ROUNDS = 3
WIDTH = 4  # turns of one answer that are taken in one round


def likelier(
    model: Model, prompts: Sequence[str], completions: Sequence[Completion], limit: int, guide: Callable[[], Guided]
) -> list[Completion]:
    """For each completion, a likelier one where it is found; both of at most `limit` tokens."""
    best = list(completions)
    left: list[list[Turn]] = [list(completion.turns) for completion in completions]
    for _ in range(ROUNDS):
        taken: list[tuple[int, Turn]] = []
        for i in range(len(best)):
            left[i] = sorted((t for t in left[i] if t.logprob > best[i].logprob), key=lambda turn: -turn.logprob)
            taken += [(i, replace(turn, least=best[i].logprob)) for turn in left[i][:WIDTH]]
            del left[i][:WIDTH]
        if not taken:
            break
        found = model.generate([prompts[i] for i, _ in taken], limit, guide=guide, begun=[turn for _, turn in taken])
        for (i, _), completion in zip(taken, found, strict=True):
            left[i] += completion.turns
            if completion.finished and completion.logprob > best[i].logprob:
                best[i] = completion
    return best
