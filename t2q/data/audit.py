"""Proves that the test (and the validation) is new to the model: what it shares with training, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from t2q.data.pairs import Pair
from t2q.errors import StageError
from t2q.languages.base import Language


def leaks(train: Sequence[Pair], held_out: Sequence[Pair], language: Language) -> dict[str, Any]:
    """What held-out pairs share with training: wordings, queries with their values, questions. All must be empty.

    `skeletons_seen` is for information: the share of held-out queries whose shape, values aside, is in training.
    """
    wordings = {p.wording for p in train if p.wording}
    queries = {language.normalize(p.query) for p in train if p.answerable}
    questions = {" ".join(p.question.lower().split()) for p in train}
    skeletons = {language.skeleton(p.query) for p in train if p.answerable}
    answerable = [p for p in held_out if p.answerable]
    seen = sum(language.skeleton(p.query) in skeletons for p in answerable)
    return {
        "wordings": sorted({p.wording for p in held_out} & wordings),
        "queries": sorted({p.query for p in answerable if language.normalize(p.query) in queries}),
        "questions": sorted(p.question for p in held_out if " ".join(p.question.lower().split()) in questions),
        "skeletons_seen": round(seen / len(answerable), 4) if answerable else 0.0,
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
