"""A refusal is taken at its word only where the schema does not refute it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from t2q.answering.completing import complete, refuted
from t2q.guiding import Guided
from t2q.models.base import Completion, Then
from t2q.schema import Entity, Field, Schema

ORDERS = Entity("OrderLines", (Field("unit_price", "float"), Field("country", "text")), 3)
SQL, CYPHER = Schema("sql", "sqlite", (ORDERS,)), Schema("cypher", "cypher", (ORDERS,))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("I don't know: there are no order lines", True),
        ("I don't know: there is no order line", True),
        ("I don't know: there is no unit price.", True),
        ("I don't know: there is no country", True),
        ("I don't know: there is no price", False),
        ("I don't know: there are no orders", False),
        ("I don't know: the data does not say", False),
        ("I don't know", False),
        ("SELECT 'there is no country'", False),
    ],
)
def test_what_the_schema_refutes(text: str, wrong: bool) -> None:
    assert refuted(text, SQL) is wrong


class Stubborn:
    """Refuses, unless the query is begun for it."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def generate(
        self,
        prompts: Sequence[str],
        _limit: int,
        on_done: Callable[[int], None] | None = None,
        guide: Callable[[], Guided] | None = None,
        then: Then | None = None,
    ) -> list[Completion]:
        assert guide
        self.asked.append(list(prompts))
        found = [
            Completion(" 1", 2, -0.5, True)
            if prompt.endswith(("SELECT", "MATCH"))
            else Completion(f"I don't know: there is no {prompt}", 3, -1.5, True)
            for prompt in prompts
        ]
        for number, completion in enumerate(found):
            if then:
                assert then(number, completion) == []
            if on_done:
                on_done(1)
        return found


@pytest.mark.parametrize(("schema", "opening"), [(SQL, "SELECT"), (CYPHER, "MATCH")])
def test_the_model_goes_on_from_a_query_that_was_begun_for_it(schema: Schema, opening: str) -> None:
    model = Stubborn()
    found = complete(model, ["weather", "country", "unit price"], schema, 9)  # type: ignore[arg-type]
    assert model.asked == [["weather", "country", "unit price"], [f"country{opening}", f"unit price{opening}"]]
    assert [c.text for c in found] == ["I don't know: there is no weather", f"{opening} 1", f"{opening} 1"]
    assert [c.refuted for c in found] == [
        "",
        "I don't know: there is no country",
        "I don't know: there is no unit price",
    ]


def test_progress_is_told_of_each_prompt_once() -> None:
    told = list[int]()
    complete(Stubborn(), ["a", "b", "country"], SQL, 9, told.append)  # type: ignore[arg-type]
    assert told == [1, 1, 1]
