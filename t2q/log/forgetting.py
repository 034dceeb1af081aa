"""`t2q log forget`: deletes interactions, and the pairs that were promoted from them."""

from __future__ import annotations

from pathlib import Path

import typer

from t2q.errors import LogError
from t2q.log.promoted import PROMOTED, without
from t2q.log.selecting import Selection
from t2q.log.store import open_log


def forget_command(run: Path, selection: Selection, everything: bool, yes: bool) -> None:
    """Raises LogError where nothing says what to forget, or both do."""
    if everything == (selection != Selection()):
        raise LogError("say what to forget: by options such as --until 90d or --id, or else --all")
    with open_log(run) as log:
        wanted = selection.wanted(log)
        ids = {found.id for found in log.find(wanted)}
        if ids and not yes:
            typer.confirm(f"Delete {_counted(len(ids), 'interaction')} from the log of {run} for good?", abort=True)
        pairs = without(run, ids)
        number = log.forget(wanted)
    typer.echo(f"forgot {_counted(number, 'interaction')}")
    if pairs:
        typer.echo(f"took {_counted(pairs, 'pair')} out of {run / PROMOTED}: the next `t2q run` learns without")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
