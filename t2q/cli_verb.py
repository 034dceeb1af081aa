"""What all verbs of the command line share: their errors reach the user as one line, never as a traceback."""

from __future__ import annotations

import functools
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

import typer

from t2q.errors import T2QError, Terminated

INTERRUPTED, TERMINATED = 130, 143  # exit codes of a shell command ended by SIGINT, and by SIGTERM


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def verb_of(
    app: typer.Typer, examples: tuple[str, ...], name: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a command, by its function's name where no other is given."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        @app.command(name, epilog=_examples(*examples))
        @functools.wraps(function)
        def command(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):  # the last of `| head`
                raise  # typer knows what to do
            except T2QError as error:
                _fail(f"error: {error}", 1)
            except KeyboardInterrupt as stop:
                _fail(str(stop) or "interrupted", TERMINATED if isinstance(stop, Terminated) else INTERRUPTED)
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                _fail(f"error: {where}{error.strerror or error}", 1)
            except Exception as error:
                _fail(f"error: {_kept(error)}", 1)

        return command

    return register


def _kept(error: Exception) -> str:
    """A mistake of t2q's own in one line, with the file that its traceback was put into."""
    with tempfile.NamedTemporaryFile("w", prefix="t2q-", suffix=".log", delete=False, encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{what}; this is a mistake in t2q: please report it with {file.name}"


def _fail(line: str, code: int) -> None:
    typer.echo(line, err=True)
    raise typer.Exit(code)
