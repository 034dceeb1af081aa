"""`t2q ask` keeps what it is asked in the log of its run, and never at the cost of an answer."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from t2q.answering.asker import Asker
from t2q.answering.confidence import Confidence
from t2q.answering.unsaid import Carried
from t2q.cli import app
from t2q.databases import open_database
from t2q.log.store import open_log
from t2q.models.base import Completion
from t2q.prepared import Shown
from tests.answering.test_ask import Says

GIVES_ALL = Confidence("q", 0.95, 0.0, 2.0, (-1.0, 0.0, 0.0), (0.0, 0.0, 0.0), Carried(frozenset()))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's folder, and an asker for it whose model has one answer to everything."""
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.sqlite")) as connection:
        connection.execute("CREATE TABLE items (name TEXT)")
        connection.execute("INSERT INTO items VALUES ('pears')")
        connection.commit()
    folder = tmp_path / "shop"
    folder.mkdir()

    def opened(*_: object) -> Asker:
        database = open_database(f"sqlite:///{tmp_path}/shop.sqlite")
        model = Says(Completion("SELECT name FROM items", 9, 0.0, finished=True))
        model.close = lambda: None  # type: ignore[attr-defined]
        shown = Shown(database.schema(), "")
        return Asker(model, database, shown, model_digest="3d", confidence=GIVES_ALL)  # type: ignore[arg-type]

    monkeypatch.setattr(Asker, "open", opened)
    return folder


def test_what_is_asked_is_kept_and_nothing_said_of_it(run: Path) -> None:
    result = CliRunner().invoke(app, ["ask", "--run", str(run)], input="What is sold?\nAnd what else?\n")
    assert result.exit_code == 0 and result.stderr == "" and result.output.count("pears") == 2
    with open_log(run) as log:
        latest, first = log.find()
    assert (first.question, first.query, first.rows, first.source) == (
        "What is sold?",
        "SELECT name FROM items",
        1,
        "ask",
    )
    assert (latest.question, latest.model, len(latest.schema)) == ("And what else?", "3d", 64)
    assert latest.seconds > 0


def test_nothing_is_kept_where_nothing_is_to_be(run: Path) -> None:
    result = CliRunner().invoke(app, ["ask", "What is sold?", "--run", str(run), "--no-log"])
    assert result.exit_code == 0 and "pears" in result.output
    assert not list(run.iterdir())


def test_a_run_that_was_not_evaluated_is_a_line_once(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.GIVES_ALL", None)
    result = CliRunner().invoke(app, ["ask", "--run", str(run), "--json"], input="What is sold?\nAnd what else?\n")
    (line,) = result.stderr.splitlines()
    assert line == f"{run} has not been evaluated with the file that answers: how sure an answer is, is not known"
    assert [json.loads(line)["confidence"] for line in result.stdout.splitlines()] == [None] * 2


def test_a_log_that_cannot_be_opened_is_a_line_once_and_costs_no_answer(run: Path) -> None:
    (run / "recipe.json").write_text(json.dumps({"log": {"database": "bolt://127.0.0.1:1"}}))
    result = CliRunner().invoke(app, ["ask", "--run", str(run)], input="What is sold?\nAnd what else?\n")
    assert result.exit_code == 0 and result.stdout.count("pears") == 2
    assert result.stderr.startswith("not kept: the log in bolt://127.0.0.1:1 does not answer: ")
    assert result.stderr.count("\n") == 1


def test_a_log_that_cannot_be_written_is_a_line_each_time(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2q.log.sqlite.LOCK_WAIT_SECONDS", 0.01)
    with open_log(run) as log:
        log.record("?", Asker.open(run).ask("?"), "ask", "", "")
    with contextlib.closing(sqlite3.connect(run / "log.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        result = CliRunner().invoke(app, ["ask", "--run", str(run), "--json"], input="What is sold?\nAnd?\n")
    assert result.exit_code == 0
    assert [json.loads(line)["rows"] for line in result.stdout.splitlines()] == [[["pears"]]] * 2
    assert [line.rpartition(": ")[2] for line in result.stderr.splitlines()] == ["database is locked"] * 2
