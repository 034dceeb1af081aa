"""Pairs for a database that nobody prepared: odd names, nulls, few rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from t2q.data.audit import audit
from t2q.data.make import Made, make_pairs
from t2q.data.model import ask_model
from t2q.data.pairs import Pair, read_pairs, write_pairs
from t2q.data.unanswerable import known_words
from t2q.databases import Database, open_database
from t2q.errors import DatabaseError, StageError
from t2q.languages import language_for
from t2q.schema import Entity, Field, Schema

WANTED = {"train": 80, "validation": 10, "test": 25}
UNANSWERABLE = {"train": 20, "validation": 4, "test": 8}


GROUPS = [("O'Neil & Co", 1, 1.5), ("naïve", 2, None), ("third", 3, 9.25)]
ITEMS = [(i, ("here", "there")[i % 2], f"thing {i}", GROUPS[i % 2][0]) for i in range(40)]


def odd_tables(folder: Path) -> str:
    path = folder / "odd.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE "select" ("Group Name" TEXT PRIMARY KEY, "order" INTEGER, "größe" REAL);
            CREATE TABLE "line items" (id INTEGER PRIMARY KEY, "from" TEXT, label TEXT,
              "Group Name" TEXT REFERENCES "select" ("Group Name"));
            """
        )
        connection.executemany('INSERT INTO "select" VALUES (?, ?, ?)', GROUPS)
        connection.executemany('INSERT INTO "line items" VALUES (?, ?, ?, ?)', ITEMS)
    return f"sqlite:///{path}"


def odd_graph(folder: Path) -> str:
    """The same as nodes."""
    nodes = [
        {"id": name, "labels": ["select"], "props": {"Group Name": name, "order": order, "größe": size}}
        for name, order, size in GROUPS
    ]
    nodes += [
        {"id": i, "labels": ["line items"], "props": {"from": place, "label": label}} for i, place, label, _ in ITEMS
    ]
    rels = [{"start": i, "end": group, "type": "BELONGS TO"} for i, _, _, group in ITEMS]
    path = folder / "odd.json"
    path.write_text(json.dumps({"nodes": nodes, "rels": rels}), encoding="utf-8")
    return f"graph:{path}"


@pytest.fixture(scope="module", params=[odd_tables, odd_graph])
def odd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with open_database(request.param(tmp_path_factory.mktemp("odd"))) as database:
        yield database


@pytest.fixture(scope="module")
def made(odd: Database) -> Made:
    return make_pairs(odd, odd.schema(), WANTED, UNANSWERABLE, seed=5)


def test_every_query_runs_and_returns_something(odd: Database, made: Made) -> None:
    assert made.triage.counts["error"] == 0, made.triage.errors
    for pairs in made.pairs.values():
        for pair in pairs:
            if pair.answerable:
                assert odd.execute(pair.query).rows
            else:
                assert pair.reason


def test_splits_share_nothing(odd: Database, made: Made) -> None:
    assert len(made.pairs["train"]) >= 60 and len(made.pairs["test"]) >= 20
    report = audit(made.pairs, odd.language)
    assert all(not report[between][what] for between in report for what in ("wordings", "queries", "questions"))


def test_the_same_seed_makes_the_same_pairs(odd: Database, made: Made) -> None:
    assert make_pairs(odd, odd.schema(), WANTED, UNANSWERABLE, seed=5).pairs == made.pairs
    assert make_pairs(odd, odd.schema(), WANTED, UNANSWERABLE, seed=6).pairs != made.pairs


def test_absent_words_are_absent(made: Made) -> None:
    stems = {"select", "group", "name", "order", "line", "item", "label"}
    for pair in made.pairs["train"]:
        if pair.intent in {"missing_field", "missing_entity"}:
            missing = pair.reason.removeprefix("there is no ").removeprefix("there are no ")
            assert not stems & {word.removesuffix("s") for word in missing.split()}, pair


def test_a_near_synonym_is_not_asked_for_in_vain() -> None:
    schema = Schema("sql", "sqlite", (Entity("film", (Field("unit_price", "float"), Field("colour", "text")), 3),), ())
    known = known_words(ask_model(schema))
    assert {"price", "cost", "fare", "movie", "color"} <= known
    assert not {"salary", "city", "customer"} & known


def test_pairs_survive_the_file(made: Made, tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.jsonl", made.pairs["test"])
    assert read_pairs(tmp_path / "pairs.jsonl") == made.pairs["test"]


@pytest.mark.parametrize(
    ("leaked", "what"),
    [
        (Pair("New words?", "SELECT 2 FROM t", "count", wording="how many {things}"), "wordings"),
        (Pair("New words?", "select 1  from t", "count", wording="other"), "queries"),
        (Pair("how  Many t?", "SELECT 3 FROM t", "count", wording="other"), "questions"),
    ],
)
def test_audit_finds_each_kind_of_leak(leaked: Pair, what: str) -> None:
    train = [Pair("How many t?", "SELECT 1 FROM t", "count", wording="how many {things}")]
    with pytest.raises(StageError, match=f"leak of {what}"):
        audit({"train": train, "validation": [], "test": [leaked]}, language_for("sqlite"))


def test_a_database_without_rows_says_so(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "bare.sqlite") as connection:
        connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY)")
    with (
        open_database(f"sqlite:///{tmp_path}/bare.sqlite") as database,
        pytest.raises(DatabaseError, match="holds no rows"),
    ):
        make_pairs(database, database.schema(), WANTED, UNANSWERABLE, seed=1)


def test_ties_are_no_questions(tmp_path: Path) -> None:
    """Which row comes first among equals is chance, so no order may be asked for there."""
    with sqlite3.connect(tmp_path / "ties.sqlite") as connection:
        connection.execute("CREATE TABLE runner (name TEXT, points INTEGER NOT NULL)")
        connection.executemany("INSERT INTO runner VALUES (?, 7)", [(f"runner {i}",) for i in range(30)])
    with open_database(f"sqlite:///{tmp_path}/ties.sqlite") as database:
        found = make_pairs(database, database.schema(), {**WANTED, "train": 30}, UNANSWERABLE, seed=2)
    assert found.triage.counts["ambiguous"] > 0
    queries = [p.query for split in found.pairs.values() for p in split]
    assert not [q for q in queries if "ORDER BY points" in q and "WHERE" not in q]  # one row alone has no tie


def test_a_database_of_others_is_asked_without_an_error(shared_data: Path) -> None:
    with open_database(f"sqlite:///{shared_data / 'chinook' / 'Chinook.sqlite'}") as database:
        found = make_pairs(database, database.schema(), WANTED, UNANSWERABLE, seed=4)
    assert found.triage.counts["error"] == 0, found.triage.errors
    assert {split: len(pairs) for split, pairs in found.pairs.items()} == {"train": 100, "validation": 14, "test": 33}
