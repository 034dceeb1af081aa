"""Answers that llama.cpp writes together, in one context: what their prompts begin with lies there once, in sequence 0,
and each answer has a sequence of its own that shares those cells. They join and leave at any time. What was read for
one stays, while there is room, for others to the same prompt, which go on from where they differ.

Flash attention is off: with shared cells it is slower on a CPU.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from t2q.errors import T2QError
from t2q.models.drafts import AT_ONCE, MOST, Drafts, worth_asking
from t2q.models.llama_file import LlamaFile, llama, native_error
from t2q.models.prefix import common_length
from t2q.models.writing import Writing

SEQUENCES = 16  # answers at once
STAYING = 16  # answers that were written and whose cells are kept
BATCH = 512  # tokens that one call computes


@dataclass(eq=False)
class Place:
    """Where an answer is written: its prompt, how much of that sequence 0 holds, what it has still to read, the
    position after all that was read, its sequence, and the tokens that it is guessed to go on with."""

    answer: Writing
    prompt: Sequence[int]
    shared: int
    unread: list[int]
    position: int
    sequence: int
    guessed: list[int]

    @property
    def cells(self) -> int:
        """How many it may come to take."""
        return len(self.prompt) - self.shared + self.answer.limit

    @property
    def read(self) -> list[int]:
        """What its sequence holds."""
        return [*self.prompt, *self.answer.written][: self.position]


class Sequences:
    """One context and the answers in it."""

    def __init__(self, file: LlamaFile) -> None:
        self._file = file
        self._context: Any = None
        self._memory: Any = None
        self._batch: Any = None
        self._cells = self._batch_tokens = 0
        self.prefix: list[int] = []  # what sequence 0 holds
        self.places: list[Place] = []
        self._staying: list[Place] = []  # whose answers have ended, the oldest first
        self._free: list[int] = []
        self.drafts: Drafts | None = None

    def reserve(self, cells: int, longest: int) -> None:
        """A context of at least so many cells that reads the longest prompt in one call; forgets all answers."""
        self._leave_all()
        batch = max(BATCH, longest + SEQUENCES) + AT_ONCE
        if self._context and cells <= self._cells and batch <= self._batch_tokens:
            return
        self.close()
        api = llama()
        parameters = api.llama_context_default_params()
        parameters.n_ctx = self._cells = -(-cells // 256) * 256
        parameters.n_batch = self._batch_tokens = batch
        parameters.n_ubatch = BATCH
        parameters.n_seq_max = 1 + SEQUENCES + STAYING
        parameters.kv_unified = True
        parameters.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        parameters.n_threads = parameters.n_threads_batch = _threads()
        self._context = api.llama_init_from_model(self._file.model, parameters)
        if not self._context:
            raise T2QError(f"llama.cpp cannot make room for {cells} tokens: {native_error()}")
        self._memory = api.llama_get_memory(self._context)
        self._batch = api.llama_batch_init(batch, 0, 1)

    def read_prefix(self, ids: list[int]) -> None:
        """Brings sequence 0 to hold exactly `ids`, computing only what it does not hold yet."""
        same = common_length(ids, self.prefix)
        llama().llama_memory_seq_rm(self._memory, 0, same, -1)
        for start in range(same, len(ids), BATCH):
            self._decode([(token, start + i, 0, False) for i, token in enumerate(ids[start : start + BATCH])])
        self.prefix = ids

    def state(self) -> memoryview:
        """What sequence 0 holds, as `restore` takes it."""
        data = bytearray(llama().llama_state_seq_get_size(self._context, 0))
        buffer = (ctypes.c_uint8 * len(data)).from_buffer(data)
        return memoryview(data)[: llama().llama_state_seq_get_data(self._context, buffer, len(data), 0)]

    def restore(self, state: memoryview, ids: list[int]) -> bool:
        """Brings sequence 0 to hold `ids` by what `state` gave for them; whether llama.cpp took it."""
        llama().llama_memory_seq_rm(self._memory, 0, 0, -1)
        buffer = (ctypes.c_uint8 * len(state)).from_buffer(state)
        taken = llama().llama_state_seq_set_data(self._context, buffer, len(state), 0) == len(state)
        self.prefix = ids if taken else []
        return taken

    def has_room(self, ids: Sequence[int], answer: Writing) -> bool:
        """Whether an answer to the prompt `ids` can join now."""
        unread = sum(len(place.unread) for place in self.places) + len(ids) - self._shared(ids) + len(answer.written)
        return len(self.places) < SEQUENCES and unread <= self._batch_tokens - AT_ONCE

    def join(self, ids: Sequence[int], answer: Writing) -> Place:
        """A place for an answer to the prompt `ids`; `has_room` must have said that there is one."""
        place = Place(answer, ids, self._shared(ids), [], 0, 0, [])
        self._make_room(place)
        text, place.sequence = [*ids, *answer.written], self._free.pop()
        others = [(common_length(text, other.read), other.sequence) for other in self._staying if other.prompt == ids]
        place.position, other = max([(place.shared, 0), *((min(same, len(text) - 1), at) for same, at in others)])
        place.unread = text[place.position :]
        llama().llama_memory_seq_cp(self._memory, other, place.sequence, 0, place.position)
        self.places.append(place)
        return place

    def _make_room(self, place: Place) -> None:
        """Forgets of what stayed as much as must be."""
        taken = len(self.prefix) + place.cells + sum(other.cells for other in self.places)
        staying = sum(other.position - other.shared for other in self._staying)
        while self._staying and (not self._free or taken + staying > self._cells):
            oldest = self._staying.pop(0)
            staying -= oldest.position - oldest.shared
            self._give_back(oldest)

    def forget(self, ids: Sequence[int]) -> None:
        """Nothing more is written to the prompt `ids`."""
        for place in [place for place in self._staying if place.prompt == ids]:
            self._staying.remove(place)
            self._give_back(place)

    def _shared(self, ids: Sequence[int]) -> int:
        """How many tokens of a prompt sequence 0 holds, leaving one of its own at least."""
        return min(common_length(ids, self.prefix), len(ids) - 1)

    def step(self) -> list[Place]:
        """At least one more token for each answer; those that have ended, whose places are free again."""
        if self.drafts:
            self._guess(self.drafts)
        items = []
        for place in self.places:
            new = len(place.unread)
            tokens = place.unread + place.guessed
            items += [(t, place.position + i, place.sequence, i >= new - 1) for i, t in enumerate(tokens)]
            place.position += new
        self._decode(items)
        rows = sum(1 + len(place.guessed) for place in self.places)
        logits = self._logits(rows)
        likeliest = logits.argmax(axis=1)
        best = logits[np.arange(rows), likeliest]
        totals = best + np.log(np.exp(logits - best[:, None]).sum(axis=1))
        row = 0
        for place in self.places:
            self._write(place, logits[row:], likeliest[row:], totals[row:])
            row += 1 + len(place.guessed)
            place.guessed = []
        ended = [place for place in self.places if place.answer.ended]
        for place in ended:
            self.places.remove(place)
            self._staying.append(place)
        return ended

    def _guess(self, drafts: Drafts) -> None:
        answers = [place.answer for place in self.places]
        guesses = [drafts.guess(a.written, min(MOST, a.limit - len(a.written) - 1)) for a in answers]
        asked = worth_asking(guesses, sum(len(place.unread) for place in self.places))
        for place, found, number in zip(self.places, guesses, asked, strict=True):
            place.guessed = [token for token, _ in found[:number]]

    def _write(self, place: Place, logits: np.ndarray, likeliest: np.ndarray, totals: np.ndarray) -> None:
        """Takes the next token, and others as long as those before them were guessed."""
        answer, right = place.answer, 0
        while True:
            token = answer.choose(int(likeliest[right]), logits[right], float(totals[right]))
            answer.add(token, float(logits[right, token]) - float(totals[right]), self._file.ends(token))
            if answer.ended or right == len(place.guessed) or token != place.guessed[right]:
                break
            right += 1
        place.position += right
        place.unread = [answer.written[-1]]
        if right < len(place.guessed):
            llama().llama_memory_seq_rm(self._memory, place.sequence, place.position, -1)

    def leave(self, place: Place) -> None:
        """Gives a place up, its answer whole or not."""
        self.places.remove(place)
        self._give_back(place)

    def _give_back(self, place: Place) -> None:
        llama().llama_memory_seq_rm(self._memory, place.sequence, -1, -1)
        self._free.append(place.sequence)

    def _leave_all(self) -> None:
        if self._context:
            for sequence in range(1, 1 + SEQUENCES + STAYING):
                llama().llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self.places, self._staying, self._free = [], [], list(range(SEQUENCES + STAYING, 0, -1))

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Logits after each token of one sequence, float32, shape (len(ids), n_vocab)."""
        self.reserve(len(ids), len(ids))
        self.read_prefix([])
        rows = []
        for start in range(0, len(ids), BATCH):
            part = list(ids[start : start + BATCH])
            self._decode([(token, start + i, 0, True) for i, token in enumerate(part)])
            rows.append(self._logits(len(part)).copy())
        llama().llama_memory_seq_rm(self._memory, 0, 0, -1)
        return np.concatenate(rows)

    def _decode(self, items: list[tuple[int, int, int, bool]]) -> None:
        """Computes tokens given as (token, position, sequence, logits wanted)."""
        batch = self._batch
        batch.n_tokens = len(items)
        for i, (token, position, sequence, wanted) in enumerate(items):
            batch.token[i] = token
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = wanted
        if llama().llama_decode(self._context, batch):
            raise T2QError(f"llama.cpp failed while answering: {native_error()}")

    def _logits(self, rows: int) -> np.ndarray:
        """The last call's logits, (rows, n_vocab), in the order in which they were wanted; overwritten by the next."""
        result: np.ndarray = np.ctypeslib.as_array(llama().llama_get_logits(self._context), (rows, self._file.n_vocab))
        return result

    def close(self) -> None:
        if self._context:
            llama().llama_batch_free(self._batch)
            llama().llama_free(self._context)
        self._context, self.prefix = None, []


def _threads() -> int:
    """As many as PyTorch would take: OMP_NUM_THREADS, else the cores this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
