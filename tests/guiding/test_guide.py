"""A guide lets every good query be written, and stops where the schema ends."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from t2q.guiding import Guide
from t2q.guiding.names import seen
from t2q.pretrain.corpus import make_document
from t2q.schema import Entity, Field, Link, Schema

CASES = {
    dialect: {kind: [q.replace("⏎", "\n") for q in lines.splitlines()] for kind, lines in found.items()}
    for dialect, found in yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text(encoding="utf-8")).items()
}
ID = Field("id", "integer", key=True)
NAME = Field("name", "text", ("Ada",))
TABLES = (
    Entity("customers", (ID, NAME, Field("joined on", "date"), Field("city_id", "integer"))),
    Entity("cities", (ID, NAME, Field("population", "integer"))),
    Entity("orders", (ID, Field("customer_id", "integer"), Field("amount", "float"), Field("placed", "date"),
                      Field("note", "text"))),
    Entity("employees", (ID, NAME, Field("boss_id", "integer"))),
    Entity("tags", (Field("tag", "text"), Field("order_number", "integer"))),
)  # fmt: skip
KEYS = (
    Link("customers", "cities", source_fields=("city_id",), target_fields=("id",)),
    Link("orders", "customers", source_fields=("customer_id",), target_fields=("id",)),
    Link("employees", "employees", source_fields=("boss_id",), target_fields=("id",)),
)
LABELS = (
    Entity("Person", (NAME, Field("born", "integer"))),
    Entity("Movie", (Field("title", "text"), Field("released", "integer"), Field("premiere", "date"),
                     Field("box office", "float"))),
)  # fmt: skip
ARROWS = (
    Link("Person", "Movie", "ACTED_IN", fields=(Field("roles", "list"),)),
    Link("Person", "Movie", "DIRECTED"),
    Link("Person", "Person", "FOLLOWS"),
)


def schema(dialect: str) -> Schema:
    if dialect == "cypher":
        return Schema("cypher", "cypher", LABELS, ARROWS)
    return Schema("sql", dialect, TABLES, KEYS)


def stops(guide: Guide, query: str) -> int | None:
    """Where the guide stops a query that is written byte by byte, its length where it may not end; None: nowhere."""
    guided = guide.begin()
    for place, letter in enumerate(seen(query)):
        if not guided.allows(letter):
            return place
        guided.add(letter)
    return None if guided.may_end() else len(seen(query))


def cases(kind: str) -> list[tuple[str, str]]:
    return [(dialect, query) for dialect, found in CASES.items() for query in found[kind]]


@pytest.mark.parametrize(("dialect", "query"), cases("allowed"))
def test_a_good_query_may_be_written(dialect: str, query: str) -> None:
    assert stops(Guide(schema(dialect)), query) is None


@pytest.mark.parametrize(("dialect", "query"), cases("refused"))
def test_what_is_not_there_may_not(dialect: str, query: str) -> None:
    before, _, after = query.partition("¦")
    assert stops(Guide(schema(dialect)), before + after) == len(seen(before))


def test_every_query_of_the_training_may_be_written() -> None:
    rng, asked = random.Random(11), 0
    for _ in range(150):
        document = make_document(rng, 6)
        guide = Guide(document.schema)
        for pair in document.pairs:
            if pair.answerable:
                asked += 1
                assert stops(guide, pair.query) is None, pair.query
    assert asked > 600


@pytest.mark.parametrize("dialect", CASES)
def test_pieces_of_any_length_are_as_good_as_letters(dialect: str) -> None:
    guide, rng = Guide(schema(dialect)), random.Random(3)
    for query in CASES[dialect]["allowed"]:
        guided, rest = guide.begin(), seen(query)
        while rest:
            size = rng.randint(1, 9)
            assert guided.allows(rest[:size]), (query, rest)
            guided.add(rest[:size])
            rest = rest[size:]
        assert guided.may_end()


def test_an_answer_that_was_begun_goes_on() -> None:
    guided = Guide(schema("sqlite")).begin("SELECT")
    assert guided.allows(" name FROM c") and not guided.allows(" I don't know") and not guided.may_end()
    assert not guided.allows("")


@pytest.mark.parametrize(
    ("written", "piece", "name", "known"),
    [
        ("SELECT ", "nothing", True, True),  # a column that is not there
        ("SELECT customers", ".x", True, True),
        ("SELECT customers.", "x", True, True),
        ("SELECT name FROM ", "boats", True, True),
        ("SELECT name FROM customers WHERE name = 'x", "\\'", False, True),  # what a string holds
        ("SELECT name FROM customers", " PIVOT", False, False),  # more SQL than the guide knows
        ("SELECT name FROM customers", " #", False, False),
        ("SELECT name FROM customers WHERE id = 1", " HAVING", False, True),
        ("SELECT name FROM customers WHERE id = 1", " =", False, True),
    ],
)
def test_what_a_refusal_is_about(written: str, piece: str, name: bool, known: bool) -> None:
    guided = Guide(schema("sqlite")).begin(written)
    assert (guided.at_name(piece), guided.knows(piece)) == (name, known)


def test_a_name_comes_before_any_keyword() -> None:
    guided = Guide(schema("sqlite")).begin("SELECT ")
    assert guided.allows("CASE") and not guided.allows_name("CASE")
    assert guided.allows("1") and not guided.allows_name("1")
    assert guided.allows_name("amo") and guided.allows_name('"joi')
