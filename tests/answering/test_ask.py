"""What `t2q ask` shows and reads, with answers made by hand."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from t2q.answering import ask
from t2q.answering.answer import Answer
from t2q.answering.asker import Asker
from t2q.answering.confidence import Confidence
from t2q.answering.unsaid import Carried
from t2q.databases import open_database
from t2q.databases.base import Result
from t2q.errors import DatabaseError, QueryTimeout, T2QError
from t2q.models.base import Completion, Then
from t2q.prepared import Shown
from t2q.schema import Schema


class Says:
    """A model with one answer to everything."""

    def __init__(self, completion: Completion) -> None:
        self.completion = completion

    def generate(self, _prompts: object, _limit: int, *_: object, then: Then, **__: object) -> list[Completion]:
        assert then(0, self.completion) == []
        return [self.completion]


def shown(found: Answer) -> str:
    console = Console(file=io.StringIO(), width=80)
    asker = SimpleNamespace(database=SimpleNamespace(language=SimpleNamespace(name="sql")))
    ask._tell(console, "?", found, asker, as_json=False)  # type: ignore[arg-type]
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_stored_text_in_square_brackets_is_shown_as_it_is() -> None:
    text = shown(Answer("SELECT 1", ("[bold]",), [("[draft] Report",), ("see [/etc/hosts]",), (None,)]))
    assert "[bold]" in text and "[draft] Report" in text and "see [/etc/hosts]" in text and "–" in text


@pytest.mark.parametrize(("interactive", "read"), [(False, ["a", "b"]), (True, ["a"])])
def test_a_blank_line_ends_a_prompt_but_not_a_pipe(
    interactive: bool, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a\n\nb\n"))
    assert list(ask._questions(interactive)) == read


def test_words_that_end_other_prompts_end_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a\nquit\nb\n"))
    assert list(ask._questions(interactive=True)) == ["a"]


def test_an_empty_question_is_none(tmp_path: Path) -> None:
    with pytest.raises(T2QError, match="the question is empty: write one"):
        ask.ask_command(tmp_path, "  ", as_json=False)


def test_a_pipe_gets_a_query_in_one_line() -> None:
    query = "SELECT name FROM customers WHERE " + " AND ".join(["name = 'Ada'"] * 20)
    assert shown(Answer(query)).splitlines()[0] == query


@pytest.mark.parametrize(
    ("rows", "truncated", "line"),
    [
        (50, False, ""),
        (1052, False, "… 1,002 more rows; --json prints all of them\n"),
        (1000, True, "… and more rows; --json prints the first 1,000\n"),
    ],
)
def test_rows_that_are_not_shown_are_told(rows: int, truncated: bool, line: str) -> None:
    text = shown(Answer("q", ("n",), [(1,)] * rows, truncated=truncated))
    assert text.count("│ 1") == 50 and text.partition("┘\n")[2] == line


@pytest.mark.parametrize(
    ("reason", "confidence", "told"),
    [("not sure", 0.7368, True), ("not sure", None, False), ("nothing was found. No city is 'X'.", 0.7368, False)],
)
def test_an_answer_held_back_says_how_to_see_it(reason: str, confidence: float | None, told: bool) -> None:
    text = shown(Answer("q", abstained=True, reason=reason, kind="unsure", confidence=confidence))
    assert ("to see what it gives all the same: --threshold 0.73\n" in text) == told


def test_a_database_of_another_shape_is_not_taken_for_an_answer(tmp_path: Path) -> None:
    def schema(columns: str) -> Schema:
        path = tmp_path / "shop.sqlite"
        path.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(f"CREATE TABLE items ({columns})")
        with open_database(f"sqlite:///{path}") as database:
            return database.schema()

    model = Says(Completion("SELECT price FROM items", 9, 0.0, finished=True))
    learnt = Shown(schema("name TEXT, price REAL"), "")
    schema("name TEXT, cost REAL")
    with open_database(f"sqlite:///{tmp_path}/shop.sqlite") as database:
        asker = Asker(model, database, learnt)  # type: ignore[arg-type]
        with pytest.raises(
            DatabaseError, match=r"is not what the run was made for: it has no items\.price; make the run"
        ):
            asker.ask("?")


def test_a_query_that_was_cut_is_not_run() -> None:
    model = Says(Completion("SELECT 1", 256, 0.0, finished=False))
    found = Asker(model, database=None, shown=Shown(Schema("sql", "sqlite", ()), "")).ask("?")  # type: ignore[arg-type]
    assert (found.abstained, found.reason, found.rows) == (True, "the query grew too long and was cut", [])


@pytest.mark.parametrize(("logprob", "kind"), [(-0.5, ""), (-5.0, "unsure")])
def test_without_a_confidence_the_likelihood_decides(tmp_path: Path, logprob: float, kind: str) -> None:
    path = tmp_path / "one.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE items (name TEXT)")
    model = Says(Completion("SELECT name FROM items", 4, logprob, finished=True))
    with open_database(f"sqlite:///{path}") as database:
        found = Asker(model, database, Shown(database.schema(), "")).ask("?")  # type: ignore[arg-type]
    assert (found.kind, found.abstained, found.query) == (kind, bool(kind), "SELECT name FROM items")


@pytest.mark.parametrize(
    ("query", "threshold", "kind", "reason"),
    [
        ("SELECT name FROM items", 0.5, "", ""),
        ("SELECT name FROM items", 0.95, "unsure", "the model is only 73 % sure of this query, and from 95 % on"),
        (
            "SELECT name FROM items WHERE name = 'Cap'",
            0.95,
            "unsure",
            "nothing was found. No name is 'Cap'; there is 'Cup'.",
        ),
    ],
)
def test_an_answer_is_given_from_the_threshold_on(
    tmp_path: Path, query: str, threshold: float, kind: str, reason: str
) -> None:
    path = tmp_path / "one.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE items (name TEXT)")
        connection.execute("INSERT INTO items VALUES ('Cup')")
        connection.commit()
    model = Says(Completion(query, 4, -4.0, finished=True))  # of a doubt of 1
    sure = Confidence("q", 0.95, threshold, 2.0, (-1.0, 0.0, 0.0), (0.0, 0.0, 0.0), Carried(frozenset()))
    with open_database(f"sqlite:///{path}") as database:
        asker = Asker(model, database, Shown(database.schema(), ""), confidence=sure)  # type: ignore[arg-type]
        found = asker.ask("?")
    assert found.confidence == pytest.approx(0.731, abs=1e-3)
    assert (found.kind, found.rows) == (kind, [] if kind else [("Cup",)]) and found.reason.startswith(reason)
    assert found.query == query


@pytest.mark.parametrize(("rows", "runs"), [(1, [(2.0, 1000)]), (150, [(2.0, 1000)]), (0, [(2.0, 1000), (10.0, 1000)])])
def test_a_query_runs_once_unless_it_takes_long(
    tmp_path: Path, rows: int, runs: list[tuple[float, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded graph has one time limit for all queries; to set another takes longer than to run most."""
    path, found = tmp_path / "one.sqlite", []
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE items (number INTEGER)")
        connection.executemany("INSERT INTO items VALUES (?)", [(n,) for n in range(rows)])
        connection.commit()
    with open_database(f"sqlite:///{path}") as database:
        execute = database.execute

        def executed(query: str, timeout: float, max_rows: int) -> Result:
            found.append((timeout, max_rows))
            if not rows and timeout < 10:
                raise QueryTimeout("the query ran longer than 2 s")
            return execute(query, timeout, max_rows)

        monkeypatch.setattr(database, "execute", executed)
        model = Says(Completion("SELECT number FROM items", 4, 0.0, finished=True))
        answer = Asker(model, database, Shown(database.schema(), "")).ask("?")  # type: ignore[arg-type]
    assert (len(answer.rows), found) == (rows, runs)


def test_a_refusal_need_not_be_likely() -> None:
    model = Says(Completion("I don't know: no boats", 4, -9.0, finished=True))
    found = Asker(model, database=None, shown=Shown(Schema("sql", "sqlite", ()), "")).ask("?")  # type: ignore[arg-type]
    assert (found.kind, found.reason) == ("refused", "no boats")


def test_json_holds_no_number_that_json_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    found = Answer("q", ("x", "y"), [(float("nan"), 1.5)])
    ask._tell(Console(), "?", found, None, as_json=True)  # type: ignore[arg-type]
    assert json.loads(capsys.readouterr().out)["rows"] == [[None, 1.5]]


def test_a_run_with_a_damaged_manifest_is_told_from_one_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(T2QError, match="has no model yet: finish it with `t2q run RECIPE`"):
        Asker.open(tmp_path)
    for name in ("prepare", "quantize"):
        (tmp_path / name).mkdir()
    (tmp_path / "prepare" / "manifest.json").write_text("{")
    (tmp_path / "quantize" / "model-q8_0.gguf").touch()
    with pytest.raises(T2QError, match=r"manifest\.json is missing or damaged: make it again with `t2q run RECIPE`"):
        Asker.open(tmp_path)
