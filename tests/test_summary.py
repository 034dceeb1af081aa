"""The table at the end of a run."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from t2q.summary import summary_table

REPORT = Path(__file__).parent / "evaluation" / "data" / "report" / "report.json"


def test_nothing_is_cut_in_a_terminal_of_80_columns() -> None:
    text = io.StringIO()
    Console(file=text, width=80).print(summary_table(json.loads(REPORT.read_text(encoding="utf-8"))))
    assert "…" not in text.getvalue()
    assert "gguf-q4_k_m" in text.getvalue() and "execution" in text.getvalue()
