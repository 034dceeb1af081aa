"""Proves that the test (and the validation) is new to the model: what it shares with training, counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from t2q.data.pairs import Pair, folded
from t2q.errors import StageError
from t2q.languages.base import Language


class Seen:
    """What some pairs ask: their questions, and their queries with their values."""

    def __init__(self, pairs: Iterable[Pair], language: Language) -> None:
        pairs = list(pairs)
        self._language = language
        self._questions = {folded(pair.question) for pair in pairs}
        self._queries = {language.normalize(pair.query) for pair in pairs if pair.answerable}

    def question(self, pair: Pair) -> bool:
        return folded(pair.question) in self._questions

    def query(self, pair: Pair) -> bool:
        return pair.answerable and self._language.normalize(pair.query) in self._queries


def leaks(train: Sequence[Pair], held_out: Sequence[Pair], language: Language) -> dict[str, Any]:
    """What held-out pairs share with training: wordings, queries with their values, questions. All must be empty.

    `skeletons_seen` is for information: the share of held-out queries whose shape, values aside, is in training.
    """
    wordings = {p.wording for p in train if p.wording}
    trained = Seen(train, language)
    skeletons = {language.skeleton(p.query) for p in train if p.answerable}
    answerable = [p for p in held_out if p.answerable]
    shapes = sum(language.skeleton(p.query) in skeletons for p in answerable)
    return {
        "wordings": sorted({p.wording for p in held_out} & wordings),
        "queries": sorted({p.query for p in answerable if trained.query(p)}),
        "questions": sorted(p.question for p in held_out if trained.question(p)),
        "skeletons_seen": round(shapes / len(answerable), 4) if answerable else 0.0,
    }


def audit(pairs: dict[str, list[Pair]], language: Language) -> dict[str, Any]:
    """Leaks of validation and test against training, and of test against validation. Raises StageError on any."""
    found = {
        "validation against train": leaks(pairs["train"], pairs["validation"], language),
        "test against train": leaks(pairs["train"], pairs["test"], language),
        "test against validation": leaks(pairs["validation"], pairs["test"], language),
    }
    for between, report in found.items():
        for what in ("wordings", "queries", "questions"):
            if report[what]:
                raise StageError(f"leak of {what}, {between}: {len(report[what])}, such as {report[what][0]!r}")
    return found
