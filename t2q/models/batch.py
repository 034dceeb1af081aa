"""The rows of a PyTorch model that are written together. Each reads at its own pace; they join and leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from t2q.models.queue import Row
from t2q.models.shared_attention import Saved, SharedPrefix

Hidden = Callable[[Tensor, Tensor, SharedPrefix], Tensor]  # of ids and positions (rows, new): (rows, new, width)


class Batch:
    """Answers to prompts that have `own` tokens behind a prefix of `length`.

    `keep`: whether a prompt's own tokens are kept until `leave` is told that it is done, so that another answer to it
    need not read them.
    """

    def __init__(
        self,
        hidden: Hidden,
        device: torch.device,
        shared: SharedPrefix,
        length: int,
        own: Sequence[list[int]],
        keep: bool,
    ) -> None:
        self.rows: list[Row] = []
        self._hidden, self._device, self._shared = hidden, device, shared
        self._length, self._own, self._keep = length, own, keep
        self._saved: dict[int, Saved] = {}

    def join(self, rows: list[Row]) -> Tensor:
        """Hidden states (rows, width) behind rows that are all new, or have all been begun and their prompts kept."""
        begun = bool(rows[0].answer.written)
        if begun:
            ids, starts = [row.answer.written for row in rows], [len(self._own[row.prompt]) for row in rows]
        else:
            ids, starts = [self._own[row.prompt] for row in rows], [0] * len(rows)
        first = len(self.rows)
        self._shared.place(first, starts, max(map(len, ids)), self._device)
        if begun:
            for place, row in enumerate(rows, first):
                self._shared.put(place, self._saved[row.prompt])
        hidden = self._behind(ids, starts)
        if self._keep and not begun:
            saved = self._shared.saved(first, [len(own) for own in ids])
            self._saved |= {row.prompt: tokens for row, tokens in zip(rows, saved, strict=True)}
        self.rows += rows
        return hidden

    def step(self) -> Tensor:
        """Hidden states (rows, width) behind the last token of each row."""
        starts = [self._read(row) for row in self.rows]
        self._shared.place(0, starts, 1, self._device)
        return self._behind([row.answer.written[-1:] for row in self.rows], starts)

    def leave(self, done: Callable[[Row], bool]) -> None:
        """Lets the rows go that have ended; `done` of one tells whether its prompt is done."""
        for row in self.rows:
            if row.answer.ended and done(row):
                self._saved.pop(row.prompt, None)
        staying = [i for i, row in enumerate(self.rows) if not row.answer.ended]
        free = sorted(set(range(len(staying))).difference(staying))
        moved = [i for i in staying if i >= len(staying)]
        if moved:
            self._shared.move(moved, free, max(self._read(self.rows[i]) for i in moved))
        for source, target in zip(moved, free, strict=True):
            self.rows[target] = self.rows[source]
        del self.rows[len(staying) :]

    def _read(self, row: Row) -> int:
        """Own tokens that it has read: all but the last one written."""
        return len(self._own[row.prompt]) + len(row.answer.written) - 1

    def _behind(self, ids: Sequence[list[int]], starts: Sequence[int]) -> Tensor:
        """The last hidden state of each row, of tokens that follow `starts` own ones."""
        lengths = torch.tensor([len(row) for row in ids])
        padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in ids], batch_first=True)
        # padding stays at its row's last position: behind it the model may have none
        steps = torch.arange(padded.shape[1]).minimum(lengths[:, None] - 1)
        positions = self._length + torch.tensor(starts)[:, None] + steps
        hidden = self._hidden(padded.to(self._device), positions.to(self._device), self._shared)
        return hidden[torch.arange(len(ids), device=self._device), (lengths - 1).to(self._device)]
