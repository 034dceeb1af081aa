"""Which answers are written next, whatever writes them: prompts in their order, and before the next prompt whatever
else is asked for about one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from t2q.guiding import Guided
from t2q.models.base import Completion, Then, Turn
from t2q.models.writing import Pieces, Writing


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
        self._limits, self._pieces, self._decode = limits, pieces, decode
        self._guide, self._then, self._on_done = guide, then, on_done
        self._first: dict[int, Completion] = {}
        self._unfinished = Counter(range(len(limits)))
        self._waiting = [Row(number, self._writing(number)) for number in reversed(range(len(limits)))]

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
        whole = [row]
        for one in whole:
            completion = one.answer.completion(self._decode)
            self._first.setdefault(one.prompt, completion)
            more = list(self._then(one.prompt, completion)) if self._then else []
            self._unfinished[one.prompt] += len(more) - 1
            begun = [Row(one.prompt, self._writing(one.prompt, turn)) for turn in reversed(more)]
            whole += [other for other in begun if other.answer.ended]
            self._waiting += [other for other in begun if not other.answer.ended]
        done = not self._unfinished[row.prompt]
        if done and self._on_done:
            self._on_done(1)
        return done

    def completions(self) -> list[Completion]:
        """The first answer of each prompt."""
        return [self._first[number] for number in range(len(self._limits))]

    def _writing(self, number: int, turn: Turn | None = None) -> Writing:
        answer = Writing(self._limits[number], self._pieces, self._guide() if self._guide else None)
        if turn:
            answer.begin(turn)
        return answer
