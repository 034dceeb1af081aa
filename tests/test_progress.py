"""Progress: plain lines where there is no terminal, a bar where there is one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from t2q import progress
from t2q.progress import Progress, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.24, "3.2 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (65, "1 min 05 s"), (7383, "2 h 03 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_without_a_terminal_lines_come_now_and_then_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 4.0, 12.0, 13.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    out = io.StringIO()
    with Progress(Console(file=out, highlight=False)).task("training", total=8) as task:
        task.advance(1, note="loss 3.0")
        task.advance(2, note="loss 2.0")
        task.advance(5)
    assert out.getvalue().splitlines() == [
        "  training 3/8, 20.0 s left · loss 2.0",
        "  training 8/8 in 20.0 s · loss 2.0",
    ]


def test_a_total_may_come_later_and_markup_is_text() -> None:
    out = io.StringIO()
    shown = Progress(Console(file=out, highlight=False))
    with shown.task("reading") as task:
        task.total(2)
        task.advance(2)
    shown.say("[bold]a name[/]" + "x" * 200)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("  reading 2/2 in ") and lines[1] == "[bold]a name[/]" + "x" * 200


def test_a_terminal_shows_a_bar_with_the_note() -> None:
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=True, width=120)).task("training", total=2) as task:
        task.advance(1, note="loss 0.5")
    assert "training" in out.getvalue() and "1/2" in out.getvalue() and "loss 0.5" in out.getvalue()
