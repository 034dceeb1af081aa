"""A GGUF file as a model, through llama.cpp's low-level interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from t2q.guiding import Guided
from t2q.models.base import Completion, Then
from t2q.models.llama_file import LlamaFile
from t2q.models.llama_sequences import SEQUENCES, Sequences
from t2q.models.prefix import encode_prompts
from t2q.models.queue import Queue, Row


class LlamaCppModel:
    """Greedy answers from a GGUF file. `max_length` is the context the model was trained for.

    Raises T2QError where the file cannot be loaded.
    """

    def __init__(self, path: Path) -> None:
        self.file = LlamaFile(path)
        self.sequences = Sequences(self.file)
        self.n_vocab = self.file.n_vocab
        self.max_length = self.file.context_length

    def encode(self, text: str) -> list[int]:
        return self.file.encode(text)

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
        together = SEQUENCES if then else min(SEQUENCES, len(prompts))
        self.sequences.reserve(shared + together * most, shared + most)
        self.sequences.read_prefix(encoded.prefix)
        queue = Queue(encoded.limits, self.file.piece, self.file.decode, guide, then, on_done)
        prompts_ids = [encoded.prefix + own for own in encoded.own]
        rows: dict[int, Row] = {}
        while queue or rows:
            while queue and self.sequences.has_room(prompts_ids[queue.next().prompt], queue.next().answer):
                [row] = queue.take()
                rows[id(row.answer)] = row
                self.sequences.join(prompts_ids[row.prompt], row.answer)
            for place in self.sequences.step():
                if queue.ended(rows.pop(id(place.answer))):
                    self.sequences.forget(place.prompt)
        return queue.completions()

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        return self.sequences.logits(ids)

    def close(self) -> None:
        self.sequences.close()
        self.file.close()

    def __enter__(self) -> LlamaCppModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
