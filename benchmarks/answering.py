"""What keeping answers to the database costs, by turns in one process: free, guided, and searched for a likelier one.

    python benchmarks/answering.py [--base BASE] [--questions N] [--rounds N]

The questions are about the sample shop, in SQL and in Cypher. Each way's time is the median of the rounds; the ratio is
to the free answers of the same round. Beside it, the time of one refused token: the guide goes through the vocabulary.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from t2q.answering.completing import complete
from t2q.bases import litgpt_checkpoint
from t2q.data.make import make_pairs
from t2q.databases import Database, open_database
from t2q.guiding import Guide
from t2q.languages import language_for
from t2q.models import Model, open_model
from t2q.prompt import database_text, render
from t2q.schema import Schema

ROOT = Path(__file__).resolve().parents[1]
SHOPS = {"SQL": f"sqlite:///{ROOT}/data/shop.sqlite", "Cypher": f"graph:{ROOT}/data/shop.json"}
NEW_TOKENS = 128


def ways(model: Model, prompts: list[str], schema: Schema, database: Database) -> dict[str, Callable[[], object]]:
    guide = Guide(schema)
    return {
        "free": lambda: complete(model, prompts, schema, NEW_TOKENS, guided=False),
        "guided": lambda: model.generate(prompts, NEW_TOKENS, guide=guide.begin),
        "searched": lambda: complete(model, prompts, schema, NEW_TOKENS, database=database),
    }


def refused_token(schema: Schema, vocabulary: list[str]) -> float:
    """Seconds in which a guide that stands before a name goes through a vocabulary of which it allows nothing."""
    guide, opening = Guide(schema), language_for(schema.dialect).opening
    guided = guide.begin(opening)
    refused = [piece for piece in vocabulary if not guided.allows_name(piece)]
    guided = guide.begin(opening)  # one that knows nothing of them yet
    start = time.perf_counter()
    for piece in refused:
        guided.allows_name(piece)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", default="t2q/pico", help="one of our own")
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    console = Console()
    grid = Grid("language", "way", "seconds", "to free", title=f"{options.questions} questions, {options.base}")
    with open_model(litgpt_checkpoint(options.base), "cpu") as model:
        vocabulary = [model.tokenizer.piece(token) or "" for token in range(model.n_vocab)]  # type: ignore[attr-defined]
        for name, url in SHOPS.items():
            with open_database(url) as database:
                schema = database.schema()
                none = {"train": 0, "validation": 0, "test": 0}
                pairs = make_pairs(database, schema, none | {"test": options.questions}, none, 7).pairs["test"]
                prompts = [render(database_text(schema), pair.question) for pair in pairs]
                found = ways(model, prompts, schema, database)
                seconds: dict[str, list[float]] = {way: [] for way in found}
                for _ in range(options.rounds):
                    for way, run in found.items():
                        start = time.perf_counter()
                        run()
                        seconds[way].append(time.perf_counter() - start)
            for way, times in seconds.items():
                ratio = statistics.median(a / b for a, b in zip(times, seconds["free"], strict=True))
                grid.add_row(name, way, f"{statistics.median(times):.2f}", f"{ratio:.2f}")
            console.print(
                f"{name}: a refused token, {len(vocabulary)} others: {refused_token(schema, vocabulary) * 1e3:.1f} ms"
            )
    console.print(grid)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
