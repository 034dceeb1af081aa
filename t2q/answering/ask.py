"""`t2q ask`: a question to a run's quantised model, answered from the run's database."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from t2q.answering.answer import Answer, answer, cut
from t2q.answering.completing import complete
from t2q.databases import Database, open_database
from t2q.databases.urls import with_file_in
from t2q.errors import DatabaseError, ExecutionFailed, T2QError
from t2q.manifest import Manifest
from t2q.models import Model, open_model
from t2q.prepared import Prepared, Shown
from t2q.prompt import OWN, REFUSAL, PromptStyle, refusal_reason, render
from t2q.schema import first_names

MAX_NEW_TOKENS = 256
SHOWN_ROWS = 50
NAMES_SHOWN = 3
# Log probability of a whole answer. Of t2q/pico's on Spider's questions 160 of 290 right ones are as likely, and
# 71 of 653 wrong ones that run.
LEAST_SURE = -2.0
UNSURE = "it is not sure of this query; say the question in other words, closer to the names that the database has"
ENDINGS = ("", "exit", "quit")


@dataclass
class Asker:
    """A run that can be asked: its model, its database, and the schema that the model was trained on."""

    model: Model
    database: Database
    shown: Shown
    style: PromptStyle = OWN

    @classmethod
    def open(cls, run: Path) -> Asker:
        """The smallest GGUF of a finished run, with its database. Raises T2QError where the run is not finished."""
        prepare = run / "prepare"
        files = sorted((run / "quantize").glob("*.gguf"), key=lambda p: p.stat().st_size)
        files += (run / "gguf").glob("*.gguf")
        if not run.is_dir():
            raise T2QError(f"there is no run in {run}: make one with `t2q run RECIPE`, or name another with --run")
        if not files:
            raise T2QError(f"the run in {run} has no model yet: finish it with `t2q run RECIPE`")
        manifest = Manifest.read(prepare)
        if manifest is None:
            raise T2QError(f"{prepare / 'manifest.json'} is missing or damaged: make it again with `t2q run RECIPE`")
        made_in = run.resolve().parent.parent  # a run is made in runs/NAME of the folder that its paths start from
        url = with_file_in(manifest.ingredients.recipe["database"], made_in)
        prepared = Prepared.load(prepare)
        shown = prepared.only
        database = open_database(url)
        try:
            return cls(open_model(files[0]), database, shown, prepared.style)
        except BaseException:
            database.close()
            raise

    def ask(self, question: str) -> Answer:
        """One answer; a question too long for the model is declined, not cut."""
        try:
            prompt = render(self.shown.text, question, self.style)
            [written] = complete(self.model, [prompt], self.shown.schema, MAX_NEW_TOKENS, database=self.database)
        except ValueError as error:
            return Answer(abstained=True, reason=str(error), kind="too long")
        if not written.finished:
            return cut(written.text)
        if written.logprob < LEAST_SURE and refusal_reason(written.text) is None:
            return Answer(query=written.text, abstained=True, reason=UNSURE, kind="unsure")
        found = answer(written.text, self.shown.schema, self.database)
        if found.kind == ExecutionFailed.kind:  # though it names only what the schema has that the model learnt
            self._refuse_another_schema()
        return replace(found, refuted=written.refuted)

    def _refuse_another_schema(self) -> None:
        """Raises DatabaseError where the database lacks what the run was made for."""
        there = set(self.database.schema().names)
        gone = [name for name in self.shown.schema.names if name not in there]
        if gone:
            raise DatabaseError(
                f"{self.database.url} is not what the run was made for: it has no "
                f"{first_names(gone, NAMES_SHOWN)}; make the run again with `t2q run RECIPE`"
            )

    def __enter__(self) -> Asker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.model.close()
        self.database.close()


def ask_command(run: Path, question: str | None, as_json: bool) -> None:
    """Answers one question, or, without one, each line that is typed (or piped in) until the end of input."""
    console = Console(highlight=False)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a piped line need not be in the terminal's encoding
    with Asker.open(Path(run)) as asker:
        if question is not None:
            _tell(console, question, asker.ask(question), asker, as_json)
            return
        interactive = sys.stdin.isatty()
        if interactive and not as_json:
            console.print(f"Ask {asker.database.url}; an empty line ends.", markup=False)
        for line in _questions(interactive):
            if not interactive and not as_json:
                console.print(f"? {line}", markup=False, soft_wrap=True)
            _tell(console, line, asker.ask(line), asker, as_json)


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
        print(json.dumps(as_object(question, found), ensure_ascii=False, allow_nan=False), flush=True)
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
    elif not found.rows:
        console.print("No rows.")
    else:
        console.print(_table(found))
        more = len(found.rows) - SHOWN_ROWS
        if more > 0 or found.truncated:
            console.print(f"… {'more than ' if found.truncated else ''}{max(more, 0)} more rows")


def as_object(question: str, found: Answer) -> dict[str, Any]:
    """What `--json` prints. `rows` are lists in the order of `columns`; JSON has no numbers that are not finite.

    `written` and `refuted` are what the model said before it was put right or asked again (see `Answer`), else "".
    """
    return {
        "question": question,
        "query": found.query,
        "columns": list(found.columns),
        "rows": [[_in_json(cell) for cell in row] for row in found.rows],
        "truncated": found.truncated,
        "abstained": found.abstained,
        "reason": found.reason,
        "written": found.written,
        "refuted": found.refuted,
    }


def _in_json(cell: Any) -> Any:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _table(found: Answer) -> Table:
    table = Table()
    for i, column in enumerate(found.columns):
        numbers = all(isinstance(row[i], int | float) for row in found.rows[:SHOWN_ROWS])
        table.add_column(Text(column), justify="right" if numbers else "left", overflow="fold")
    for row in found.rows[:SHOWN_ROWS]:
        table.add_row(*(Text("–" if cell is None else str(cell)) for cell in row))
    return table
