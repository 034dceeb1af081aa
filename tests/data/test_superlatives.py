"""Adjectives for the ends of a scale: "the cheapest product"."""

from __future__ import annotations

import random

import pytest

from t2q.data.intents_one import top
from t2q.data.model import Askable, ask_model
from t2q.data.sampling import Draft, Sampler
from t2q.data.superlatives import superlative
from t2q.data.wording import Wording
from t2q.schema import Entity, Field, Schema

NAME = Field("name", "text", ("Pen", "Ink"), 2)


def product(*fields: Field) -> Askable:
    return ask_model(Schema("sql", "sqlite", (Entity("products", (NAME, *fields), 9),), ())).entities["products"]


@pytest.mark.parametrize(
    ("field", "descending", "key"),
    [
        (Field("unit_price", "float"), False, "price asc"),
        (Field("WEIGHT", "integer"), True, "weight desc"),
        (Field("addedOn", "date"), True, "newness desc"),
        (Field("birth_date", "date"), True, None),  # the latest birth is the youngest's
        (Field("late_fee", "float"), True, None),
        (Field("minimum_age", "integer"), True, None),
        (Field("stock", "integer"), True, None),
    ],
)
def test_adjectives_go_with_the_last_word_of_a_field(field: Field, descending: bool, key: str | None) -> None:
    found = superlative(product(field), field, descending)
    assert (found.key if found else None) == key


@pytest.mark.parametrize(("one", "other"), [("unit_price", "cost"), ("height", "length"), ("area", "volume")])
def test_an_adjective_that_two_fields_could_claim_is_not_used(one: str, other: str) -> None:
    fields = Field(one, "float"), Field(other, "float")
    assert superlative(product(*fields), fields[0], False) is None


def test_the_cheapest_is_asked_for_by_the_lowest_price() -> None:
    fields = (NAME, Field("price", "float", (2.5, 7.5), 2))
    model = ask_model(Schema("sql", "sqlite", (Entity("products", fields, 2),), ()))
    rng = random.Random(1)
    sampler = Sampler(model, lambda _, field: ("Pen", "Ink") if field == "name" else (2.5, 7.5), rng)
    wording = Wording("test", rng)
    seen = set()
    for _ in range(300):
        draft = top(sampler)
        assert isinstance(draft, Draft)
        if draft.wording != "top_one_superlative_named":
            continue
        question, order = wording.question(draft).question.lower(), draft.query.order
        assert order and draft.query.limit == 1
        cheap = any(word in question for word in ("cheapest", "least expensive"))
        assert cheap is not order[1], question
        seen.add(cheap)
    assert seen == {True, False}
