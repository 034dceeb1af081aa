"""A recipe about many databases: what its questions become, and that each is asked of its own."""

from __future__ import annotations

import io
import json
import sqlite3
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from t2q.bases import litgpt_checkpoint
from t2q.check import check_recipe
from t2q.databases import open_database
from t2q.errors import DatabaseError, RecipeError, T2QError
from t2q.fingerprint import database
from t2q.prepared import Prepared
from t2q.progress import Progress
from t2q.recipe import Recipe
from t2q.stages import StageContext, evaluate, prepare
from t2q.stages.train import check_rows, training_config

THINGS = {"train": ["cows", "boats", "hats"], "dev": ["bees", "cups"]}


def table(name: str) -> str:
    return f"CREATE TABLE {name} (name TEXT, Age INTEGER); INSERT INTO {name} VALUES ('one', 1), ('two', 2);"


def questions(name: str) -> list[dict[str, str]]:
    return [
        {"db_id": name, "question": f"How many {name} are there?", "query": f"SELECT count(*) FROM {name}"},
        {
            "db_id": name,
            "question": f"Which {name} are 2?",
            "query": f"select T1.name from {name} as T1 where T1.age = 2",
        },
        {"db_id": name, "question": "What is wrong?", "query": f"SELECT nothing FROM {name}"},
    ]


@pytest.fixture
def spider(tmp_path: Path) -> Path:
    folder = tmp_path / "spider"
    for split, names in THINGS.items():
        for name in names:
            (folder / "database" / name).mkdir(parents=True)
            with sqlite3.connect(folder / "database" / name / f"{name}.sqlite") as connection:
                connection.executescript(table(name))
        rows = (row for name in names for row in questions(name))
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


@pytest.fixture
def recipe(spider: Path, tmp_path: Path) -> Recipe:
    path = tmp_path / "spider.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "name": "spider",
                "database": f"spider:{spider}",
                "base": "t2q/pico-small",
                "pairs": {"validation": 1},
                "train": {"batch_size": 2, "epochs": 5},
            }
        )
    )
    return Recipe.load(path)


def context(recipe: Recipe, out: Path, said: list[str], **inputs: Path) -> StageContext:
    out.mkdir(exist_ok=True)
    progress = Progress(Console(file=io.StringIO()))
    return StageContext(recipe, out, out, inputs, out, 3, progress, said.append)


@pytest.fixture
def prepared(recipe: Recipe, tmp_path: Path) -> Path:
    said: list[str] = []
    facts = prepare.run(context(recipe, tmp_path / "prepare", said))
    assert facts == {"pairs": {"train": 4, "validation": 2, "test": 4}, "databases": 5}
    assert said == ["5 of 15 questions are left out: their queries do not run, or do more than read"]
    return tmp_path / "prepare"


def test_questions_are_split_by_database_and_written_in_plain_style(prepared: Path) -> None:
    loaded = Prepared.load(prepared)
    asked = {split: {pair.database for pair in loaded.pairs(split)} for split in ("train", "validation", "test")}
    assert asked["train"] | asked["validation"] == set(THINGS["train"]) and len(asked["validation"]) == 1
    assert asked["test"] == set(THINGS["dev"])
    (name, *_) = asked["train"]
    assert {pair.query for pair in loaded.pairs("train") if pair.database == name} == {
        f"SELECT COUNT(*) FROM {name}",
        f"SELECT name FROM {name} WHERE Age = 2",
    }
    for pair in loaded.pairs("test"):
        assert loaded.prompt(pair).count(f"{pair.database}: name text") == 1
    rows = json.loads((prepared / "litgpt" / "train.json").read_text())
    assert [loaded.databases[p.database].text for p in loaded.pairs("train")] == [row["input"] for row in rows]
    with pytest.raises(T2QError, match="5 databases, and this needs a run about one"):
        _ = loaded.only


def test_a_database_that_is_asked_in_both_keeps_them_apart(recipe: Recipe, spider: Path, tmp_path: Path) -> None:
    shared = {"db_id": "cows", "question": "Who is 1?", "query": "SELECT name FROM cows WHERE age = 1"}
    with (spider / "dev.jsonl").open("a") as file:
        file.write(json.dumps(shared) + "\n")
    facts = prepare.run(context(recipe, tmp_path / "prepare", []))
    assert facts == {"pairs": {"train": 4, "validation": 2, "test": 5}, "databases": 5}
    loaded = Prepared.load(tmp_path / "prepare")
    trained = {pair.question for split in ("train", "validation") for pair in loaded.pairs(split)}
    assert "Who is 1?" not in trained and "How many cows are there?" in trained


def test_each_batch_is_about_one_database_and_long_schemas_train_nothing(prepared: Path, recipe: Recipe) -> None:
    checkpoint = litgpt_checkpoint("t2q/pico-small")
    loaded = Prepared.load(prepared)
    numbers, long = check_rows(loaded, checkpoint)
    assert numbers["train"] == 4 and not long
    assert training_config(recipe, checkpoint, prepared, pairs=[2, 2])["train"]["max_steps"] == 10
    lines = (prepared / "databases.jsonl").read_text().splitlines()
    wide = json.loads(lines[0]) | {"text": "t: a integer, " * 900}
    (prepared / "databases.jsonl").write_text("\n".join([json.dumps(wide), *lines[1:]]) + "\n")
    _, long = check_rows(Prepared.load(prepared), checkpoint)
    assert {pair.database for pair in long} == {wide["name"]} and len(long) == 2


def test_each_question_is_asked_of_its_own_database(
    prepared: Path, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = litgpt_checkpoint("t2q/pico-small")
    monkeypatch.setattr(evaluate, "model_paths", lambda _: {"tuned": base, "hf": base})
    empty = {name: tmp_path / name for name in ("train", "merge", "hf", "gguf", "quantize")}
    empty["train"].mkdir()
    (empty["train"] / "losses.jsonl").touch()
    facts = evaluate.run(context(recipe, tmp_path / "evaluate", [], prepare=prepared, **empty))
    assert set(facts["steps"]) == {"tuned", "hf"}
    lines = [
        json.loads(line) for line in (tmp_path / "evaluate" / "predictions" / "tuned.jsonl").read_text().splitlines()
    ]
    assert [line["id"] for line in lines] == [0, 1, 2, 3]
    assert any(line["correct"] for line in lines)  # "How many bees are there?"
    assert (tmp_path / "evaluate" / "report.html").is_file()


def test_the_check_counts_the_questions(recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_recipe(recipe.path, None, ["train.batch_size=3"])
    told = capsys.readouterr().out
    assert "9 questions about 3 databases to train on, 6 about 2 others to test" in " ".join(told.split())
    assert "15 steps of 3 pairs" in told


def test_it_is_no_single_database(spider: Path) -> None:
    with pytest.raises(DatabaseError, match="is many databases"):
        open_database(f"spider:{spider}")


def test_what_is_missing_is_named(recipe: Recipe, spider: Path, tmp_path: Path) -> None:
    (spider / "train.jsonl").unlink()
    with pytest.raises(RecipeError, match=r"train\.jsonl: No such file"):
        prepare.run(context(recipe, tmp_path / "prepare", []))


def test_other_questions_make_the_run_anew(recipe: Recipe, spider: Path) -> None:
    before = database(recipe)
    with (spider / "dev.jsonl").open("a") as file:
        file.write(json.dumps(questions("bees")[0]) + "\n")
    assert database(recipe) != before
