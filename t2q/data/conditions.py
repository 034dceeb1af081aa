"""Conditions on one field, with the phrases that say them: "with price above 20", "dearer than 20", "from Norway"."""

from __future__ import annotations

import random

from t2q.data.logical import Attr, Condition, Year
from t2q.data.model import DATES, NUMBERS, Askable
from t2q.data.names import words
from t2q.data.phrases import Phrase
from t2q.data.superlatives import comparative
from t2q.schema import Field, Value

UNSAID_SHARE = 0.3  # of conditions that need not name their field
_PLACES = {"country", "city", "town", "state", "region", "province", "county", "hometown", "village", "continent"}


def draw_condition(
    askable: Askable, f: Field, attr: Attr, values: tuple[Value, Value], rng: random.Random
) -> tuple[Condition, Phrase] | None:
    """A condition on `attr`, the field `f` of an entity, with one or two of its stored values.

    Where nothing else of the entity could be meant the phrase may leave the field unsaid.
    """
    if f.type == "boolean":
        value = bool(values[0])
        kind = "equal_true" if value else "equal_false"
        return Condition(attr, "=", (value,)), Phrase(kind, words(f.name))
    draw = _date_condition if f.type in DATES else _number_condition if f.type in NUMBERS else _text_condition
    made = draw(f, attr, values, rng.random())
    if made and rng.random() < UNSAID_SHARE:
        condition, phrase = made
        return condition, _unsaid(askable, f, phrase, rng) or phrase
    return made


def _unsaid(askable: Askable, f: Field, phrase: Phrase, rng: random.Random) -> Phrase | None:
    """The phrase without its field, None where that would say too little."""
    if phrase.kind in {"greater", "less"}:
        adjective = comparative(askable, f, phrase.kind == "greater", rng)
        return Phrase("than", adjective, phrase.values) if adjective else None
    if phrase.kind == "year" and len(askable.of_type(*DATES)) == 1:
        return Phrase("year_plain", values=phrase.values)
    places = [other for other in askable.of_type("text") if words(other.name).split()[-1] in _PLACES]
    if phrase.kind == "equal" and places == [f]:
        return Phrase("place", values=phrase.values)
    if phrase.kind == "equal" and f.type == "text" and f is not askable.title:
        return Phrase("equal_plain", phrase.field, phrase.values)
    return None


def _number_condition(f: Field, attr: Attr, values: tuple[Value, Value], roll: float) -> tuple[Condition, Phrase]:
    (value, second), name = values, words(f.name)
    if roll < 0.15 and isinstance(value, int):
        return Condition(attr, "=", (value,)), Phrase("equal", name, (value,))
    if roll < 0.3 and second != value:
        low, high = sorted((value, second))
        return Condition(attr, "between", (low, high)), Phrase("between", name, (low, high))
    for limit, operator, kind in ((0.5, ">", "greater"), (0.6, ">=", "at_least"), (0.85, "<", "less")):
        if roll < limit:
            return Condition(attr, operator, (value,)), Phrase(kind, name, (value,))
    return Condition(attr, "<=", (value,)), Phrase("at_most", name, (value,))


def _date_condition(f: Field, attr: Attr, values: tuple[Value, Value], roll: float) -> tuple[Condition, Phrase] | None:
    (value, second), name = map(str, values), words(f.name)
    year = value[:4]
    if roll < 0.4 and year.isdigit():
        return Condition(Year(attr), "=", (int(year),)), Phrase("year", name, (int(year),))
    if f.type != "date":
        return None
    if roll < 0.55 and value != second:
        low, high = sorted((value, second))
        return Condition(attr, "between", (low, high)), Phrase("between", name, (low, high))
    operator, kind = (">", "after") if roll < 0.8 else ("<", "before")
    return Condition(attr, operator, (value,)), Phrase(kind, name, (value,))


def _text_condition(f: Field, attr: Attr, values: tuple[Value, Value], roll: float) -> tuple[Condition, Phrase]:
    (value, second), name = map(str, values), words(f.name)
    if roll < 0.1:
        return Condition(attr, "<>", (value,)), Phrase("not_equal", name, (value,))
    if roll < 0.2 and value != second:
        return Condition(attr, "in", (value, second)), Phrase("in", name, (value, second))
    part = max(value.split(), key=len)
    if roll < 0.35 and len(part) > 3 and part.isalpha():
        return Condition(attr, "contains", (part,)), Phrase("contains", name, (part,))
    if roll < 0.4 and value[:1].isalpha():
        return Condition(attr, "starts", (value[0],)), Phrase("starts", name, (value[0],))
    return Condition(attr, "=", (value,)), Phrase("equal", name, (value,))
