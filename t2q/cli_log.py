"""The verbs of `t2q log`: what was asked of a run, and what is to become of it."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from t2q.cli_verb import verb_of
from t2q.log.times import point_in_time

if TYPE_CHECKING:
    from t2q.log.selecting import Selection

app = typer.Typer(
    help="What was asked of a run and how it was judged: list, show, export, promote, forget.", no_args_is_help=True
)
verb = partial(verb_of, app)


class Thumb(str, Enum):
    up = "up"
    down = "down"


class Format(str, Enum):
    jsonl = "jsonl"
    csv = "csv"


RunFolder = Annotated[Path, typer.Argument(help="Run folder, such as runs/shop-sql.", metavar="RUN")]
# What each of list, export and forget may be narrowed by.
Since = Annotated[
    datetime | None,
    typer.Option(metavar="TIME", parser=point_in_time, help="Asked since: 7d (days), 12h, or a date, 2026-11-01."),
]
Until = Annotated[datetime | None, typer.Option(metavar="TIME", parser=point_in_time, help="Asked before; as --since.")]
Rated = Annotated[Thumb | None, typer.Option("--rating", help="Rated so.")]
Abstained = Annotated[
    bool | None, typer.Option("--abstained/--answered", help="Whether the answer was none.", show_default=False)
]
Corrected = Annotated[
    bool | None, typer.Option("--corrected/--uncorrected", help="Whether a query was given.", show_default=False)
]
Text = Annotated[str, typer.Option(help="A part of the question, letter case aside.", show_default=False)]
Ids = Annotated[list[str] | None, typer.Option("--id", metavar="ID", help="The id, or how it begins; repeatable.")]


def _selection(
    since: datetime | None,
    until: datetime | None,
    rating: Thumb | None,
    abstained: bool | None,
    corrected: bool | None,
    text: str,
    ids: list[str] | None,
) -> Selection:
    from t2q.log.selecting import Selection

    return Selection(since, until, rating and rating.value, corrected, abstained, text, ids or ())


@verb(
    name="list",
    examples=("t2q log list runs/shop-sql", "t2q log list runs/shop-sql --since 7d --rating down --uncorrected"),
)
def list_(
    run: RunFolder,
    since: Since = None,
    until: Until = None,
    rating: Rated = None,
    abstained: Abstained = None,
    corrected: Corrected = None,
    text: Text = "",
    ids: Ids = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many questions.")] = 30,
) -> None:
    """The latest questions, with what was answered and how that was judged."""
    from t2q.log.showing import list_command

    list_command(run, _selection(since, until, rating, abstained, corrected, text, ids), limit)


@verb(examples=("t2q log show runs/shop-sql 3f9c",))
def show(run: RunFolder, id: Annotated[str, typer.Argument(help="The id, or how it begins.", metavar="ID")]) -> None:
    """All that is kept of one question."""
    from t2q.log.showing import show_command

    show_command(run, id)


@verb(
    examples=(
        "t2q log export runs/shop-sql > log.jsonl",
        "t2q log export runs/shop-sql --rating down --out disliked.csv",
    )
)
def export(
    run: RunFolder,
    since: Since = None,
    until: Until = None,
    rating: Rated = None,
    abstained: Abstained = None,
    corrected: Corrected = None,
    text: Text = "",
    ids: Ids = None,
    out: Annotated[Path | None, typer.Option(help="File to write; the standard output where absent.")] = None,
    format: Annotated[Format | None, typer.Option(help="As the file's name ends where absent, else jsonl.")] = None,
) -> None:
    """Write what is kept as JSON Lines or CSV, the latest first."""
    from t2q.log.exporting import export_command

    export_command(
        run,
        _selection(since, until, rating, abstained, corrected, text, ids),
        out,
        format and format.value,
    )


@verb(examples=("t2q log promote runs/shop-sql",))
def promote(run: RunFolder) -> None:
    """Make training pairs of liked and of corrected answers; the next `t2q run` of the recipe learns them."""
    from t2q.log.promoting import promote_command

    promote_command(run)


@verb(
    examples=(
        "t2q log forget runs/shop-sql --until 90d",
        't2q log forget runs/shop-sql --text "Ada Lovelace" --yes',
        "t2q log forget runs/shop-sql --all",
    )
)
def forget(
    run: RunFolder,
    since: Since = None,
    until: Until = None,
    rating: Rated = None,
    abstained: Abstained = None,
    corrected: Corrected = None,
    text: Text = "",
    ids: Ids = None,
    all_: Annotated[bool, typer.Option("--all", help="All that was asked.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deleting.")] = False,
) -> None:
    """Delete for good: neither the log nor the promoted pairs hold it any more."""
    from t2q.log.forgetting import forget_command

    forget_command(run, _selection(since, until, rating, abstained, corrected, text, ids), all_, yes)
