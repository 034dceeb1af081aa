"""Answers in a sentence."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from t2q.answering.answer import Answer, run_query
from t2q.answering.words import in_words
from t2q.databases import Database, open_database

CITIES = [("Ada", "München"), ("Bo", "Lyon"), ("Cy", "Oslo"), ("D'Arcy", "Lyons")]


@pytest.fixture(scope="module", params=["sql", "cypher"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sql":
        with contextlib.closing(sqlite3.connect(folder / "a.sqlite")) as connection:
            connection.execute("CREATE TABLE people (name TEXT, city TEXT, age INTEGER)")
            connection.executemany("INSERT INTO people VALUES (?, ?, 3)", CITIES)
            connection.commit()
        url = f"sqlite:///{folder}/a.sqlite"
    else:
        nodes = [
            {"id": i, "labels": ["people"], "props": {"name": name, "city": city, "age": 3}}
            for i, (name, city) in enumerate(CITIES)
        ]
        (folder / "a.json").write_text(json.dumps({"nodes": nodes, "rels": []}))
        url = f"graph:{folder}/a.json"
    with open_database(url) as database:
        yield database


QUERIES = {
    "equal": ("SELECT name FROM people WHERE city = '{}'", "MATCH (n:people) WHERE n.city = '{}' RETURN n.name"),
    "map": ("SELECT name FROM people p WHERE p.city IN ('{}')", "MATCH (n:people {{city: '{}'}}) RETURN n.name"),
    "like": (
        "SELECT name FROM people WHERE LOWER(city) LIKE '%{}%'",
        "MATCH (n:people) WHERE toLower(n.city) CONTAINS toLower('{}') RETURN n.name",
    ),
    "and": (
        "SELECT name FROM people WHERE name = 'Ada' AND city = '{}'",
        "MATCH (n:people) WHERE n.name = 'Ada' AND n.city = '{}' RETURN n.name",
    ),
}


@pytest.mark.parametrize("shape", QUERIES)
@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Munchen", " No city is 'Munchen'; there is 'München'."),
        ("Lyonn", " No city is 'Lyonn'; there is 'Lyon' and 'Lyons'."),
        ("Zzz", " No city is 'Zzz'."),
    ],
)
def test_what_is_not_stored_is_named_with_what_is_like_it(database: Database, shape: str, text: str, hint: str) -> None:
    schema = database.schema()
    query = QUERIES[shape][database.language.name == "cypher"].format(text)
    assert in_words(run_query(query, schema, database), schema, database) == f"Nothing was found.{hint}"


def test_a_count_of_nothing_says_what_is_not_stored(database: Database) -> None:
    schema = database.schema()
    count = (
        "SELECT COUNT(*) FROM people WHERE city = '{}'",
        "MATCH (n:people) WHERE n.city = '{}' RETURN count(n)",
    )[database.language.name == "cypher"]
    told = [in_words(run_query(count.format(city), schema, database), schema, database) for city in ("Munchen", "Oslo")]
    assert told == ["0. No city is 'Munchen'; there is 'München'.", "1."]


def test_a_text_that_is_stored_elsewhere_is_not_called_unknown(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "b.sqlite")) as connection:
        connection.executescript(
            "CREATE TABLE people (name TEXT); CREATE TABLE firms (name TEXT);"
            "INSERT INTO people VALUES ('Ada'); INSERT INTO firms VALUES ('Adaco')"
        )
    with open_database(f"sqlite:///{tmp_path}/b.sqlite") as database:
        schema = database.schema()
        found = run_query("SELECT name FROM firms WHERE name = 'Ada'", schema, database)
        assert in_words(found, schema, database) == "Nothing was found."


def test_what_is_stored_is_not_called_unknown(database: Database) -> None:
    schema = database.schema()
    query = QUERIES["and"][database.language.name == "cypher"].format("Oslo")
    assert in_words(run_query(query, schema, database), schema, database) == "Nothing was found."


@pytest.mark.parametrize(
    ("columns", "rows", "words"),
    [
        (["n"], [[1240]], "1,240."),
        (["n"], [[None]], "There is no value."),
        (["mean"], [[3.14159265]], "3.1416."),
        (["flag"], [[True]], "yes."),
        (["name"], [["Ada"], ["Bo"], [None]], "Ada, Bo and nothing."),
        (["name"], [[str(i)] for i in range(7)], "7 values, the first 0, 1, 2, 3 and 4."),
        (["name", "age"], [["Ada", 3]], "name: Ada, age: 3."),
        (["name", "age"], [["Ada", 3], ["Bo", 4]], "2 rows of name and age."),
    ],
)
def test_rows_in_words(database: Database, columns: list[str], rows: list[list[object]], words: str) -> None:
    found = Answer("q", tuple(columns), [tuple(row) for row in rows])
    assert in_words(found, database.schema(), database) == words


def test_a_refusal_and_a_result_that_was_cut(database: Database) -> None:
    schema = database.schema()
    assert in_words(Answer(abstained=True, reason="no boats"), schema, database) == "I don't know: no boats"
    cut = Answer("q", ("a", "b"), [(1, 2)] * 1000, truncated=True)
    assert in_words(cut, schema, database) == "More than 1,000 rows of a and b."
