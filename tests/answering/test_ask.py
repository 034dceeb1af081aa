"""What `t2q ask` shows and reads, with answers made by hand."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from t2q.answering import ask
from t2q.answering.answer import Answer
from t2q.answering.ask import Asker
from t2q.models.base import Completion


def shown(found: Answer) -> str:
    console = Console(file=io.StringIO(), width=80)
    asker = SimpleNamespace(database=SimpleNamespace(language=SimpleNamespace(name="sql")))
    ask._tell(console, found, asker, as_json=False)  # type: ignore[arg-type]
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


def test_a_query_that_was_cut_is_not_run() -> None:
    model = SimpleNamespace(generate=lambda *_: [Completion("SELECT 1", 256, 0.0, finished=False)])
    prepared = SimpleNamespace(prompt=lambda question: question, schema=None)
    found = Asker(model, database=None, prepared=prepared).ask("?")  # type: ignore[arg-type]
    assert (found.abstained, found.reason, found.rows) == (True, "the query grew too long and was cut", [])
