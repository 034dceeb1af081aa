"""The verbs of the command line, nothing else: `t2q --help`."""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import t2q
from t2q.cli_log import app as log_app
from t2q.cli_verb import verb_of
from t2q.errors import AccuracyLost, Terminated
from t2q.large_pages import KEPT, restart_with_large_pages

app = typer.Typer(
    name="t2q",
    help="Fine-tune a model that turns questions into SQL or Cypher, convert it, evaluate it, ask it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(log_app, name="log")

RecipePath = Annotated[Path, typer.Argument(help="Recipe file, such as recipes/sql.yaml.", metavar="RECIPE")]
Profile = Annotated[str | None, typer.Option(help="Profile of the recipe to use instead of the one that fits.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Overrides a key of the recipe; repeatable.")
]
Threshold = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Give answers from this confidence on (0: all that ran), instead of the run's own threshold."
    ),
]

verb = partial(verb_of, app)


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
        't2q ask "How many orders are there?" --run runs/shop-sql',
        "t2q ask --run runs/shop-cypher",
        't2q ask "What are the 3 most expensive products?" --run runs/shop-sql --json',
        't2q ask "Which products are dear?" --run runs/shop-sql --threshold 0.5     # be less cautious',
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
    no_log: Annotated[bool, typer.Option("--no-log", help="Keep nothing of it in the run's log.")] = False,
    threshold: Threshold = None,
) -> None:
    """Ask a database in words: shows the query and its rows, or says why there is no answer."""
    from t2q.answering.ask import ask_command

    ask_command(run, " ".join(question) if question else None, json, not no_log, threshold)


@verb(
    examples=(
        "t2q serve runs/shop-sql",
        "t2q serve runs/shop-sql --host 0.0.0.0       # others must send the key that T2Q_API_KEY holds",
        "t2q serve runs/shop-sql --how                # lines for Ollama, llama-cpp-python and vLLM",
    )
)
def serve(
    run: Annotated[Path, typer.Argument(help="Run folder with the model, such as runs/shop-sql.", metavar="RUN")],
    host: Annotated[
        str, typer.Option(help="Address to listen at; any but this machine's own wants T2Q_API_KEY (or .env) set.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes one that is free.")] = 8765,
    threshold: Threshold = None,
    how: Annotated[bool, typer.Option("--how", help="Only print how other servers serve the model.")] = False,
) -> None:
    """Serve a run: a web page, JSON, and OpenAI's chat completions, at http://localhost:8765."""
    if how:
        from t2q.serving.elsewhere import how as lines

        typer.echo(lines(run))
        return
    from t2q.serving.serve import serve_command

    serve_command(run, host, port, threshold)


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
