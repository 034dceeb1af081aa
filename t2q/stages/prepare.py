"""prepare: the schema, the pairs in their splits, triaged and audited, and the rows that training reads.

The artifact: schema.json; database.txt (the part of every prompt that questions share); train.jsonl, validation.jsonl,
test.jsonl (pairs); litgpt/train.json and litgpt/val.json (the same in the Alpaca form that LitGPT reads); audit.json;
prompt.txt (the prompts' form, where it is not the project's own).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from t2q.data.audit import Seen, audit
from t2q.data.importers.plain import GIVEN, read_plain
from t2q.data.make import make_pairs
from t2q.data.pairs import Pair, write_pairs
from t2q.data.wording import SPLITS
from t2q.databases import open_database
from t2q.databases.urls import spider_folder
from t2q.languages import Language
from t2q.log.promoted import PROMOTED
from t2q.prepared import write_style
from t2q.prompt import database_text
from t2q.stages import StageContext, prepare_spider
from t2q.stages.alpaca import write_alpaca

GIVEN_OUTCOMES = {
    "error": "are left out: their queries do not run (triage.json says why)",
    "repeated": "are left out: the same question was given before",
    "moved": "go to another split: the same query was given there before",
}


def run(ctx: StageContext) -> dict[str, Any]:
    """Makes the pairs. Raises DatabaseError where the database offers no questions, StageError on a leak."""
    write_style(ctx.out, ctx.recipe.prompt)
    if spider := spider_folder(ctx.recipe.database):
        return prepare_spider.run(ctx, spider)
    wanted = ctx.recipe.pairs
    share = wanted.unanswerable
    unanswerable = {
        "train": round(wanted.train * share),
        "validation": round(wanted.validation * share),
        "test": round(wanted.test * share / (1 - share)),
    }
    answerable = {
        "train": wanted.train - unanswerable["train"],
        "validation": wanted.validation - unanswerable["validation"],
        "test": wanted.test,
    }
    given = [pair for name in wanted.files for pair in read_plain(Path(name))]
    with open_database(ctx.recipe.database) as database:
        schema = database.schema()
        given += _promoted(ctx, given, database.language)
        total = sum(answerable.values()) + sum(unanswerable.values()) + len(given)
        with ctx.progress.task("making questions", total=total) as task:
            made = make_pairs(
                database, schema, answerable, unanswerable, ctx.seed, on_pair=lambda: task.advance(1), given=given
            )
        leaks = audit(made.pairs, database.language)
    shared = database_text(schema)
    _write(ctx.out / "schema.json", schema.to_json())
    _write(ctx.out / "database.txt", shared)
    _write(ctx.out / "audit.json", json.dumps(leaks, ensure_ascii=False, indent=1))
    _write(ctx.out / "triage.json", json.dumps({"counts": made.triage.counts, "errors": made.triage.errors}, indent=1))
    for outcome, what in GIVEN_OUTCOMES.items():
        if number := made.triage.counts[f"given: {outcome}"]:
            ctx.log(f"{number} of {len(given)} given pairs {what}")
    for split in SPLITS:
        write_pairs(ctx.out / f"{split}.jsonl", made.pairs[split])
        new = sum(pair.intent != GIVEN for pair in made.pairs[split])
        if new < answerable[split] + unanswerable[split]:
            ctx.log(
                f"{split}: {new} of {answerable[split] + unanswerable[split]} questions: "
                "the database offers no more that differ"
            )
    write_alpaca(ctx.out, made.pairs, lambda _: shared)
    return {
        "pairs": {s: len(made.pairs[s]) for s in SPLITS},
        "triage": dict(made.triage.counts),
        "skeletons seen": leaks["test against train"]["skeletons_seen"],
    }


def _promoted(ctx: StageContext, given: Sequence[tuple[str, Pair]], language: Language) -> list[tuple[str, Pair]]:
    """The pairs promoted from the run's log, but for those that the `given` ones are to test or to validate: they would
    follow them there."""
    path = ctx.run_dir / PROMOTED
    if not path.is_file():
        return []
    held_out = Seen((pair for split, pair in given if split != "train"), language)
    pairs = read_plain(path)
    kept = [(split, pair) for split, pair in pairs if not held_out.question(pair) and not held_out.query(pair)]
    ctx.log(f"{len(kept)} of {len(pairs)} pairs promoted from the log are taken")
    if len(kept) < len(pairs):
        ctx.log("the others share a question or a query with what files of the recipe test or validate with")
    return kept


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n" if not text.endswith("\n") else text, encoding="utf-8")
