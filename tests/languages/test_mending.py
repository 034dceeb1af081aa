"""Arrows that the schema leaves no choice about are put right; all others stay as they are."""

from __future__ import annotations

import pytest

from t2q.languages import language_for
from t2q.schema import Entity, Field, Link, Schema

LABELS = ("Customer", "Order", "Review", "Product", "Person", "Movie")
LINKS = (
    ("Customer", "PLACED", "Order"),
    ("Customer", "WROTE", "Review"),
    ("Order", "IS PART", "Product"),
    ("Person", "REPORTS_TO", "Person"),
    ("Person", "ACTED_IN", "Movie"),
    ("Person", "DIRECTED", "Movie"),
)
SCHEMA = Schema(
    "cypher",
    "cypher",
    tuple(Entity(label, (Field("name", "text"),), 3) for label in LABELS),
    tuple(Link(source, target, name) for source, name, target in LINKS),
)


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("(n:Customer)-[:WROTE]->(m:Order)", "(n:Customer)-[:PLACED]->(m:Order)"),
        ("(n:Order)-[:PLACED]->(m:Customer)", "(n:Order)<-[:PLACED]-(m:Customer)"),
        ("(n:Order)<-[r:ABOUT]-(m:Customer)", "(n:Order)<-[r:PLACED]-(m:Customer)"),
        ("(n:Product)-[:X]->(m:Order)", "(n:Product)<-[:`IS PART`]-(m:Order)"),
        ("(n:Person)<-[:HANDLED]-(m:Person)", "(n:Person)<-[:REPORTS_TO]-(m:Person)"),
        ("(n:Movie)-[:ACTED_IN]->(m:Person)", "(n:Movie)<-[:ACTED_IN]-(m:Person)"),
        ("(k:Review)<-[:X]-(n:Customer)-[:Y]->(m:Order)", "(k:Review)<-[:WROTE]-(n:Customer)-[:PLACED]->(m:Order)"),
        ("(n:Customer), (m:Order), (n)-[:X]->(m)", "(n:Customer), (m:Order), (n)-[:PLACED]->(m)"),
        ("(n:Customer) WHERE NOT (n)-[:WROTE]->(:Order)", "(n:Customer) WHERE NOT (n)-[:PLACED]->(:Order)"),
    ],
)
def test_the_only_arrow_is_written(written: str, mended: str) -> None:
    language = language_for("cypher")
    assert language.unknown(f"MATCH {written} RETURN n.name", SCHEMA)
    found = language.mend(f"MATCH {written} RETURN n.name", SCHEMA)
    assert found == f"MATCH {mended} RETURN n.name"
    assert not language.unknown(found, SCHEMA)


@pytest.mark.parametrize(
    "pattern",
    [
        "(n:Customer)-[:PLACED]->(m:Order)",  # right
        "(n:Customer)-[:PLACED]-(m:Order)",  # right in one of its directions
        "(n:Person)-[:WROTE]->(m:Movie)",  # two could be meant
        "(n:Customer)-[:X]->(m:Movie)",  # nothing connects them
        "(n:Customer)-[:X]->(m)",  # could lead anywhere
        "(n:Customer)-[:X*1..3]->(m:Order)",
        "(n:Customer)-[:X|Y]->(m:Order)",
        "(n:Customer)-[:X {on: 1}]->(m:Order)",
        "(n:Customer)-[:X]->(m:Nothing)",
        "(n:Customer:Person)-[:X]->(m:Order)",
    ],
)
def test_others_are_left_alone(pattern: str) -> None:
    query = f"MATCH {pattern} RETURN n.name"
    assert language_for("cypher").mend(query, SCHEMA) == query


def test_sql_is_left_alone() -> None:
    assert (
        language_for("sqlite").mend("SELECT a FROM b JOIN c ON c.x = b.y", SCHEMA)
        == "SELECT a FROM b JOIN c ON c.x = b.y"
    )
