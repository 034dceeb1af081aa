"""An answer while it is written, whatever writes it: which token comes next, and when it is at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from t2q.guiding import Guided
from t2q.models.base import Completion, Turn

CIRCLING = 48  # tokens that only repeat what stands before them: no query says one thing that often
LONGEST_CIRCLE = 8  # tokens
SURE = 0.95  # probability of a token that is written although the guide does not know it

TURNS = 3  # other tokens that are kept of each step
NEAR = 5.0  # how far below the chosen token, in nats
LOOKED_AT = 8  # of the likeliest tokens

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
    least: float = -math.inf  # given up below this log probability
    alone: bool = False  # whether nobody asks for its turns
    turns: list[Turn] = field(default_factory=list)
    _others: list[tuple[int, float]] = field(default_factory=list)  # of the step: tokens, and nats above the chosen one

    def begin(self, turn: Turn) -> None:
        """Takes the first tokens as they are given."""
        self.least = turn.least
        *tokens, last = turn.tokens
        for token in tokens:
            self.add(token, 0.0, False)
        self.add(last, turn.logprob, self.pieces(last) is None)

    def choose(self, best: int, logits: np.ndarray, total: float) -> int:
        """The likeliest token that may come next; `best` is the likeliest of all, logits have the shape (n_vocab,).

        `total`: the logarithm of the sum of their exponentials, so that a token's log probability is its logit less it.
        Where a name is refused, another name is looked for before anything else. Where there is no way on, or the model
        is sure of something that the schema says nothing about, the guide is left: it knows less than the language.
        """
        if self.guide is None:
            return best
        floor = total + self.least - self.logprob  # with less likely ones the answer is given up
        token = self._chosen(best, logits, total, floor)
        self._others = [] if self.alone else self._near(token, logits, floor)
        return token

    def _chosen(self, best: int, logits: np.ndarray, total: float, floor: float) -> int:
        guide = self.guide
        assert guide is not None
        if self._allowed(best):
            return best
        likeliest = np.argsort(-logits, kind="stable").tolist()[: int((logits >= floor).sum())]
        refused = self.pieces(best) or ""
        if guide.at_name(refused):
            for token in likeliest:
                if guide.allows_name(self.pieces(token) or ""):
                    return int(token)
        if guide.knows(refused) or logits[best] - total < math.log(SURE):
            for token in likeliest:
                if self._allowed(token):
                    return int(token)
            if len(likeliest) < len(logits):
                self.least = math.inf
                return best
        self.guide = None
        return best

    def _allowed(self, token: int) -> bool:
        assert self.guide is not None
        piece = self.pieces(token)
        return self.guide.may_end() if piece is None else self.guide.allows(piece)

    def _near(self, token: int, logits: np.ndarray, floor: float) -> list[tuple[int, float]]:
        """The other tokens with which a query could go on that are about as likely as the chosen one."""
        if self.guide is None:
            return []
        near = np.flatnonzero(logits > max(logits[token] - NEAR, floor))
        likeliest = near[np.argsort(-logits[near], kind="stable")][:LOOKED_AT].tolist()
        others = [other for other in likeliest if other != token and self._goes_on(other)]
        return [(other, float(logits[other] - logits[token])) for other in others[:TURNS]]

    def _goes_on(self, token: int) -> bool:
        assert self.guide is not None
        piece = self.pieces(token)
        return self.guide.may_end() if piece is None else self.guide.goes_on(piece)

    def add(self, token: int, logprob: float, is_end: bool) -> None:
        before = tuple(self.written) if self._others else ()
        self.turns += [Turn((*before, other), self.logprob + logprob + above) for other, above in self._others]
        self._others = []
        self.written.append(token)
        self.logprob += logprob
        self.finished = is_end and self.logprob >= self.least
        if self.guide is not None and not is_end:
            self.guide.add(self.pieces(token) or "")
        cut = len(self.written) >= self.limit or goes_in_circles(self.written) or self.logprob < self.least
        self.ended = is_end or cut

    def completion(self, decode: Callable[[list[int]], str]) -> Completion:
        text = decode(self.written[:-1] if self.finished else self.written)
        return Completion(text, len(self.written), self.logprob, self.finished, tuple(self.turns))


def goes_in_circles(written: Sequence[int]) -> bool:
    """Whether it ends in the same few tokens over and over: a greedy answer does not get out of that any more."""
    if len(written) < CIRCLING + LONGEST_CIRCLE:
        return False
    tail = written[-CIRCLING:]
    return any(tail == written[-CIRCLING - size : -size] for size in range(1, LONGEST_CIRCLE + 1))
