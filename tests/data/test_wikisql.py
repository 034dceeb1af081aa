"""WikiSQL's questions: read into their parts, written in either language, mixed into a pretraining corpus."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from t2q.data.importers.wikisql import Table, TableQuestion, as_numbers, read_wikisql
from t2q.errors import RecipeError
from t2q.languages import language_for
from t2q.pretrain import corpus
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.real_sources import TABLE_SHARE, RealSources
from t2q.pretrain.worlds.real_tables import real_table_world
from t2q.pretrain.worlds.real_world import REAL

LINES = [
    ("1-1", ["pos", "no"], "Who was number 21?", "SELECT pos FROM t WHERE \"no\" = '21' AND pos = 'it''s AND so'"),
    ("1-1", ["pos", "no"], "How many?", 'SELECT count("no") FROM t'),
    ("1-2", ["goals_for", "team"], "Most goals after 3?", "SELECT max(goals_for) FROM t WHERE goals_for > 3.5"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "wikisql.jsonl"
    keys = ("table", "columns", "question", "query")
    path.write_text("".join(json.dumps(dict(zip(keys, line, strict=True))) + "\n" for line in LINES))
    return path


def test_queries_are_read_into_their_parts(file: Path) -> None:
    assert list(read_wikisql(file)) == [
        Table(
            "1-1",
            ("pos", "no"),
            (
                TableQuestion("Who was number 21?", "", "pos", (("no", "=", "21"), ("pos", "=", "it's AND so"))),
                TableQuestion("How many?", "count", "no", ()),
            ),
        ),
        Table(
            "1-2",
            ("goals_for", "team"),
            (TableQuestion("Most goals after 3?", "max", "goals_for", (("goals_for", ">", 3.5),)),),
        ),
    ]


def test_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps({"table": "1", "columns": ["a"], "question": "?", "query": "SELECT a FROM t LIMIT 3"}))
    with pytest.raises(RecipeError, match=r"other.jsonl:1: not a question of WikiSQL's form: .* LIMIT 3"):
        list(read_wikisql(path))


def test_columns_compared_by_size_hold_numbers() -> None:
    def table(*values: str) -> Table:
        questions = [TableQuestion("?", "", "city", (("crowd", ">", values[0]),))]
        return Table("1", ("city", "crowd"), (*questions, TableQuestion("?", "", "city", (("crowd", "=", values[1]),))))

    def found(table: Table) -> list[object]:
        return [value for q in as_numbers(table).questions for _, _, value in q.conditions]

    assert found(table("11,918", "7.5")) == [11918, 7.5]
    assert found(table("11,918", "many")) == ["11,918", "many"]


def test_real_questions_are_written_in_either_language(file: Path) -> None:
    goals = list(read_wikisql(file))[1]
    seen = set()
    for seed in range(40):
        rng = random.Random(seed)
        world = real_table_world(goals, rng, Inventor(rng))
        language = language_for(world.schema.dialect)
        (pair,) = world.pairs
        assert (pair.question, pair.intent) == ("Most goals after 3?", REAL)
        assert not language.unknown(pair.query, world.schema), pair.query
        language.prove_read_only(pair.query)
        assert "3.5" in pair.query and "max(" in pair.query.lower()
        seen.add(language.name)
    assert seen == {"sql", "cypher"}


def test_a_share_of_the_corpus_is_real_and_things_are_called_as_real_ones_are(file: Path) -> None:
    real, rng = RealSources.read(str(file), ""), random.Random(1)
    assert real.names == ("it's AND so",) and set(real.columns) == {"pos", "goals for", "team"}
    documents = [corpus.make_document(rng, 6, real=real) for _ in range(120)]
    about_real = [d for d in documents if any(p.intent == REAL for p in d.pairs)]
    assert 0.6 * TABLE_SHARE < len(about_real) / 120 < 1.4 * TABLE_SHARE
    assert all(len(d.pairs) > corpus.MADE_FOR_REAL for d in about_real)
    made = [d for d in documents if d not in about_real]
    assert any("it's AND so" in pair.question for d in made for pair in d.pairs)
