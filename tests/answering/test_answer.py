"""From a model's text to rows, or to a reason; on the real shop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from t2q.answering.answer import answer
from t2q.databases import Database, open_database
from t2q.schema import Schema

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module", params=["sqlite", "graph"])
def shop(request: pytest.FixtureRequest) -> Iterator[tuple[str, Database, Schema]]:
    url = f"sqlite:///{DATA}/shop.sqlite" if request.param == "sqlite" else f"graph:{DATA}/shop.json"
    with open_database(url) as database:
        yield request.param, database, database.schema()


TEXTS = {
    "sqlite": {
        "good": "SELECT COUNT(*) FROM customers",
        "fenced": "Here you are:\n```sql\nSELECT COUNT(*) FROM customers;\n```",
        "unknown name": "SELECT COUNT(*) FROM visitors",
        "syntax": "SELECT COUNT( FROM customers",
        "not read-only": "DELETE FROM customers",
        "no rows": "SELECT name FROM customers WHERE name = 'Nobody'",
    },
    "graph": {
        "good": "MATCH (n:Customer) RETURN count(n)",
        "fenced": "Here you are:\n```cypher\nMATCH (n:Customer) RETURN count(n);\n```",
        "unknown name": "MATCH (n:Visitor) RETURN count(n)",
        "syntax": "MATCH (n:Customer RETURN count(n)",
        "not read-only": "MATCH (n:Customer) DETACH DELETE n",
        "no rows": "MATCH (n:Customer) WHERE n.name = 'Nobody' RETURN n.name",
    },
}


@pytest.mark.parametrize("which", ["good", "fenced"])
def test_a_query_is_run(shop, which: str) -> None:
    kind, database, schema = shop
    found = answer(TEXTS[kind][which], schema, database)
    assert (found.abstained, found.rows, found.reason) == (False, [(60,)], "")


def test_no_rows_is_an_answer(shop) -> None:
    kind, database, schema = shop
    found = answer(TEXTS[kind]["no rows"], schema, database)
    assert (found.abstained, found.rows) == (False, [])


@pytest.mark.parametrize("which", ["unknown name", "syntax", "not read-only"])
def test_what_cannot_be_run_is_declined_with_its_kind(shop, which: str) -> None:
    kind, database, schema = shop
    found = answer(TEXTS[kind][which], schema, database)
    assert found.abstained and found.kind == which and found.reason and not found.rows


def test_nothing_was_deleted(shop) -> None:
    kind, database, schema = shop
    answer(TEXTS[kind]["not read-only"], schema, database)
    assert answer(TEXTS[kind]["good"], schema, database).rows == [(60,)]


@pytest.mark.parametrize("text", ["I don't know: there is no salary", "I don’t know: there is no salary"])
def test_a_refusal_keeps_its_reason(shop, text: str) -> None:
    _, database, schema = shop
    found = answer(text, schema, database)
    assert (found.abstained, found.kind, found.reason) == (True, "refused", "there is no salary")


def test_an_empty_text_is_no_query(shop) -> None:
    _, database, schema = shop
    assert answer("  ", schema, database).kind == "no query"
