"""A query is rewritten in the project's own style, and returns the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import yaml

from t2q.databases import open_database
from t2q.errors import SyntaxRefused
from t2q.languages.sql_plain import plain

CASES = yaml.safe_load((Path(__file__).parent / "fixtures" / "plain_sql.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "club.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            'CREATE TABLE Head (Name TEXT, Age INTEGER, Dept INTEGER, Boss TEXT, "Full Title" TEXT);'
            "CREATE TABLE Dept (ID INTEGER PRIMARY KEY, Name TEXT, Budget REAL);"
            "INSERT INTO Head VALUES ('Ann', 60, 1, NULL, 'x'), ('Bob', 40, 2, 'Ann', 'axe');"
            "INSERT INTO Head VALUES ('Eve', 70, 3, 'Ann', 'y');"
            "INSERT INTO Dept VALUES (1, 'Law', 2.5), (2, 'Art', 7.5);"
        )
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["query"][:50])
def test_plain_style_returns_the_same(case: dict[str, str], file: Path) -> None:
    with open_database(f"sqlite:///{file}") as database:
        assert plain(case["query"], database.schema()) == case["plain"]
        assert database.execute(case["query"]).rows == database.execute(case["plain"]).rows


def test_what_does_not_parse_is_refused(file: Path) -> None:
    with open_database(f"sqlite:///{file}") as database, pytest.raises(SyntaxRefused):
        plain("SELECT (", database.schema())
