"""The table at the end of a run."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from t2q.summary import print_summary, summary_table

REPORT = Path(__file__).parent / "evaluation" / "data" / "report" / "report.json"


def test_nothing_is_cut_in_a_terminal_of_80_columns() -> None:
    text = io.StringIO()
    Console(file=text, width=80).print(summary_table(json.loads(REPORT.read_text(encoding="utf-8"))))
    assert "…" not in text.getvalue()
    assert "gguf-q4_k_m" in text.getvalue() and "execution" in text.getvalue()


@pytest.mark.parametrize(("database", "asks"), [("sqlite:///shop.sqlite", True), ("spider:data/spider", False)])
def test_a_run_about_one_database_says_how_to_ask_it(tmp_path: Path, database: str, asks: bool) -> None:
    report = json.loads(REPORT.read_text(encoding="utf-8")) | {"database": database}
    (tmp_path / "report.json").write_text(json.dumps(report), encoding="utf-8")
    text = io.StringIO()
    print_summary(tmp_path, Console(file=text, width=80))
    assert "report:" in text.getvalue() and ("t2q ask" in text.getvalue()) == asks
