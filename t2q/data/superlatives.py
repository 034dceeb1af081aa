"""Adjectives for the ends of a field: "the cheapest product" has the lowest price, "older than 30" is of age."""

from __future__ import annotations

import random

from t2q.data.model import DATES, NUMBERS, Askable
from t2q.data.names import words
from t2q.data.phrases import Choice
from t2q.data.words import load_words
from t2q.schema import Field


def superlative(askable: Askable, f: Field, descending: bool) -> Choice | None:
    """The adjectives for one end of a field ("cheapest"), None where it has none or another field could be meant."""
    scales = load_words("superlatives.yaml")["scales"]

    def adjectives(of: Field) -> set[str]:
        return {*scales[name]["desc"], *scales[name]["asc"]} if (name := _scale(of)) else set()

    others = [other for other in askable.of_type(*NUMBERS, *DATES) if other is not f]
    scale = _scale(f)
    if scale is None or any(adjectives(f) & adjectives(other) for other in others):
        return None
    return Choice("superlatives", f"{scale} {'desc' if descending else 'asc'}")


def _scale(f: Field) -> str | None:
    """The key of the adjectives that go with a field."""
    known, (*before, last) = load_words("superlatives.yaml"), words(f.name).split()
    if f.type in DATES:
        return "newness" if {*before, last} & set(known["dates"]) else None
    if not set(before) <= set(known["qualifiers"]):
        return None
    return next((name for name, group in known["scales"].items() if last in group["fields"]), None)


def comparative(askable: Askable, f: Field, more: bool, rng: random.Random) -> str | None:
    """The adjective before "than" for a field ("cheaper"), None where it has none or another field could be meant."""
    choice = superlative(askable, f, more)
    if choice is None:
        return None
    scale, end = choice.key.split()
    found = load_words("superlatives.yaml")["scales"][scale].get("more" if end == "desc" else "less", ())
    return rng.choice(found) if found else None
