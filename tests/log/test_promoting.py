"""From judged answers to the pairs that the next run trains on."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from t2q.answering.answer import Answer
from t2q.cli import app
from t2q.data.audit import Seen
from t2q.data.importers.plain import read_plain
from t2q.data.pairs import Pair, answer_text
from t2q.databases import Database, open_database
from t2q.log.interaction import Log, Wanted
from t2q.log.promoted import PROMOTED, read_promoted, write_promoted
from t2q.log.promoting import Promotion, judged, promote, still_standing
from t2q.log.store import open_log
from t2q.prepared import Prepared
from t2q.progress import Progress
from t2q.recipe import Recipe
from t2q.run import Run
from tests.log.interactions import Clock, ask

CASES = yaml.safe_load((Path(__file__).parent / "promotions.yaml").read_text(encoding="utf-8"))
TEST = [
    Pair("Cheapest?", "SELECT name FROM items ORDER BY price LIMIT 1", ""),
    Pair("Dearest?", "SELECT name FROM items ORDER BY price DESC LIMIT 1", ""),
]
SHOP = Path(__file__).parents[2] / "data" / "shop.sqlite"
RECIPE = """
name: shop
database: sqlite:///shop.sqlite
base: t2q/pico-small
pairs: {train: 60, validation: 10, test: 20}
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with contextlib.closing(sqlite3.connect(tmp_path / "items.sqlite")) as connection:
        connection.execute("CREATE TABLE items (name TEXT, price REAL)")
        connection.execute("INSERT INTO items VALUES ('pears', 2), ('plums', 3)")
        connection.commit()
    with open_database(f"sqlite:///{tmp_path}/items.sqlite") as opened:
        yield opened


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    Clock(monkeypatch)
    with open_log(tmp_path) as opened:
        yield opened


def promotion(log: Log, run: Path, database: Database) -> Promotion:
    """As the verb does it, but for what it prints."""
    made = Promotion()
    standing = still_standing(judged(log, read_promoted(run), made), database.language)
    promote(made, standing, Seen(TEST, database.language), database.schema(), database)
    write_promoted(run, made.pairs)
    return made


def say(log: Log, said: dict[str, str]) -> None:
    (rating, question), (kind, text), *rest = said.items()
    query = dict(rest).get("query", "")
    found = Answer(text, ("name",)) if kind == "query" else Answer(query, abstained=True, kind=kind, reason=text)
    id = ask(log, question, found)
    if rating != "-":
        log.rate(id, rating)  # type: ignore[arg-type]
    if "correct" in said:
        log.correct(id, said["correct"])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_learnt_of_what_was_said(case: dict[str, Any], log: Log, database: Database, tmp_path: Path) -> None:
    for said in case["said"]:
        say(log, said)
    made = promotion(log, tmp_path, database)
    pairs = read_plain(tmp_path / PROMOTED) if (tmp_path / PROMOTED).exists() else []
    assert [f"{pair.question} -> {answer_text(pair)}" for _, pair in pairs] == case.get("takes", [])
    assert {split for split, _ in pairs} <= {"train"}
    assert [why[: len(words)] for why, words in zip(made.left_out, case.get("leaves", []), strict=True)] == case.get(
        "leaves", []
    )
    assert made.taken.total() == len(pairs)


def test_what_grew_too_old_for_the_log_stays_promoted_until_somebody_judges_otherwise(
    log: Log, database: Database, tmp_path: Path
) -> None:
    query = "SELECT name FROM items"
    for question in ("One?", "Two?", "Three?"):
        say(log, {"up": question, "query": query})
    assert len(promotion(log, tmp_path, database).pairs) == 3
    log.forget(Wanted(text="o"))  # as age does: One and Two; nothing is taken out of the pairs
    log.rate(next(log.find()).id, None)
    say(log, {"down": "two?", "query": query})
    made = promotion(log, tmp_path, database)
    assert [pair.question for pair in made.pairs] == ["One?"] and dict(made.taken) == {"promoted before": 1}
    before = (tmp_path / PROMOTED).read_bytes()
    promotion(log, tmp_path, database)
    assert (tmp_path / PROMOTED).read_bytes() == before


def test_a_query_is_promoted_as_it_was_put_right(log: Log, tmp_path: Path) -> None:
    """Of a graph: the arrow stands the wrong way round in what a person wrote."""
    graph = {
        "nodes": [
            {"id": 1, "labels": ["Person"], "props": {"name": "Ada"}},
            {"id": 2, "labels": ["City"], "props": {"name": "Porto"}},
        ],
        "rels": [{"start": 1, "end": 2, "type": "LIVES_IN"}],
    }
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    say(log, {"down": "Who?", "refused": "", "correct": "MATCH (p:Person)<-[:LIVES_IN]-(c:City) RETURN p.name"})
    with open_database(f"graph:{tmp_path}/graph.json") as database:
        [pair] = promotion(log, tmp_path, database).pairs
    assert pair.query == "MATCH (p:Person)-[:LIVES_IN]->(c:City) RETURN p.name"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a recipe, whose run is prepared, and no more."""
    monkeypatch.chdir(tmp_path)
    Path("shop.sqlite").write_bytes(SHOP.read_bytes())
    Path("recipe.yaml").write_text(RECIPE)
    prepare()
    return Path("runs/shop")


def prepare(*overrides: str) -> dict[str, list[Pair]]:
    Run(Recipe.load("recipe.yaml", overrides=overrides), Progress()).execute(last="prepare")
    prepared = Prepared.load(Path("runs/shop/prepare"))
    return {split: prepared.pairs(split) for split in ("train", "validation", "test")}


def t2q(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def planned() -> str:
    """What the next run would do with prepare, and why."""
    lines = t2q("run", "recipe.yaml", "--dry-run").splitlines()
    [line] = [line for line in lines if line.startswith("│ prepare ")]
    return " ".join(line.replace("│", " ").split()).removeprefix("prepare ")


def test_what_people_said_of_answers_is_in_the_next_training(shop: Path) -> None:
    tested = prepare()["test"]
    answerable = next(pair for pair in tested if pair.answerable)
    with open_log(shop) as log:
        say(log, {"up": "Give me the names of who works here", "query": "SELECT name FROM employees"})
        say(
            log, {"down": "Where do we sell?", "query": "SELECT 1", "correct": "SELECT DISTINCT country FROM customers"}
        )
        say(log, {"up": "How many dragons are in stock?", "refused": "there are no dragons"})
        say(log, {"up": "Another wording of a test's", "query": answerable.query})
        say(log, {"up": "Which budgets?", "query": "SELECT budget FROM employees"})
    assert t2q("log", "promote", str(shop)).splitlines() == [
        "promoted to runs/shop/promoted.jsonl: 1 liked, 1 corrected, 1 rightly declined; "
        "the next `t2q run` of the recipe learns them",
        "left out, 1: the run's test asks the same question or query",
        "  Another wording of a test's",
        "left out, 1: the query no longer runs",
        "  Which budgets?: SELECT budget FROM employees: the database has no column employees.budget",
    ]
    assert planned() == "run pairs promoted from the log changed"
    made = prepare()
    asked = {pair.question: answer_text(pair) for pair in made["train"]}
    assert asked["Give me the names of who works here"] == "SELECT name FROM employees"
    assert asked["Where do we sell?"] == "SELECT DISTINCT country FROM customers"
    assert asked["How many dragons are in stock?"] == "I don't know: there are no dragons"
    assert len(made["train"]) == 63
    assert {pair.question for pair in made["test"]} == {pair.question for pair in tested}
    rows = json.loads((shop / "prepare" / "litgpt" / "train.json").read_text())
    assert "Where do we sell?" in json.dumps(rows)
    assert planned() == "up to date"

    t2q("log", "forget", str(shop), "--all", "--yes")
    assert not (shop / PROMOTED).exists()
    assert planned() == "run pairs promoted from the log no longer there"
    assert len(prepare()["train"]) == 60
    assert not [path for path in shop.rglob("*") if path.is_file() and b"dragons are in stock" in path.read_bytes()]


def test_what_files_of_the_recipe_test_with_is_not_trained_on(shop: Path) -> None:
    with open_log(shop) as log:
        say(log, {"up": "Where do people live?", "query": "SELECT DISTINCT city FROM customers"})
        say(log, {"up": "Who works here?", "query": "SELECT name FROM employees"})
    t2q("log", "promote", str(shop))
    given = [
        {"question": "Which cities?", "query": "select distinct city from customers", "split": "test"},
        {"question": "who works  here?", "query": "SELECT name FROM employees WHERE 1 = 1", "split": "validation"},
    ]
    Path("given.jsonl").write_text("".join(json.dumps(row) + "\n" for row in given))
    made = prepare("pairs.files=[given.jsonl]")
    where = {pair.question: split for split, pairs in made.items() for pair in pairs}
    assert (where["Which cities?"], where["who works  here?"]) == ("test", "validation")
    assert not {"Where do people live?", "Who works here?"} & where.keys()
    told = Path("runs/shop/run.log").read_text()
    assert "prepare: 0 of 2 pairs promoted from the log are taken\n" in told


@pytest.mark.parametrize("text", ["{", '{"question": "?", "query": "SELECT 1"}\n', "[]"])
def test_a_file_that_something_else_wrote_is_left_alone(shop: Path, text: str) -> None:
    (shop / PROMOTED).write_text(text)
    result = CliRunner().invoke(app, ["log", "promote", str(shop)])
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert "promoted.jsonl is not as `t2q log promote` writes it" in result.stderr
    assert (shop / PROMOTED).read_text() == text


def test_a_run_without_questions_cannot_promote(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["log", "promote", str(tmp_path)])
    assert result.exit_code == 1 and "manifest.json is missing or damaged: make it again with `t2q run" in result.stderr
