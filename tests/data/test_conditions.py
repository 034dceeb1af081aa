"""Conditions that leave their field unsaid: only where no other field could be meant."""

from __future__ import annotations

import random

from t2q.data.model import ask_model
from t2q.data.sampling import Sampler
from t2q.data.wording import Wording
from t2q.schema import Entity, Field, Schema, Value

NAME, PRICE, SINCE = Field("name", "text"), Field("unit_price", "float"), Field("since", "date")
COUNTRY, CITY = Field("country", "text", ("Norway",), 2), Field("city", "text", ("Oslo",), 2)
STORED: dict[str, tuple[Value, ...]] = {
    "name": ("Ada", "Kai"),
    "unit_price": (2.5, 7.0),
    "since": ("2021-03-04", "2022-01-01"),
    "until": ("2023-03-04", "2024-01-01"),
    "country": ("Norway", "Peru"),
    "city": ("Oslo", "Lima"),
    "cost": (1.5, 3.0),
}


def kinds(*fields: Field) -> dict[str, set[str]]:
    """The kinds of phrases that are drawn for each field, and every one of them can be worded."""
    model = ask_model(Schema("sql", "sqlite", (Entity("customers", (NAME, *fields), 9),)))
    rng = random.Random(1)
    sampler = Sampler(model, lambda _, field: STORED[field], rng)
    askable, wording = model.entities["customers"], Wording("train", rng)
    found: dict[str, set[str]] = {}
    for f in fields:
        for _ in range(400):
            if made := sampler.condition(askable, f, "n"):
                found.setdefault(f.name, set()).add(made[1].kind)
                assert "{" not in wording.phrase(made[1])
    return found


def test_one_field_of_a_kind_need_not_be_named() -> None:
    found = kinds(COUNTRY, PRICE, SINCE)
    assert "place" in found["country"]
    assert "than" in found["unit_price"]
    assert "year_plain" in found["since"]


def test_two_fields_of_a_kind_are_told_apart() -> None:
    found = kinds(COUNTRY, CITY, PRICE, Field("cost", "float"), SINCE, Field("until", "date"))
    unsaid = {"place", "than", "year_plain"}
    assert not any(of & unsaid for of in found.values())


def test_a_comparison_goes_the_way_of_its_adjective() -> None:
    model = ask_model(Schema("sql", "sqlite", (Entity("customers", (NAME, PRICE), 9),)))
    sampler = Sampler(model, lambda _, field: STORED[field], random.Random(1))
    pairs = set()
    for _ in range(600):
        made = sampler.condition(model.entities["customers"], PRICE, "n")
        if made and made[1].kind == "than":
            pairs.add((made[0].operator, made[1].field in {"cheaper", "less expensive"}))
    assert pairs == {(">", False), ("<", True)}
