"""Greedy batched answers with PyTorch, for LitGPT checkpoints and Hugging Face folders alike.

A batch is the shared prefix, computed once, and rows that go on from it. Rows that have ended leave the batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

from t2q.guiding import Guided
from t2q.models.base import Completion, Turn
from t2q.models.prefix import common_length, common_prefix, encode_prompts
from t2q.models.shared_attention import SharedPrefix
from t2q.models.tokenizer import FolderTokenizer
from t2q.models.writing import Writing, begin_answers

CACHE_BYTES = {"cpu": 512 << 20, "cuda": 4 << 30}  # keys, values, scores and logits of the rows of one batch
MAX_ROWS = 256
KEPT_SHARE = 0.75  # of a prefix that the last call has left: the rest is read with each row


@dataclass(frozen=True)
class Row:
    """One prompt's own tokens and its answer."""

    ids: list[int]
    answer: Writing


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
        parts = [(encoded[0][:length], 0), *((ids[length:], length) for ids in encoded)]
        for ids, start in parts:
            if ids:
                row = torch.tensor([ids], device=self.device)
                self._hidden(row, torch.arange(start, start + len(ids), device=self.device)[None], shared)
        return sum(len(ids) for ids, _ in parts)

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int = 128,
        on_done: Callable[[int], None] | None = None,
        guide: Callable[[], Guided] | None = None,
        begun: Sequence[Turn] | None = None,
    ) -> list[Completion]:
        encoded = encode_prompts(self, prompts, max_new_tokens)
        length = self._read_prefix(encoded.prefix)
        answers = begin_answers(encoded.limits, self.tokenizer.piece, guide, begun)
        rows = [
            Row(encoded.prefix[length:] + own + answer.written, answer)
            for own, answer in zip(encoded.own, answers, strict=True)
            if not answer.ended
        ]
        rows.sort(key=lambda row: len(row.ids))
        size = self._batch_size(length, max((len(row.ids) for row in rows), default=1), max_new_tokens)
        for start in range(0, len(rows), size):
            self._answer(rows[start : start + size], length, on_done or (lambda _: None))
        self._kept.close_rows()
        return [answer.completion(self.tokenizer.decode) for answer in answers]

    def _read_prefix(self, ids: list[int]) -> int:
        """How many of `ids` the shared part holds now: what was left there, where that is most of them, or all."""
        same = common_length(ids, self._prefix)
        if same < KEPT_SHARE * len(ids):
            same, self._kept, self._prefix = len(ids), SharedPrefix(), []  # known only once it is read
            row = torch.tensor([ids], device=self.device)
            self._hidden(row, torch.arange(same, device=self.device)[None], self._kept)
        self._kept.shorten(same)
        self._prefix = ids[:same]
        return same

    def _answer(self, rows: list[Row], length: int, on_done: Callable[[int], None]) -> None:
        """Writes the answers of one batch into its rows."""
        shared = self._kept
        lengths = torch.tensor([len(row.ids) for row in rows], device=self.device)
        width = len(rows[-1].ids)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)] = torch.tensor(row.ids)
        positions = length + torch.arange(width, device=self.device).expand(len(rows), -1)
        shared.open_rows(lengths, width, width + max(row.answer.limit for row in rows))
        hidden = self._hidden(ids.to(self.device), positions, shared)
        hidden = hidden[torch.arange(len(rows), device=self.device), lengths - 1]
        shared.advance(width)
        active = list(range(len(rows)))  # the batch's row that each row of the tensors belongs to
        positions = (length + lengths)[:, None]
        while True:
            logits = self._head(hidden).float()
            tokens = self._choose([rows[i] for i in active], logits)
            logprobs = logits.gather(-1, tokens[:, None])[:, 0] - logits.logsumexp(dim=-1)
            if done := self._record([rows[i] for i in active], tokens.tolist(), logprobs.tolist()):
                on_done(done)
            remaining = [i for i, row in enumerate(active) if not rows[row].answer.ended]
            if not remaining:
                return
            if len(remaining) <= 0.75 * len(active):
                kept = torch.tensor(remaining, device=self.device)
                shared.keep_rows(kept)
                tokens, positions = tokens[kept], positions[kept]
                active = [active[i] for i in remaining]
            hidden = self._hidden(tokens[:, None], positions, shared)[:, 0]
            shared.advance(1)
            positions = positions + 1

    def _choose(self, rows: list[Row], logits: Tensor) -> Tensor:
        """Each row's next token, of logits (rows, n_vocab); that of a row that has ended means nothing."""
        likeliest = logits.argmax(dim=-1)
        if all(row.answer.guide is None for row in rows):
            return likeliest
        scores = logits.cpu().numpy()
        chosen = [
            token if row.answer.ended else row.answer.choose(token, scores[i])
            for i, (row, token) in enumerate(zip(rows, likeliest.tolist(), strict=True))
        ]
        return torch.tensor(chosen, device=self.device)

    def _record(self, rows: list[Row], tokens: list[int], logprobs: list[float]) -> int:
        """Adds a token to each row that has not ended; the number of rows that end with it."""
        done = 0
        for row, token, logprob in zip(rows, tokens, logprobs, strict=True):
            if not row.answer.ended:
                row.answer.add(token, logprob, token in self.tokenizer.eos_ids)
                done += row.answer.ended
        return done

    def _batch_size(self, shared: int, own: int, new: int) -> int:
        """Rows that fit the budget: keys and values, float32 logits twice, and the scores of one layer's prompt."""
        scores = 8 * self._heads * own * (shared + own)
        row = self._token_bytes * (own + new) + 8 * self.n_vocab + scores
        return max(1, min(MAX_ROWS, CACHE_BYTES["cpu" if self.device.type == "cpu" else "cuda"] // row))

    @abstractmethod
    def close(self) -> None:
        """Lets the weights go."""

    def __enter__(self) -> TorchModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
