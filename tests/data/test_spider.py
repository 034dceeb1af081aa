"""Spider's form is read, and what is not of that form is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from t2q.data.importers.spider import read_spider
from t2q.errors import RecipeError

ROWS = [
    {"db_id": "club", "question": "How many  members\nare there?", "query": "SELECT count(*)  FROM members ;"},
    {"db_id": "farm", "question": "List the cows", "query": "SELECT name FROM cows"},
    {"db_id": "club", "question": "Who is 30?", "query": "SELECT name FROM members WHERE age = 30"},
]


@pytest.fixture
def databases(tmp_path: Path) -> Path:
    for name in ("club", "farm"):
        (tmp_path / "database" / name).mkdir(parents=True)
        (tmp_path / "database" / name / f"{name}.sqlite").touch()
    return tmp_path / "database"


@pytest.mark.parametrize("lines", [True, False])
def test_questions_are_put_together_by_database(databases: Path, tmp_path: Path, lines: bool) -> None:
    file = tmp_path / "dev.json"
    file.write_text("\n".join(map(json.dumps, ROWS)) if lines else json.dumps(ROWS, indent=1))
    club, farm = read_spider(file, databases)
    assert [(p.question, p.query) for p in club.pairs] == [
        ("How many members are there?", "SELECT count(*) FROM members"),
        ("Who is 30?", "SELECT name FROM members WHERE age = 30"),
    ]
    assert farm.url == f"sqlite:///{databases}/farm/farm.sqlite" and len(farm.pairs) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"db_id": "club", "question": "x"}', r"dev.json:1: not a question of Spider's form: KeyError\('query'\)"),
        ('{"db_id": "club", "question": 3, "query": "x"}', "dev.json:1: not a question of Spider's form"),
        ('{"db_id": "zoo", "question": "x", "query": "y"}', "asks about zoo, and .*zoo.sqlite is not there"),
        ("{", "dev.json"),
        ("[1, 2", "dev.json"),
    ],
)
def test_what_is_not_of_that_form_is_named(databases: Path, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "dev.json"
    file.write_text(text)
    with pytest.raises(RecipeError, match=said):
        list(read_spider(file, databases))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"train.jsonl: No such file"):
        list(read_spider(tmp_path / "train.jsonl", tmp_path))
