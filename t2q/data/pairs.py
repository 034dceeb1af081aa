"""Pairs: a question, its gold query, and where both come from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from t2q.data.model import Model
from t2q.data.render_cypher import render_cypher
from t2q.data.render_sql import render_sql
from t2q.data.sampling import Draft
from t2q.json_lines import json_lines
from t2q.languages.base import Language
from t2q.prompt import refusal


@dataclass(frozen=True)
class Pair:
    """`query` is empty where the question cannot be answered; `reason` then says why.

    `wording` is the template that the question was made from, "" for questions that people wrote. `database` is the
    name of the one that is asked, where there are several.
    """

    question: str
    query: str
    intent: str
    wording: str = ""
    reason: str = ""
    database: str = ""

    @property
    def answerable(self) -> bool:
        return bool(self.query)


def folded(question: str) -> str:
    """What two questions share that are the same but for letter case and white space."""
    return " ".join(question.lower().split())


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
    return [Pair(**row) for _, row in json_lines(path.read_text(encoding="utf-8"))]
