"""`t2q ask`: a question to a run's quantised model, answered from the run's database."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from t2q.answering.answer import NOTHING_FOUND, UNSURE, Answer, as_object
from t2q.answering.asker import Asker
from t2q.answering.keeping import Keeping
from t2q.errors import T2QError
from t2q.prompt import REFUSAL

SHOWN_ROWS = 50
ENDINGS = ("", "exit", "quit")


def ask_command(
    run: Path, question: str | None, as_json: bool, keep: bool = True, threshold: float | None = None
) -> None:
    """Answers one question, or, without one, each line that is typed (or piped in) until the end of input; each goes
    into the run's log where it is to `keep` them. `threshold`: see `open_run`. Raises T2QError."""
    if question is not None and not question.strip():
        raise T2QError("the question is empty: write one, or leave it out to be asked for several")
    console = Console(highlight=False)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a piped line need not be in the terminal's encoding
    with Asker.open(Path(run), threshold) as asker, Keeping(run, asker, keep) as keeping:
        if asker.confidence is None:
            print(
                f"{run} has not been evaluated with the file that answers: how sure an answer is, is not known",
                file=sys.stderr,
            )

        def answer(question: str) -> None:
            found = asker.ask(question)
            _tell(console, question, found, asker, as_json)
            keeping.record(question, found)

        if question is not None:
            answer(question)
            return
        interactive = sys.stdin.isatty()
        if interactive and not as_json:
            console.print(f"Ask {asker.database.url}; an empty line ends.", markup=False)
        for line in _questions(interactive):
            if not interactive and not as_json:
                console.print(f"? {line}", markup=False, soft_wrap=True)
            answer(line)


def _questions(interactive: bool) -> Iterator[str]:
    """Lines that are not blank; at a terminal a blank one ends, and so do the words that end other prompts."""
    while True:
        try:
            line = input("? " if interactive else "").strip()
        except (EOFError, KeyboardInterrupt):
            return
        if interactive and line.lower() in ENDINGS:
            return
        if line:
            yield line


def _tell(console: Console, question: str, found: Answer, asker: Asker, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"question": question} | as_object(found), ensure_ascii=False, allow_nan=False), flush=True)
        return
    say = partial(console.print, markup=False, soft_wrap=True)  # a pipe gets whole lines
    if found.query and console.is_terminal:
        lexer = asker.database.language.name
        console.print(Syntax(found.query, lexer, word_wrap=True, background_color="default"))
    elif found.query:
        say(found.query)
    if found.refuted:
        say(f"asked again, since the schema has it; the model said {found.refuted}", style="dim")
    if found.written:
        say(f"put right by the schema; the model wrote {found.written}", style="dim")
    if found.abstained:
        say(f"{REFUSAL}: {found.reason}", style="yellow")
        if found.kind == UNSURE and found.confidence is not None and not found.reason.startswith(NOTHING_FOUND):
            enough = math.floor(100 * found.confidence) / 100
            say(f"to see what it gives all the same: --threshold {enough}", style="dim")
    elif not found.rows:
        say(found.words)
    else:
        console.print(_table(found))
        if found.truncated:
            say(f"… and more rows; --json prints the first {len(found.rows):,}")
        elif len(found.rows) > SHOWN_ROWS:
            say(f"… {len(found.rows) - SHOWN_ROWS:,} more rows; --json prints all of them")


def _table(found: Answer) -> Table:
    table = Table()
    for i, column in enumerate(found.columns):
        numbers = all(isinstance(row[i], int | float) for row in found.rows[:SHOWN_ROWS])
        table.add_column(Text(column), justify="right" if numbers else "left", overflow="fold")
    for row in found.rows[:SHOWN_ROWS]:
        table.add_row(*(Text("–" if cell is None else str(cell)) for cell in row))
    return table
