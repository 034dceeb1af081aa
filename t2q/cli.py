"""The verbs of the command line, nothing else: `t2q --help`."""

from __future__ import annotations

import functools
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import t2q
from t2q.errors import AccuracyLost, T2QError, Terminated
from t2q.large_pages import KEPT, restart_with_large_pages

INTERRUPTED, TERMINATED = 130, 143  # exit codes of a shell command ended by SIGINT, and by SIGTERM

app = typer.Typer(
    name="t2q",
    help="Fine-tune a model that turns questions into SQL or Cypher, convert it, evaluate it, ask it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RecipePath = Annotated[Path, typer.Argument(help="Recipe file, such as recipes/sql.yaml.", metavar="RECIPE")]
Profile = Annotated[str | None, typer.Option(help="Profile of the recipe to use instead of the one that fits.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Overrides a key of the recipe; repeatable.")
]


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def verb(examples: tuple[str, ...]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a command whose errors reach the user as one line, never as a traceback."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        @app.command(epilog=_examples(*examples))
        @functools.wraps(function)
        def command(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except T2QError as error:
                _fail(f"error: {error}", 1)
            except KeyboardInterrupt as stop:
                _fail(str(stop) or "interrupted", TERMINATED if isinstance(stop, Terminated) else INTERRUPTED)
            except OSError as error:
                where = f"{error.filename}: " if error.filename else ""
                _fail(f"error: {where}{error.strerror or error}", 1)
            except (typer.Exit, typer.Abort, typer.BadParameter):
                raise
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


@verb(
    examples=(
        "t2q run recipes/sql.yaml",
        "t2q run recipes/sql.yaml --dry-run",
        "t2q run recipes/sql.yaml --profile cpu --set train.epochs=1 --to train",
    )
)
def run(
    recipe: RecipePath,
    profile: Profile = None,
    set_: Settings = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="STAGE", help="Redo from this stage on.")] = None,
    to: Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would run, and why.")] = False,
) -> None:
    """Make a model from a recipe: prepare, train, merge, hf, gguf, quantize, evaluate. Goes on where it was."""
    from t2q.check import before_the_hours_are_spent, in_the_way
    from t2q.progress import Progress
    from t2q.recipe import Recipe
    from t2q.run import Run
    from t2q.summary import plan_table, print_summary

    loaded = Recipe.load(recipe, profile, set_ or ())
    progress = Progress()
    progress.say(loaded.announcement)
    engine = Run(loaded, progress)
    planned = engine.plan(from_, to)
    if dry_run:
        progress.console.print(plan_table(planned))
        for wrong in in_the_way(loaded, planned):
            progress.say(f"✗ {wrong}")
        return
    before_the_hours_are_spent(loaded, planned, progress)
    try:
        engine.execute(from_, to)
    except AccuracyLost:
        print_summary(engine.folder, progress.console)  # it shows what fell short
        raise
    if to in (None, engine.stages[-1].name):
        print_summary(engine.folder, progress.console)


@verb(examples=("t2q check recipes/sql.yaml", "t2q check recipes/sql.yaml --profile gpu"))
def check(recipe: RecipePath, profile: Profile = None, set_: Settings = None) -> None:
    """Find in seconds what would fail later: recipe, database, base, prompts, disk, packages, GPU."""
    from t2q.check import check_recipe

    if not check_recipe(recipe, profile, set_ or ()):
        raise typer.Exit(1)


@verb(
    examples=(
        "t2q new sqlite:///chinook.sqlite",
        "t2q new 'postgresql://${PGUSER}:${PGPASSWORD}@localhost/shop' --name shop",
        "t2q new bolt://localhost:7687 --out recipes/movies.yaml",
    )
)
def new(
    url: Annotated[str, typer.Argument(help="Database: an SQLAlchemy URL, graph:FILE, bolt://… or neo4j://…")],
    name: Annotated[str | None, typer.Option(help="Name of the run; the database's name where absent.")] = None,
    out: Annotated[Path | None, typer.Option(help="Recipe to write; recipes/NAME.yaml where absent.")] = None,
) -> None:
    """Look at a database and write a recipe for it."""
    from t2q.new import new_recipe

    new_recipe(url, name, out)


@verb(
    examples=(
        't2q ask "How many customers are there?" --run runs/shop-sql',
        "t2q ask --run runs/shop-cypher",
        't2q ask "What are the 3 most expensive products?" --run runs/shop-sql --json',
    )
)
def ask(
    question: Annotated[
        list[str] | None, typer.Argument(help="The question; without one, a prompt asks for them.", show_default=False)
    ] = None,
    run: Annotated[Path, typer.Option(help="Run folder with the model, such as runs/shop-sql.")] = Path(
        "runs/shop-sql"
    ),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask a database in words: shows the query and its rows, or says why there is no answer."""
    from t2q.answering.ask import ask_command

    ask_command(run, " ".join(question) if question else None, json)


@verb(examples=("t2q pretrain recipes/pico.yaml",))
def pretrain(
    recipe: Annotated[Path, typer.Argument(help="Recipe of a base, such as recipes/pico.yaml.", metavar="RECIPE")],
) -> None:
    """Pretrain the small base model t2q/pico on generated schemas and questions. Goes on where it was."""
    if sys.argv[1:2] == ["pretrain"]:  # not where a program calls it
        restart_with_large_pages(*KEPT)
    from t2q.pretrain.run import pretrain

    pretrain(recipe)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(t2q.__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def _terminated(*_: object) -> NoReturn:
    raise Terminated


def main() -> None:
    """Entry point of the console script."""
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show "✓" is no reason to fail
    app()


if __name__ == "__main__":
    main()
