"""Documents of random tokens, to be copied: what is copied is told by nothing but where it stands.

A model that met names only as words learns to write words that it knows; of a name that it never met it writes half,
and then another. Where every token may follow every other, there is nothing to know. The prompt is that of a question,
so that what is learnt serves there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from t2q.prompt import render

SPECIAL = 3  # ids below are BOS, EOS and padding
_SEPARATORS = (", ", "\n", " ", ": ", ". ", "'")
_MARK = "\x00"


@dataclass(frozen=True)
class CopyingDocument:
    """Token ids: what stands before, and pairs of a question and its answer, without beginning and end."""

    prefix: list[int]
    pairs: list[tuple[list[int], list[int]]]


def copying_document(rng: random.Random, tokenizer: Tokenizer, number: int) -> CopyingDocument:
    """`number` pairs. A question is the beginning of a span of the prefix, and the answer the whole span; or it is a
    span that stands nowhere else, and the answer the same."""
    before, behind = (tokenizer.encode(part).ids for part in render("", _MARK).split(_MARK))
    separators = [tokenizer.encode(text).ids for text in _SEPARATORS]
    vocabulary = range(SPECIAL, tokenizer.get_vocab_size())
    spans = [rng.sample(vocabulary, rng.randint(2, 7)) for _ in range(rng.randint(10, 60))]
    prefix = [token for span in spans for token in (*span, *rng.choice(separators))]
    pairs = []
    for _ in range(number):
        answer = rng.choice(spans) if rng.random() < 0.6 else rng.sample(vocabulary, rng.randint(2, 12))
        asked: Sequence[int] = answer[: rng.randint(1, len(answer) - 1)] if answer in spans else answer
        pairs.append(([*before, *asked, *behind], answer))
    return CopyingDocument(prefix, pairs)
