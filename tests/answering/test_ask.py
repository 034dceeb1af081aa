"""What `t2q ask` shows and reads, with answers made by hand."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from t2q.answering import ask
from t2q.answering.answer import Answer
from t2q.answering.ask import Asker
from t2q.errors import T2QError
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


def test_json_holds_no_number_that_json_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    ask._tell(Console(), Answer("q", ("x", "y"), [(float("nan"), 1.5)]), None, as_json=True)  # type: ignore[arg-type]
    assert json.loads(capsys.readouterr().out)["rows"] == [[None, 1.5]]


def test_a_run_with_a_damaged_manifest_is_not_finished(tmp_path: Path) -> None:
    for name in ("prepare", "quantize"):
        (tmp_path / name).mkdir()
    (tmp_path / "prepare" / "manifest.json").write_text("{")
    (tmp_path / "quantize" / "model-q8_0.gguf").touch()
    with pytest.raises(T2QError, match="has no model yet: finish it with `t2q run RECIPE`"):
        Asker.open(tmp_path)
