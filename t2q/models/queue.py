"""Which answers are written next, whatever writes them: prompts in their order, and before the next prompt whatever
else is asked for about one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from t2q.guiding import Guided
from t2q.models.base import Completion, Then, Turn
from t2q.models.writing import Pieces, Writing


class Asked:
    """All that is written for one prompt: its answer, of at most `limit` tokens, and then whatever `then` asks for."""

    def __init__(
        self,
        limit: int,
        pieces: Pieces,
        decode: Callable[[list[int]], str],
        guide: Callable[[], Guided] | None = None,
        then: Callable[[Completion], Sequence[Turn]] | None = None,
    ) -> None:
        self.limit = limit
        self.first: Completion | None = None
        self._pieces, self._decode, self._guide, self._then = pieces, decode, guide, then
        self._unfinished = 1

    @property
    def done(self) -> bool:
        """Whether nothing more is to be written."""
        return not self._unfinished

    def begin(self, turn: Turn | None = None) -> Writing:
        guide = self._guide() if self._guide else None
        answer = Writing(self.limit, self._pieces, guide, alone=self._then is None)
        if turn:
            answer.begin(turn)
        return answer

    def ended(self, answer: Writing) -> list[Writing]:
        """Takes an answer that is whole; those to be written next."""
        whole, next_ones = [answer], []
        for one in whole:
            completion = one.completion(self._decode)
            if self.first is None:
                self.first = completion
            turns = self._then(completion) if self._then else ()
            self._unfinished += len(turns) - 1
            begun = [self.begin(turn) for turn in turns]
            whole += [other for other in begun if other.ended]
            next_ones += [other for other in begun if not other.ended]
        return next_ones


@dataclass
class Row:
    """An answer on its way. `prompt`: the number of its prompt."""

    prompt: int
    answer: Writing


class Queue:
    """The answers to some prompts, of which each may have `limits` tokens; for `then` see `Model.generate`."""

    def __init__(
        self,
        limits: Sequence[int],
        pieces: Pieces,
        decode: Callable[[list[int]], str],
        guide: Callable[[], Guided] | None = None,
        then: Then | None = None,
        on_done: Callable[[int], None] | None = None,
    ) -> None:
        self._asked = [
            Asked(limit, pieces, decode, guide, then and (lambda found, number=number: then(number, found)))  # type: ignore[misc]
            for number, limit in enumerate(limits)
        ]
        self._on_done = on_done
        self._waiting = [Row(number, self._asked[number].begin()) for number in reversed(range(len(limits)))]

    def __len__(self) -> int:
        """Answers that wait."""
        return len(self._waiting)

    def next(self) -> Row:
        return self._waiting[-1]

    def take(self, most: int = 1) -> list[Row]:
        """The next answers, of which either none or all are begun."""
        taken = [self._waiting.pop()]
        while self._waiting and len(taken) < most and bool(self.next().answer.written) == bool(taken[0].answer.written):
            taken.append(self._waiting.pop())
        return taken

    def ended(self, row: Row) -> bool:
        """Takes an answer that is whole; whether nothing more is to be written for its prompt."""
        asked = self._asked[row.prompt]
        self._waiting += [Row(row.prompt, other) for other in reversed(asked.ended(row.answer))]
        if asked.done and self._on_done:
            self._on_done(1)
        return asked.done

    def completions(self) -> list[Completion]:
        """The first answer of each prompt."""
        found = [asked.first for asked in self._asked]
        assert None not in found, "an answer is still on its way"
        return found  # type: ignore[return-value]
