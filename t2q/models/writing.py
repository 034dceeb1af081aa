"""An answer while it is written, whatever writes it: which token comes next, and when it is at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from t2q.guiding import Guided
from t2q.models.base import Completion

CIRCLING = 48  # tokens that only repeat what stands before them: no query says one thing that often
LONGEST_CIRCLE = 8  # tokens
SURE = 0.95  # probability of a token that is written although the guide does not know it

Pieces = Callable[[int], str | None]  # a token's bytes seen as Latin-1, None of one that ends an answer


@dataclass
class Writing:
    """A greedy answer of at most `limit` tokens, within what `guide` allows. `finished`: its last token ends it."""

    limit: int
    pieces: Pieces
    guide: Guided | None = None
    written: list[int] = field(default_factory=list)
    logprob: float = 0.0
    finished: bool = False
    ended: bool = False

    def choose(self, best: int, logits: np.ndarray) -> int:
        """The likeliest token that may come next; `best` is the likeliest of all, logits have the shape (n_vocab,).

        Where a name is refused, another name is looked for before anything else. Where there is no way on, or the model
        is sure of something that the schema says nothing about, the guide is left: it knows less than the language.
        """
        guide = self.guide
        if guide is None or self._allowed(best):
            return best
        likeliest = np.argsort(-logits, kind="stable")[1:].tolist()
        refused = self.pieces(best) or ""
        if guide.at_name(refused):
            for token in likeliest:
                if guide.allows_name(self.pieces(token) or ""):
                    return int(token)
        if guide.knows(refused) or np.exp(logits - logits[best]).sum() > 1 / SURE:
            for token in likeliest:
                if self._allowed(token):
                    return int(token)
        self.guide = None
        return best

    def _allowed(self, token: int) -> bool:
        assert self.guide is not None
        piece = self.pieces(token)
        return self.guide.may_end() if piece is None else self.guide.allows(piece)

    def add(self, token: int, logprob: float, is_end: bool) -> None:
        self.written.append(token)
        self.logprob += logprob
        self.finished = is_end
        if self.guide is not None and not is_end:
            self.guide.add(self.pieces(token) or "")
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
