"""Pairs that people wrote: read from files, checked on the database, kept apart from what the test holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from t2q.data.audit import audit
from t2q.data.importers.plain import read_plain
from t2q.data.make import make_pairs
from t2q.data.pairs import Pair, read_pairs, write_pairs
from t2q.databases import Database, open_database
from t2q.errors import RecipeError

CSV = """\
Question,SQL,Split,who
"How many towns are there, all in all?",SELECT count(*) FROM towns;,test,Ada
Name them,"SELECT name
FROM towns",,Bo
Who is the mayor?,,,Cy
"""
JSONL = """\
{"question": "Towns?", "query": "SELECT name FROM towns"}

{"question": "Who pays?", "query": "", "reason": "there are no payments"}
"""


def test_a_table(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("\ufeff" + CSV, encoding="utf-8")
    assert read_plain(path) == [
        ("test", Pair("How many towns are there, all in all?", "SELECT count(*) FROM towns", "given")),
        ("train", Pair("Name them", "SELECT name\nFROM towns", "given")),
        ("train", Pair("Who is the mayor?", "", "given", reason="the data does not say")),
    ]


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(JSONL)
    assert [(p.question, p.query, p.reason) for _, p in read_plain(path)] == [
        ("Towns?", "SELECT name FROM towns", ""),
        ("Who pays?", "", "there are no payments"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"question;sql\nx;y\n", "name question and query, separated by commas; it names question;sql"),
        ("a.csv", b"question,sql,question\nx,y,z\n", "the header names a column twice"),
        ("a.csv", b"question,query\n", "holds no questions"),
        ("a.csv", b"question,query\n\xff\xfe,x\n", "is not UTF-8 (byte 15): save it as UTF-8"),
        ("a.csv", b"question,query,split\na,SELECT 1,dev\n", 'must be one of train, validation, test, not "dev"'),
        ("a.csv", b"question,query\nHow many?\n", ':2: no "query": leave it empty'),
        ("a.csv", b"question,query\nIn A, B?,SELECT 1\n", ":2: more cells than the header names"),
        ("a.csv", b'question,query\n"a,SELECT 1\nb,SELECT 2\n', "unexpected end of data"),
        ("a.csv", b"question,query\n" + b"a" * 200_000 + b",SELECT 1\n", "field larger than field limit"),
        ("a.jsonl", b'{"question": "a"}\n{"query": "SELECT 1"}\n', ':1: no "query"'),
        ("a.jsonl", b'{"question": "a"}\n{"query": "SELECT 1"}\n', ':2: no "question"'),
        ("a.jsonl", b'{"question": "a", "query": 5}\n', ':1: "query" must be text, not 5'),
        ("a.jsonl", b'{"question": "a", "query": null}\n', ':1: no "query": leave it empty'),
        ("a.jsonl", b'{"question": "\\ud800", "query": "SELECT 1"}\n', "half a character"),
        ("a.jsonl", b'{"question": "a", "query": "SELECT 1", "reason": "no"}\n', 'both a "query" and a "reason"'),
        ("a.jsonl", b'{"question": \n', "line 1 is not JSON"),
        ("a.jsonl", b"[1]\n", "line 1 is not a JSON object"),
        ("a.jsonl", b"[" * 100_000, "recursion"),
        ("a.xlsx", b"PK", "pairs are read from .csv and .jsonl files"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_line(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError) as error:
        read_plain(tmp_path / name)
    assert says in str(error.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is not there"):
        read_plain(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(RecipeError, match="Is a directory"):
        read_plain(tmp_path / "folder.csv")


def test_line_separators_within_a_question_survive(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "one\u2028two\x85?", "SQL": "SELECT 1"}\n', encoding="utf-8")
    pairs = [pair for _, pair in read_plain(path)]
    assert pairs == [Pair("one\u2028two\x85?", "SELECT 1", "given")]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    assert read_pairs(tmp_path / "pairs.jsonl") == pairs


@pytest.fixture
def towns(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "towns.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE towns (id INTEGER PRIMARY KEY, name TEXT, people INTEGER)")
        connection.executemany("INSERT INTO towns VALUES (?, ?, ?)", [(i, f"Town {i}", i * 1000) for i in range(30)])
    with open_database(f"sqlite:///{path}") as database:
        yield database


def test_given_pairs_come_on_top_and_never_leak(towns: Database) -> None:
    given = [
        ("test", Pair("How many towns, please?", "SELECT COUNT(*) FROM towns", "given")),
        ("train", Pair("Count of towns, all told?", "select count( * ) from Towns", "given")),  # goes with the first
        ("train", Pair("Any town called Nowhere?", "SELECT * FROM towns WHERE name = 'Nowhere'", "given")),
        ("train", Pair("Mayors?", "SELECT mayor FROM towns", "given")),
        ("train", Pair("Empty them", "DELETE FROM towns", "given")),
        ("test", Pair("First row?", "SELECT name FROM sqlite_master", "given")),  # runs, but a model's would be refused
        ("validation", Pair("Who is mayor of Town 3?", "", "given", reason="there are no mayors")),
    ]
    wanted = {"train": 40, "validation": 5, "test": 10}
    made = make_pairs(towns, towns.schema(), wanted, dict.fromkeys(wanted, 0), seed=3, given=given)
    kept = {split: [p.question for p in pairs if p.intent == "given"] for split, pairs in made.pairs.items()}
    assert kept == {
        "train": ["Any town called Nowhere?"],
        "validation": ["Who is mayor of Town 3?"],
        "test": sorted(["How many towns, please?", "Count of towns, all told?"], key=kept["test"].index),
    }
    assert {split: len(pairs) - len(kept[split]) for split, pairs in made.pairs.items()} == wanted
    assert made.triage.counts["given: error"] == 3
    assert {e["query"] for e in made.triage.errors} == {p.query for _, p in given[3:6]}
    audit(made.pairs, towns.language)
