"""How an answer probably goes on, guessed from answers to other questions, so that a model need only be asked whether
that is what it would write: one call then gives several tokens, and they are the same ones (speculative decoding,
Leviathan et al. 2023, arXiv:2211.17192; guesses looked up instead of drawn from a smaller model).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

LONGEST = 10  # tokens before it by which the next one is guessed
SEEN = 2  # times that they must have been seen
LOOKED_AT = 2000  # of them, where there are more
LEAST = 0.1  # chance of a guess that may be worth its time
MOST = 24  # tokens that are guessed of one answer
AT_ONCE = 48  # of all answers together
NOTHING = -1  # stands before an answer's first token

Guess = tuple[int, float]


class Drafts:
    """What follows on what in `answers`, token ids each."""

    def __init__(self, answers: Iterable[Sequence[int]]) -> None:
        rows = [[NOTHING] * LONGEST + list(ids) for ids in answers]
        before = [row[end - LONGEST : end][::-1] for row in rows for end in range(LONGEST, len(row))]
        following = [token for row in rows for token in row[LONGEST:]]
        columns = np.array(before, np.int32).reshape(-1, LONGEST).T
        order = np.lexsort(columns[::-1])
        # Sorted by what stands before, the nearest first: what ends alike lies together.
        self._before = [array("i", column.tobytes()) for column in columns[:, order]]
        self._following = np.array(following, np.int32)[order]
        self._next = lru_cache(1 << 14)(self._likeliest)

    def guess(self, written: Sequence[int], most: int) -> list[Guess]:
        """At most `most` tokens that may follow, each with the chance that it and all before it do."""
        end = (*[NOTHING] * LONGEST, *written[-LONGEST:])[-LONGEST:]
        found: list[Guess] = []
        chance = 1.0
        while len(found) < most:
            token, share = self._next(end)
            chance *= share
            if chance < LEAST:
                break
            found.append((token, chance))
            end = (*end[1:], token)
        return found

    def _likeliest(self, end: tuple[int, ...]) -> Guess:
        """The likeliest token after the longest end that was seen, and its share of what followed there."""
        low, high = 0, len(self._following)
        for column, token in zip(self._before, reversed(end), strict=True):
            first, last = bisect_left(column, token, low, high), bisect_right(column, token, low, high)
            if last - first < SEEN:
                break
            low, high = first, last
        if high - low == len(self._following):  # not even its last token
            return NOTHING, 0.0
        seen = self._following[low : high : 1 + (high - low) // LOOKED_AT]
        counts = np.bincount(seen)
        token = int(counts.argmax())
        return token, float(counts[token]) / (len(seen) + 0.5)


def cost(tokens: int) -> float:
    """Of a call for so many tokens, in calls for one (`benchmarks/answer.py` prints both): llama.cpp computes several
    at once in another way, which pays from about five on."""
    return float(tokens) if tokens <= 1 else 1.6 + 0.25 * tokens


def worth_asking(guesses: Sequence[Sequence[Guess]], tokens: int) -> list[int]:
    """How many guesses of each answer to ask for in a call that computes `tokens` in any case and gives every answer
    one: so many that a token costs least."""
    taken, best = [0] * len(guesses), [0] * len(guesses)
    gain = float(len(guesses))
    least = cost(tokens) / max(1.0, gain)
    # Chances only fall along an answer, so that each comes after those before it.
    candidates = sorted(((c, n) for n, found in enumerate(guesses) for _, c in found), key=lambda one: -one[0])
    for number, (chance, answer) in enumerate(candidates[:AT_ONCE], 1):
        taken[answer] += 1
        gain += chance
        if cost(tokens + number) / gain < least:
            least, best = cost(tokens + number) / gain, taken.copy()
    return best
