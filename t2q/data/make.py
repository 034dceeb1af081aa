"""Makes pairs for a database: sampled, executed, triaged, worded, and split so that the test is new to the model.

No query (with its values, in normal form) is in two splits, and no wording is: wordings belong to one split each.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from t2q.data.intents import PLAIN, sample
from t2q.data.model import Model, ask_model
from t2q.data.pairs import Pair, folded, render
from t2q.data.sampling import Sampler
from t2q.data.triage import Triage
from t2q.data.unanswerable import Unanswerable
from t2q.data.wording import SPLITS, Wording
from t2q.databases.base import Database
from t2q.errors import DatabaseError
from t2q.schema import Schema, Value

WORDINGS_PER_QUERY = 2  # in training; elsewhere a query is asked once
# A database has few queries without a condition, and people ask them first: with as few questions as the others they
# would be outnumbered by short questions about what is not there, and declined like those.
WORDINGS_PER_PLAIN_QUERY = 8
_TRIES_PER_PAIR = 60


@dataclass(frozen=True)
class Made:
    """Pairs by split, and what triage saw on the way."""

    pairs: dict[str, list[Pair]]
    triage: Triage


def make_pairs(
    database: Database,
    schema: Schema,
    answerable: dict[str, int],
    unanswerable: dict[str, int],
    seed: int,
    on_pair: Callable[[], None] = lambda: None,
    given: Iterable[tuple[str, Pair]] = (),
) -> Made:
    """The wanted numbers of pairs by split (fewer where the database offers no more questions that differ).

    `given` pairs, each with its split, come on top where their queries run; no made pair in another split repeats one.
    Raises DatabaseError where the database offers no question at all.
    """
    if not any(entity.rows for entity in schema.entities):
        raise DatabaseError(f"{database.url} holds no rows: questions are made from what is stored, so fill it first")
    rng = random.Random(seed)
    model = ask_model(schema)

    @cache
    def values(entity: str, name: str) -> tuple[Value, ...]:
        return tuple(database.values(entity, name))

    maker = _Maker(database, model, Sampler(model, values, rng), rng, on_pair)
    maker.given(given)
    maker.answerable({split: number + len(maker.pairs[split]) for split, number in answerable.items()})
    if not any(maker.pairs.values()):
        first = maker.triage.errors[0]["error"] if maker.triage.errors else "it holds too little data"
        raise DatabaseError(f"no question can be made from {database.url}: {first}")
    maker.unanswerable(unanswerable)
    for split in SPLITS:
        rng.shuffle(maker.pairs[split])
    return Made(maker.pairs, maker.triage)


class _Maker:
    def __init__(
        self, database: Database, model: Model, sampler: Sampler, rng: random.Random, on_pair: Callable[[], None]
    ) -> None:
        self.database, self.model, self.sampler, self.rng, self.on_pair = database, model, sampler, rng, on_pair
        self.pairs: dict[str, list[Pair]] = {split: [] for split in SPLITS}
        self.triage = Triage()
        self.questions: set[str] = set()
        self.split_of: dict[str, str] = {}  # by query in normal form
        self.times_asked: dict[str, int] = {}

    def answerable(self, wanted: dict[str, int]) -> None:
        wording = {split: Wording(split, self.rng) for split in SPLITS}
        failed: set[str] = set()
        for _ in range(sum(wanted.values()) * _TRIES_PER_PAIR):
            open_splits = [s for s in SPLITS if len(self.pairs[s]) < wanted[s]]
            if not open_splits:
                return
            draft = sample(self.sampler)
            if draft is None:
                continue
            query = render(draft, self.model, self.database.language)
            key = self.database.language.normalize(query)
            weights = [wanted[s] - len(self.pairs[s]) for s in open_splits]
            split = self.split_of.get(key) or self.rng.choices(open_splits, weights)[0]
            plain = draft.intent in PLAIN
            most = 1 if split != "train" else WORDINGS_PER_PLAIN_QUERY if plain else WORDINGS_PER_QUERY
            if key in failed or split not in open_splits or self.times_asked.get(key, 0) >= most:
                continue
            if key not in self.split_of and self.triage.judge(draft, query, self.model, self.database) != "pass":
                failed.add(key)
                continue
            self.split_of[key] = split
            worded = wording[split].question(draft)
            if self.add(split, Pair(worded.question, query, draft.intent, worded.wording)):
                self.times_asked[key] = self.times_asked.get(key, 0) + 1

    def given(self, pairs: Iterable[tuple[str, Pair]]) -> None:
        """Those whose queries run. All pairs of one query go where its first one goes."""
        language = self.database.language
        for split, pair in pairs:
            if pair.answerable:
                if self.triage.try_given(pair.query, self.model.schema, self.database) != "pass":
                    continue
                first = self.split_of.setdefault(language.normalize(pair.query), split)
                self.triage.counts["given: moved"] += first != split
                split = first
            self.triage.counts["given: repeated"] += not self.add(split, pair)

    def unanswerable(self, wanted: dict[str, int]) -> None:
        for split in SPLITS:
            source = Unanswerable(self.sampler, split)
            made = 0
            for _ in range(wanted[split] * _TRIES_PER_PAIR):
                if made >= wanted[split]:
                    break
                made += self.add(split, source.pair())

    def add(self, split: str, pair: Pair) -> bool:
        question = folded(pair.question)
        if question in self.questions:
            return False
        self.questions.add(question)
        self.pairs[split].append(pair)
        self.on_pair()
        return True
