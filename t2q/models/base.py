"""What evaluation, parity gates and answering ask of a model, whatever file it is loaded from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np

from t2q.guiding import Guided


@dataclass(frozen=True)
class Turn:
    """Another way that an answer could have gone: its first tokens, and the sum of their log probabilities.

    An answer that begins so is given up, unfinished, once it is less likely than `least`.
    """

    tokens: tuple[int, ...]
    logprob: float
    least: float = -math.inf


@dataclass(frozen=True)
class Completion:
    """A greedy answer. `finished`: the model wrote its end token (else it was cut at the length limit).

    `logprob` is the sum of the natural log probabilities of the written tokens, end token included, `tokens` their
    number. `turns`: where a guided query could have gone another way. `refuted`: the refusal for which the model was
    asked again, since the schema has what it said was not there.
    """

    text: str
    tokens: int
    logprob: float
    finished: bool
    turns: tuple[Turn, ...] = ()
    refuted: str = ""


Then = Callable[[int, Completion], Sequence[Turn]]


class Model(Protocol):
    """A loaded model. Three implementations: LitGPT checkpoint, Hugging Face folder, GGUF file."""

    n_vocab: int
    max_length: int  # tokens, prompt and answer together

    def encode(self, text: str) -> list[int]:
        """Token ids of a prompt, with the beginning token where the model wants one."""
        ...

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int = 128,
        on_done: Callable[[int], None] | None = None,
        guide: Callable[[], Guided] | None = None,
        then: Then | None = None,
    ) -> list[Completion]:
        """Greedy answers in the order of the prompts, each within what a guide of its own (`guide()`) allows.

        `then(number, completion)` is told each answer as soon as it is whole, and says which others to write for the
        same prompt, by how they begin; it is told those as well, and they do not come back from here.
        Prompts are answered in batches; the tokens that all of them begin with are computed once. `on_done(n)` is
        called with the number of prompts for which all is written since the last call. Raises ValueError on a prompt
        that leaves no room for an answer.
        """
        ...

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Logits after each token of one sequence, float32, shape (len(ids), n_vocab)."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Model: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
