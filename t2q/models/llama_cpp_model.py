"""A GGUF file as a model, through llama.cpp's low-level interface.

One context holds the shared prefix's cells once, in sequence 0. Up to `SEQUENCES` answers are written at once, each in
a sequence of its own that shares those cells; the next prompt takes an answer's place as soon as that one has ended.
Flash attention is off: with shared cells it is slower on a CPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from t2q.errors import T2QError
from t2q.guiding import Guided
from t2q.models.base import Completion, Then
from t2q.models.llama_file import LlamaFile, llama, native_error
from t2q.models.prefix import common_length, encode_prompts
from t2q.models.queue import Queue, Row

SEQUENCES = 16
BATCH = 512  # tokens that one call computes


@dataclass
class Answer:
    """A row with what it has still to read, the position of the next token, and its sequence."""

    row: Row
    unread: list[int]
    position: int
    sequence: int


class LlamaCppModel:
    """Greedy answers from a GGUF file. `max_length` is the context the model was trained for.

    Raises T2QError where the file cannot be loaded.
    """

    def __init__(self, path: Path) -> None:
        self._file = LlamaFile(path)
        self.n_vocab = self._file.n_vocab
        self.max_length = self._file.context_length
        self._context: Any = None
        self._memory: Any = None
        self._batch: Any = None
        self._cells = self._batch_tokens = 0
        self._prefix: list[int] = []  # what sequence 0 holds

    def encode(self, text: str) -> list[int]:
        return self._file.encode(text)

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int = 128,
        on_done: Callable[[int], None] | None = None,
        guide: Callable[[], Guided] | None = None,
        then: Then | None = None,
    ) -> list[Completion]:
        if not prompts:
            return []
        encoded = encode_prompts(self, prompts, max_new_tokens)
        shared = len(encoded.prefix)
        most = max(len(own) + limit for own, limit in zip(encoded.own, encoded.limits, strict=True))
        sequences = SEQUENCES if then else min(SEQUENCES, len(prompts))
        self._reserve(shared + sequences * most, shared + most)
        self._read_prefix(encoded.prefix)
        queue = Queue(encoded.limits, self._file.piece, self._file.decode, guide, then, on_done)
        free = list(range(sequences, 0, -1))
        active: list[Answer] = []
        while queue or active:
            room = self._batch_tokens - len(active)
            while queue and free:
                unread = encoded.own[queue.next().prompt] + queue.next().answer.written
                if len(unread) > room:
                    break
                room -= len(unread)
                [row] = queue.take()
                active.append(Answer(row, unread, shared, free.pop()))
                llama().llama_memory_seq_cp(self._memory, 0, active[-1].sequence, -1, -1)
            self._step(active)
            for answer in active:
                if answer.row.answer.ended:
                    llama().llama_memory_seq_rm(self._memory, answer.sequence, -1, -1)
                    free.append(answer.sequence)
                    queue.ended(answer.row)
            active = [answer for answer in active if not answer.row.answer.ended]
        return queue.completions()

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        self._reserve(len(ids), len(ids))
        self._forget(0)
        rows = []
        for start in range(0, len(ids), BATCH):
            part = list(ids[start : start + BATCH])
            self._decode([(token, start + i, 0, True) for i, token in enumerate(part)])
            rows.append(self._logits(len(part)).copy())
        self._forget(0)
        return np.concatenate(rows)

    def _step(self, active: list[Answer]) -> None:
        """One more token for each: from its last one, or from its prompt where it is new."""
        items = []
        for answer in active:
            last = len(answer.unread) - 1
            items += [(token, answer.position + i, answer.sequence, i == last) for i, token in enumerate(answer.unread)]
            answer.position += len(answer.unread)
        self._decode(items)
        logits = self._logits(len(active))
        likeliest = logits.argmax(axis=1)
        best = logits[np.arange(len(active)), likeliest]
        totals = best + np.log(np.exp(logits - best[:, None]).sum(axis=1))
        for answer, top, row, total in zip(active, likeliest.tolist(), logits, totals.tolist(), strict=True):
            token = answer.row.answer.choose(top, row, total)
            answer.unread = [token]
            answer.row.answer.add(token, float(row[token]) - total, self._file.ends(token))

    def _read_prefix(self, ids: list[int]) -> None:
        """Brings sequence 0 to hold exactly `ids`, computing only what it does not hold yet."""
        same = common_length(ids, self._prefix)
        self._forget(same)
        for start in range(same, len(ids), BATCH):
            self._decode([(token, start + i, 0, False) for i, token in enumerate(ids[start : start + BATCH])])
        self._prefix = ids

    def _forget(self, kept: int) -> None:
        """Leaves the first `kept` tokens of sequence 0, and no other sequence."""
        for sequence in range(1, SEQUENCES + 1):
            llama().llama_memory_seq_rm(self._memory, sequence, -1, -1)
        llama().llama_memory_seq_rm(self._memory, 0, kept, -1)
        self._prefix = self._prefix[:kept]

    def _reserve(self, cells: int, longest: int) -> None:
        """A context of at least so many cells that reads the longest prompt in one call."""
        batch = max(BATCH, longest + SEQUENCES)
        if self._context and cells <= self._cells and batch <= self._batch_tokens:
            return
        self._free()
        api = llama()
        parameters = api.llama_context_default_params()
        parameters.n_ctx = self._cells = -(-cells // 256) * 256
        parameters.n_batch = self._batch_tokens = batch
        parameters.n_ubatch = BATCH
        parameters.n_seq_max = SEQUENCES + 1
        parameters.kv_unified = True
        parameters.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        parameters.n_threads = parameters.n_threads_batch = _threads()
        self._context = api.llama_init_from_model(self._file.model, parameters)
        if not self._context:
            raise T2QError(f"llama.cpp cannot make room for {cells} tokens: {native_error()}")
        self._memory = api.llama_get_memory(self._context)
        self._batch = api.llama_batch_init(batch, 0, 1)

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
        result: np.ndarray = np.ctypeslib.as_array(llama().llama_get_logits(self._context), (rows, self.n_vocab))
        return result

    def _free(self) -> None:
        if self._context:
            llama().llama_batch_free(self._batch)
            llama().llama_free(self._context)
        self._context, self._prefix = None, []

    def close(self) -> None:
        self._free()
        self._file.close()

    def __enter__(self) -> LlamaCppModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _threads() -> int:
    """As many as PyTorch would take: OMP_NUM_THREADS, else the cores this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
