"""`t2q log list` and `t2q log show`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from t2q.log.interaction import Interaction, as_object
from t2q.log.selecting import Selection, named
from t2q.log.store import open_log
from t2q.prompt import REFUSAL

ID_SHOWN, QUESTION_SHOWN = 8, 200  # characters


def list_command(run: Path, selection: Selection, limit: int) -> None:
    """Prints a table of the latest `limit`."""
    console = Console(highlight=False)
    with open_log(run) as log:
        latest = list(log.find(selection.wanted(log), limit + 1))
    if not latest:
        console.print(f"nothing of that kind in the log of {run}", markup=False, soft_wrap=True)
        return
    console.print(_table(latest[:limit]))
    if len(latest) > limit:
        line = f"… and older ones: --limit lists more, `t2q log export {run}` writes all of them"
        console.print(line, markup=False, soft_wrap=True)


def show_command(run: Path, id: str) -> None:
    """Prints every field of one interaction."""
    with open_log(run) as log:
        found = named(log, id)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for name, value in (as_object(found) | {"asked": _time(found.asked), "judged": _time(found.judged)}).items():
        if value not in (None, ""):
            grid.add_row(name, Text(printable(str(value), lines=True)))
    Console(highlight=False).print(grid)


def _table(found: list[Interaction]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for title in ("id", "asked", "by"):
        table.add_column(title, no_wrap=True)
    table.add_column("question", overflow="fold", ratio=1)
    table.add_column("answer", overflow="fold")
    table.add_column("rated", no_wrap=True)
    for one in found:
        answer = f"{REFUSAL} ({one.kind})" if one.abstained else f"{one.rows} row{'s' * (one.rows != 1)}"
        rated = ", ".join(filter(None, (one.rating, one.correction and "corrected")))
        question = printable(one.question)
        if len(question) > QUESTION_SHOWN:
            question = f"{question[: QUESTION_SHOWN - 1]}…"
        cells = (one.id[:ID_SHOWN], _time(one.asked), one.source, question, answer, rated)
        table.add_row(*map(Text, cells))
    return table


def _time(time: datetime | None) -> str:
    """As the clock here showed it."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}" if time else ""


def printable(text: str, lines: bool = False) -> str:
    """Text of strangers that a terminal takes for nothing but text; in one line, where its `lines` are not to stay."""
    parts = text.splitlines() if lines else [" ".join(text.split())]
    return "\n".join("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in part) for part in parts)
