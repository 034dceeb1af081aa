"""An answer while it is written, whatever writes it: what it says so far, and when it is at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from t2q.models.base import Completion

CIRCLING = 48  # tokens that only repeat what stands before them: no query says one thing that often
LONGEST_CIRCLE = 8  # tokens


@dataclass
class Writing:
    """A greedy answer of at most `limit` tokens. `finished`: its last token is an end token."""

    limit: int
    written: list[int] = field(default_factory=list)
    logprob: float = 0.0
    finished: bool = False
    ended: bool = False

    def add(self, token: int, logprob: float, is_end: bool) -> None:
        self.written.append(token)
        self.logprob += logprob
        self.finished = is_end
        self.ended = is_end or len(self.written) >= self.limit or goes_in_circles(self.written)

    def completion(self, decode: Callable[[list[int]], str]) -> Completion:
        text = decode(self.written[:-1] if self.finished else self.written)
        return Completion(text, len(self.written), self.logprob, self.finished)


def goes_in_circles(written: Sequence[int]) -> bool:
    """Whether it ends in the same few tokens over and over: a greedy answer does not get out of that any more."""
    if len(written) < CIRCLING + LONGEST_CIRCLE:
        return False
    tail = written[-CIRCLING:]
    return any(tail == written[-CIRCLING - size : -size] for size in range(1, LONGEST_CIRCLE + 1))
