"""How an answer probably goes on, guessed from answers to other questions, so that a model need only be asked whether
that is what it would write: one call then gives several tokens, and they are the same ones (speculative decoding,
Leviathan et al. 2023, arXiv:2211.17192; guesses looked up instead of drawn from a smaller model).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

LONGEST = 6  # tokens before it by which the next one is guessed
AT_ONCE = 12  # tokens that one call takes at most, of all answers together
SURE = 0.8  # share of what followed: a wrong guess costs a third of a call


class Drafts:
    """What follows on what in `answers`, token ids each."""

    def __init__(self, answers: Iterable[Sequence[int]]) -> None:
        counts: dict[tuple[int, ...], Counter[int]] = {}
        for ids in answers:
            for end, token in enumerate(ids):
                for length in range(min(LONGEST, end) + 1):
                    counts.setdefault(tuple(ids[end - length : end]), Counter())[token] += 1
        likeliest = {before: found.most_common(1)[0] for before, found in counts.items()}
        # None where several things follow: what is known of a shorter end is known of all that ends so.
        self._next = {b: t if times >= SURE * counts[b].total() else None for b, (t, times) in likeliest.items()}

    @staticmethod
    def room(answers: int) -> int:
        """How many tokens to guess of each answer where so many are written at once."""
        return AT_ONCE // max(1, answers) - 1

    def guess(self, prompt: Sequence[int], written: Sequence[int], most: int) -> list[int]:
        """At most `most` tokens that may follow on what is written: by the longest end of it that was seen, or where no
        more than its last token was, by where that stands in the prompt, since values are copied from there."""
        found: list[int] = []
        text = list(written[-LONGEST:])
        copied = 0  # where in the prompt the copy goes on
        while len(found) < most:
            token = self._known(text)
            if copied and copied < len(prompt):
                token, copied = prompt[copied], copied + 1
            elif token is None:
                copied = _last(prompt, text[-2:])
                if not copied or copied == len(prompt):
                    break
                token, copied = prompt[copied], copied + 1
            found.append(token)
            text.append(token)
        return found

    def _known(self, text: Sequence[int]) -> int | None:
        ends = (tuple(text[-length:]) for length in range(min(LONGEST, len(text)), 0, -1))
        return next((self._next[end] for end in ends if end in self._next), None)


def _last(prompt: Sequence[int], end: Sequence[int]) -> int:
    """The position after the last place where the prompt says `end`; 0 where it does not."""
    for start in range(len(prompt) - len(end), -1, -1):
        if list(prompt[start : start + len(end)]) == list(end):
            return start + len(end)
    return 0
