"""Pairs: a question, its gold query, and where both come from."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from t2q.data.intents import Draft
from t2q.data.model import Model
from t2q.data.names import plural, singular, words
from t2q.data.render_cypher import render_cypher
from t2q.data.render_sql import render_sql
from t2q.languages.base import Language
from t2q.prompt import refusal
from t2q.schema import Value


@dataclass(frozen=True)
class Pair:
    """`query` is empty where the question cannot be answered; `reason` then says why.

    `wording` is the template that the question was made from, "" for questions that people wrote.
    """

    question: str
    query: str
    intent: str
    wording: str = ""
    reason: str = ""

    @property
    def answerable(self) -> bool:
        return bool(self.query)


def render(draft: Draft, model: Model, language: Language) -> str:
    """The draft's query in the language."""
    renderer = render_cypher if language.name == "cypher" else render_sql
    return renderer(draft.query, model, language)


def answer_text(pair: Pair) -> str:
    """What a model is to write for a pair."""
    return pair.query or refusal(pair.reason)


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """One JSON object a line."""
    path.write_text("".join(json.dumps(asdict(p), ensure_ascii=False) + "\n" for p in pairs), encoding="utf-8")


def read_pairs(path: Path) -> list[Pair]:
    return [Pair(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]


def absent_words(model: Model, lexicon: dict[str, list[str]], rng: random.Random) -> tuple[str, str]:
    """A field word and a plural entity word that share no word with the schema."""
    present: set[str] = set()
    for askable in model.entities.values():
        present.update(singular(w) for w in words(askable.entity.name).split())
        for f in askable.entity.fields:
            present.update(singular(w) for w in words(f.name).split())
    for relation in model.relations.values():
        present.update(singular(w) for w in relation.words.split())

    def draw(kinds: tuple[str, ...]) -> str:
        while True:
            word = rng.choice(lexicon[rng.choice(kinds)]).replace("_", " ")
            if not {singular(w) for w in word.split()} & present:
                return word

    absent = draw(("text_attributes", "number_attributes"))
    return absent, plural(draw(("people", "things")))


def any_value(model: Model, values: dict[tuple[str, str], tuple[Value, ...]], rng: random.Random) -> Value:
    """Some stored value that names a thing, "it" where there is none."""
    titled = [a for a in model.entities.values() if a.title and values.get((a.entity.name, a.title.name))]
    if not titled:
        return "it"
    askable = rng.choice(titled)
    assert askable.title
    return rng.choice(values[askable.entity.name, askable.title.name])
