"""The pretraining corpus: documents of one schema and several pairs, packed into rows of equal length.

A document's prefix is the database text of the prompt contract, its pairs are asked about that schema alone. Rows are
made in parallel, each from a seed of its own, so that row n is the same however many processes made it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from t2q.data.intents import sample
from t2q.data.model import ask_model
from t2q.data.pairs import Pair, answer_text, render
from t2q.data.sampling import Draft, Sampler
from t2q.data.unanswerable import Unanswerable
from t2q.data.wording import Wording
from t2q.languages import language_for
from t2q.pretrain.copying import copying_document
from t2q.pretrain.tokenizer import BOS, EOS, PAD
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.real_sources import NONE, RealSources
from t2q.pretrain.worlds.schemas import as_graph, as_tables
from t2q.prompt import database_text
from t2q.prompt import render as render_prompt
from t2q.schema import Schema, Value

UNANSWERABLE_SHARE = 0.14
MADE_FOR_REAL = 3  # pairs about a real schema beside its own
COPYING_SHARE = 0.12  # of documents
TABLES_SHARE = 0.6  # of made-up schemas; the others are graphs, whose paths are learnt sooner than joins
PAIRS = (8, 14, 20, 28)  # a document, at most: what is asked counts, and the schema is read once
DRAWN_AGAIN = 0.7  # of questions about one entity: those about several are learnt last
SHOWN_SHARE = 0.5  # of values that are asked about
QUESTION, ANSWER = 1, 2  # what a token belongs to; 0: schema or padding


@dataclass(frozen=True)
class Document:
    """A schema, the values to ask for (by entity and field), its text in the prompt, and pairs about it."""

    schema: Schema
    values: Mapping[tuple[str, str], Sequence[Value]]
    database: str
    pairs: list[Pair]

    @property
    def dialect(self) -> str:
        return self.schema.dialect


def make_document(rng: random.Random, number: int, split: str = "train", real: RealSources = NONE) -> Document:
    """A made-up schema, as tables or as a graph, with `number` pairs in the split's wordings.

    Where there are real questions, a share of the schemas is one of theirs, with those questions and a few made ones;
    and things in the made-up ones are called by names that real things have.
    """
    inventor = Inventor(rng, real.names, real.columns)
    if world := real.draw(rng, inventor, number):
        schema, stored_values, pairs = world.schema, world.values, world.pairs
        number = len(pairs) + MADE_FOR_REAL
    else:
        blueprint = inventor.blueprint()
        schema = as_tables(blueprint, rng) if rng.random() < TABLES_SHARE else as_graph(blueprint, rng)
        stored_values, pairs = blueprint.values, []
    model = ask_model(schema)
    language = language_for(schema.dialect)
    shown = {(e.name, f.name): f.samples for e in schema.entities for f in e.fields if f.type == "text"}

    def values(entity: str, name: str) -> Sequence[Value]:
        """Often those that the schema shows: a value alone tells which entity is meant only by standing there."""
        stored = stored_values.get((entity, name), ())
        return shown.get((entity, name)) or stored if rng.random() < SHOWN_SHARE else stored

    sampler = Sampler(model, values, rng)
    wording, unanswerable = Wording(split, rng), Unanswerable(sampler, split)
    while len(pairs) < number:
        if rng.random() < UNANSWERABLE_SHARE:
            pairs.append(unanswerable.pair())
        elif draft := _draft(sampler):
            worded = wording.question(draft)
            pairs.append(Pair(worded.question, render(draft, model, language), draft.intent, worded.wording))
    rng.shuffle(pairs)
    return Document(schema, stored_values, database_text(schema, samples=rng.choice((3, 3, 3, 2, 1, 0))), pairs)


def _draft(sampler: Sampler) -> Draft | None:
    draft = sample(sampler)
    alone = draft and not (draft.query.steps or draft.query.missing)
    return sample(sampler) if alone and sampler.rng.random() < DRAWN_AGAIN else draft


def sample_texts(seed: int, number: int, sources: tuple[str, str] = ("", "")) -> Iterator[str]:
    """Whole documents as text, to train a tokenizer on."""
    rng, real = random.Random(seed), _real(*sources)
    for _ in range(number):
        document = make_document(rng, 8, real=real)
        yield document.database
        for pair in document.pairs:
            yield render_prompt("", pair.question) + answer_text(pair)


@cache
def _tokenizer(path: str) -> Tokenizer:
    tokenizer = Tokenizer.from_file(path)
    tokenizer.encode_special_tokens = True  # text that spells an end token stays text
    tokenizer.post_processor = TemplateProcessing(single="$A")  # an exported one begins every text anew
    return tokenizer


class _Row:
    """A row being filled: ids, document, pair, position and role of each token."""

    def __init__(self, length: int, pad: int) -> None:
        self.arrays = np.zeros((5, length), np.int32)
        self.arrays[0] = pad
        self.arrays[1] = -1
        self.used = 0

    def add(self, ids: list[int], document: int, pair: int, start: int, roles: list[int]) -> None:
        at = slice(self.used, self.used + len(ids))
        self.arrays[:, at] = [ids, [document] * len(ids), [pair] * len(ids), range(start, start + len(ids)), roles]
        self.used += len(ids)


@cache
def _real(wikisql: str, text2cypher: str) -> RealSources:
    return RealSources.read(wikisql, text2cypher)


_Ids = list[int]


def _encoded(rng: random.Random, tokenizer: Tokenizer, real: RealSources) -> tuple[_Ids, Sequence[tuple[_Ids, _Ids]]]:
    """A document's prefix, and its questions with their answers, as token ids."""
    document = make_document(rng, rng.choice(PAIRS), real=real)
    pairs = [
        (tokenizer.encode(render_prompt("", pair.question)).ids, tokenizer.encode(answer_text(pair)).ids)
        for pair in document.pairs
    ]
    return tokenizer.encode(document.database).ids, pairs


def _copying(rng: random.Random, tokenizer: Tokenizer, _: RealSources) -> tuple[_Ids, Sequence[tuple[_Ids, _Ids]]]:
    document = copying_document(rng, tokenizer, rng.choice(PAIRS))
    return document.prefix, document.pairs


def _fill(arguments: tuple[str, tuple[str, str], int, int]) -> np.ndarray:
    """Row number `seed` of length `length`, shape (5, length), int32."""
    path, sources, seed, length = arguments
    tokenizer, rng, real = _tokenizer(path), random.Random(seed), _real(*sources)
    bos, eos, pad = (tokenizer.token_to_id(t) for t in (BOS, EOS, PAD))
    row = _Row(length, pad)
    document_number = 0
    while length - row.used > 200:
        copying = rng.random() < COPYING_SHARE
        prefix, asked = (_copying if copying else _encoded)(rng, tokenizer, real)
        if len(prefix) + 1 > length * 0.75:
            continue
        room = length - row.used - len(prefix) - 1
        pairs = []
        for question, answer in asked:
            if len(question) + len(answer) + 1 > room:
                break
            room -= len(question) + len(answer) + 1
            pairs.append((question, [*answer, eos]))
        if not pairs:
            break
        row.add([bos, *prefix], document_number, 0, 0, [0] * (len(prefix) + 1))
        for number, (question, answer) in enumerate(pairs, 1):
            roles = [QUESTION] * (0 if copying else len(question)) + [ANSWER] * len(answer)
            roles = [0] * (len(question) + len(answer) - len(roles)) + roles
            row.add(question + answer, document_number, number, len(prefix) + 1, roles)
        document_number += 1
    return row.arrays


def make_rows(
    tokenizer: Path,
    seed: int,
    first: int,
    number: int,
    length: int,
    processes: int,
    sources: tuple[str, str] = ("", ""),
) -> np.ndarray:
    """Rows `first` to `first + number` of the corpus of this seed, shape (number, 5, length), int32.

    The five planes: token ids, document (-1: padding), pair (0: the schema), position, role.
    `sources`: the paths that `RealSources.read` takes, of real questions to mix in.
    """
    tasks = [(str(tokenizer), sources, seed * 1_000_003 + first + i, length) for i in range(number)]
    if processes == 1:
        return np.stack([_fill(task) for task in tasks])
    with ProcessPoolExecutor(processes) as pool:
        return np.stack(list(pool.map(_fill, tasks, chunksize=16)))
