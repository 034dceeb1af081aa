"""Greedy batched answers with PyTorch, for LitGPT checkpoints and Hugging Face folders alike.

A batch is the shared prefix, computed once, and rows that go on from it. Rows that have ended leave the batch, and
others join it, several at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

from t2q.guiding import Guided
from t2q.models.base import Completion, Then
from t2q.models.batch import Batch
from t2q.models.prefix import common_length, common_prefix, encode_prompts
from t2q.models.queue import Queue, Row
from t2q.models.shared_attention import SharedPrefix
from t2q.models.tokenizer import FolderTokenizer

CACHE_BYTES = {"cpu": 512 << 20, "cuda": 4 << 30}  # keys, values, scores and logits of the rows of one batch
MAX_ROWS = 256
FULL = 0.75  # of the rows: then no others join before some have ended, since reading few costs nearly what many cost
KEPT_SHARE = 0.75  # of a prefix that the last call has left: the rest is read with each row


def device_and_dtype(device: str) -> tuple[torch.device, torch.dtype]:
    """bf16 on a GPU; float32 on a CPU, where bf16 can be several times slower."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device), torch.float32 if device == "cpu" else torch.bfloat16


class TorchModel(ABC):
    """What LitGPTModel and HFModel share. They give the network; this class gives the answers."""

    def __init__(
        self, folder: Path, device: torch.device, n_vocab: int, max_length: int, heads: int, token_bytes: int
    ) -> None:
        """`heads`: query heads. `token_bytes`: the keys and values of one token, all layers."""
        self.tokenizer = FolderTokenizer(folder)
        self.device = device
        self.n_vocab = n_vocab
        self.max_length = max_length
        self._heads = heads
        self._token_bytes = token_bytes
        self._kept = SharedPrefix()
        self._prefix: list[int] = []  # what it holds

    @abstractmethod
    def _hidden(self, ids: Tensor, positions: Tensor, shared: SharedPrefix) -> Tensor:
        """Final hidden states (rows, new, width) of new tokens; ids and positions have the shape (rows, new)."""

    @abstractmethod
    def _head(self, hidden: Tensor) -> Tensor:
        """Logits (rows, n_vocab) of hidden states (rows, width)."""

    @abstractmethod
    def _plain_logits(self, ids: Tensor) -> Tensor:
        """Logits (1, tokens, n_vocab) of ids (1, tokens), by the library's own forward pass."""

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text)

    @torch.inference_mode()
    def logits(self, ids: Sequence[int]) -> np.ndarray:
        result: np.ndarray = self._plain_logits(torch.tensor([list(ids)], device=self.device))[0].float().cpu().numpy()
        return result

    @torch.inference_mode()
    def feed(self, texts: Sequence[str]) -> int:
        """Runs the texts through the layers, what they begin with in common once. Returns the number of tokens."""
        encoded = [self.encode(text) for text in texts]
        length, shared = common_prefix(encoded), SharedPrefix()
        if length:
            self._read_row(encoded[0][:length], shared)
        for ids in encoded:
            shared.open_rows(1, len(ids) - length)
            shared.place(0, [0], len(ids) - length, self.device)
            self._read_row(ids[length:], shared, length)
        return length + sum(len(ids) - length for ids in encoded)

    @torch.inference_mode()
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
        length = self._read_prefix(encoded.prefix)
        own = [encoded.prefix[length:] + ids for ids in encoded.own]
        longest = max(map(len, own))
        size = self._batch_size(length, longest, max_new_tokens)
        readable = self._readable(length, longest, max_new_tokens)
        queue = Queue(encoded.limits, self.tokenizer.piece, self.tokenizer.decode, guide, then, on_done)
        batch = Batch(self._hidden, self.device, self._kept, length, own, keep=then is not None)
        self._kept.open_rows(size, longest + max_new_tokens)
        try:
            while queue or batch.rows:
                if queue and len(batch.rows) <= FULL * size:
                    joining = queue.take(min(size - len(batch.rows), readable))
                    self._write(joining, batch.join(joining))
                else:
                    self._write(batch.rows, batch.step())
                batch.leave(queue.ended)
        finally:
            self._kept.close_rows()
        return queue.completions()

    def _read_prefix(self, ids: list[int]) -> int:
        """How many of `ids` the shared part holds now: what was left there, where that is most of them, or all."""
        same = common_length(ids, self._prefix)
        if same < KEPT_SHARE * len(ids):
            same, self._kept, self._prefix = len(ids), SharedPrefix(), []  # known only once it is read
            self._read_row(ids, self._kept)
        self._prefix = ids[:same]
        self._kept.shorten(same)
        return same

    def _read_row(self, ids: list[int], shared: SharedPrefix, start: int = 0) -> None:
        """Reads tokens, of which the first has the position `start`, into the prefix or the row that was placed."""
        positions = torch.arange(start, start + len(ids), device=self.device)[None]
        self._hidden(torch.tensor([ids], device=self.device), positions, shared)

    def _write(self, rows: list[Row], hidden: Tensor) -> None:
        """Adds a token to each row, of hidden states (rows, width)."""
        logits = self._head(hidden).float()
        totals = logits.logsumexp(dim=-1)
        tokens = logits.argmax(dim=-1)
        if any(row.answer.guide for row in rows):
            scores, likeliest, sums = logits.cpu().numpy(), tokens.tolist(), totals.tolist()
            chosen = [row.answer.choose(likeliest[i], scores[i], sums[i]) for i, row in enumerate(rows)]
            tokens = torch.tensor(chosen, device=self.device)
        logprobs = logits.gather(-1, tokens[:, None])[:, 0] - totals
        for row, token, logprob in zip(rows, tokens.tolist(), logprobs.tolist(), strict=True):
            row.answer.add(token, logprob, token in self.tokenizer.eos_ids)

    def _batch_size(self, shared: int, own: int, new: int) -> int:
        """Rows that fit the budget: keys and values, float32 logits twice, and the scores of one layer's prompt."""
        scores = 8 * self._heads * own * (shared + own)
        return self._rows(self._token_bytes * (own + new) + 8 * self.n_vocab + scores)

    def _readable(self, shared: int, own: int, new: int) -> int:
        """Rows whose scores fit it when all of a prompt's or a begun answer's tokens are read at once."""
        return self._rows(8 * self._heads * max(own, new) * (shared + own + new))

    def _rows(self, row_bytes: int) -> int:
        return max(1, min(MAX_ROWS, CACHE_BYTES["cpu" if self.device.type == "cpu" else "cuda"] // row_bytes))

    @abstractmethod
    def close(self) -> None:
        """Lets the weights go."""

    def __enter__(self) -> TorchModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
