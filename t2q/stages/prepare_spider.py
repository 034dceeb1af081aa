"""prepare for `database: spider:FOLDER`: questions that people asked of many databases, as Spider publishes them.

FOLDER holds train.jsonl, dev.jsonl and database/NAME/NAME.sqlite. Nothing is made up: train.jsonl's questions train,
but for some databases whose questions are the validation's; dev.jsonl's, about databases of their own, are the test.
The artifact is that of `prepare`, with databases.jsonl in place of one schema.json and database.txt.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from t2q.answering.answer import answer
from t2q.data.importers.spider import read_spider
from t2q.data.pairs import Pair, write_pairs
from t2q.databases import open_database
from t2q.databases.base import Database
from t2q.languages.sql_plain import plain
from t2q.prepared import Shown, write_databases
from t2q.prompt import database_text
from t2q.schema import Schema
from t2q.stages import StageContext
from t2q.stages.alpaca import write_alpaca


def run(ctx: StageContext, folder: Path) -> dict[str, Any]:
    """Reads the pairs, each proved by running it. Raises RecipeError where a file is missing or not of that form."""
    given = {name: list(read_spider(folder / f"{name}.jsonl", folder / "database")) for name in ("train", "dev")}
    asked = sum(len(d.pairs) for found in given.values() for d in found)
    databases: dict[str, Shown] = {}
    sound: dict[str, list[list[Pair]]] = {name: [] for name in given}  # a list a database
    with ctx.progress.task("reading Spider", total=asked) as task:
        for name, found in given.items():
            for spider in found:
                with open_database(spider.url) as database:
                    schema = database.schema()
                    pairs = runnable(spider.pairs, database, rewrite=name == "train")
                databases[spider.name] = Shown(schema, database_text(schema), spider.url)
                sound[name].append([replace(pair, database=spider.name) for pair in pairs])
                task.advance(len(spider.pairs))
    random.Random(ctx.seed).shuffle(sound["train"])
    held_out = _enough(sound["train"], ctx.recipe.pairs.validation)
    chosen = {"train": sound["train"][held_out:], "validation": sound["train"][:held_out], "test": sound["dev"]}
    splits = {split: [pair for pairs in groups for pair in pairs] for split, groups in chosen.items()}
    for split, pairs in splits.items():
        write_pairs(ctx.out / f"{split}.jsonl", pairs)
    write_databases(ctx.out, databases)
    write_alpaca(ctx.out, splits, lambda pair: databases[pair.database].text)
    if lost := asked - sum(map(len, splits.values())):
        ctx.log(f"{lost} of {asked} questions are left out: their queries do not run, or do more than read")
    return {"pairs": {split: len(pairs) for split, pairs in splits.items()}, "databases": len(databases)}


def runnable(pairs: Iterable[Pair], database: Database, rewrite: bool) -> list[Pair]:
    """Those whose query runs here; `rewrite`: each as this project would write it, where that returns the same."""
    schema, found = database.schema(), []
    for pair in pairs:
        gold = answer(pair.query, schema, database)
        if not gold.abstained:
            found.append(replace(pair, query=_rewritten(pair.query, schema, database)) if rewrite else pair)
    return found


def _rewritten(query: str, schema: Schema, database: Database) -> str:
    """In plain style, where that returns the very same rows."""
    other = plain(query, schema)
    before, after = (answer(text, schema, database) for text in (query, other))
    return other if not after.abstained and after.rows == before.rows else query


def _enough(groups: Sequence[Sequence[Pair]], questions: int) -> int:
    """How many of the first groups hold that many questions."""
    totals = accumulate(map(len, groups))
    return next((number for number, total in enumerate(totals, 1) if total >= questions), len(groups))
