"""Documents to copy from, where what is copied is told by nothing but where it stands.

A model that met names only as words learns to write words that it knows; of a name that it never met it writes half,
and then another. Where every token may follow every other, there is nothing to know. The prompt is that of a question,
so that what is learnt serves there. Two kinds:

- spans of random tokens. Where few tokens make them all, each stands in many spans, and only two or three together tell
  which span goes on: by the last one alone a copy jumps from one span into another, or round in a circle.
- names of made-up words in one spelling, asked for by their words: the pieces of `TOMB_ID` are not those of "tomb id".
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from t2q.data.names import plural
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.schemas import Style
from t2q.prompt import render

SPECIAL = 3  # ids below are BOS, EOS and padding
SPELT_SHARE = 0.4  # of documents
POOLS = (None, None, 300, 80, 40, 20)  # of how many tokens the spans are made; None: of all there are
_SEPARATORS = (", ", "\n", " ", ": ", ". ", "'")
_MARK = "\x00"

_Ids = list[int]


@dataclass(frozen=True)
class CopyingDocument:
    """Token ids: what stands before, and pairs of a question and its answer, without beginning and end."""

    prefix: _Ids
    pairs: list[tuple[_Ids, _Ids]]


def copying_document(rng: random.Random, tokenizer: Tokenizer, number: int) -> CopyingDocument:
    """`number` pairs about one text to copy from."""
    make = _names if rng.random() < SPELT_SHARE else _spans
    prefix, draw = make(rng, tokenizer)
    before, behind = (tokenizer.encode(part).ids for part in render("", _MARK).split(_MARK))
    asked = (draw() for _ in range(number))
    return CopyingDocument(prefix, [([*before, *question, *behind], answer) for question, answer in asked])


def _listed(parts: Sequence[_Ids], rng: random.Random, tokenizer: Tokenizer) -> _Ids:
    """One after another, each with a separator behind it."""
    separators = [tokenizer.encode(text).ids for text in _SEPARATORS]
    return [token for part in parts for token in (*part, *rng.choice(separators))]


def _spans(rng: random.Random, tokenizer: Tokenizer) -> tuple[_Ids, Callable[[], tuple[_Ids, _Ids]]]:
    """A question is as much of a span's beginning as no other has, and the answer the whole span; or it is a span that
    stands nowhere else, and the answer the same."""
    vocabulary: Sequence[int] = range(SPECIAL, tokenizer.get_vocab_size())
    pool = rng.choice(POOLS)
    if pool:
        vocabulary = rng.sample(vocabulary, pool)
    spans = [rng.sample(vocabulary, rng.randint(2, 7)) for _ in range(rng.randint(10, 60))]
    prefix = _listed(spans, rng, tokenizer)

    def telling(span: _Ids) -> int:
        """How many of its first tokens tell it from every other."""
        others = [other for other in spans if other is not span]
        return next((n for n in range(1, len(span)) if all(o[:n] != span[:n] for o in others)), len(span))

    def draw() -> tuple[_Ids, _Ids]:
        if rng.random() < 0.6:
            span = rng.choice(spans)
            if (least := telling(span)) < len(span):
                return span[: rng.randint(least, len(span) - 1)], span
        other = rng.sample(vocabulary, rng.randint(2, 12))
        return other, other

    return prefix, draw


def _names(rng: random.Random, tokenizer: Tokenizer) -> tuple[_Ids, Callable[[], tuple[_Ids, _Ids]]]:
    """A question is the words of a name, of one or of many, and the answer the name as it is spelt."""
    inventor, style = Inventor(rng), Style(rng)
    known = {inventor.noun() for _ in range(rng.randint(8, 40))}
    spelt = {words: style.table(words) for words in sorted(known)}
    shown = list(spelt.values())
    rng.shuffle(shown)
    prefix = _listed([tokenizer.encode(name).ids for name in shown], rng, tokenizer)

    def draw() -> tuple[_Ids, _Ids]:
        words = rng.choice(list(spelt))
        asked = plural(words) if rng.random() < 0.5 else words
        return tokenizer.encode(asked).ids, tokenizer.encode(spelt[words]).ids

    return prefix, draw
