"""What a small base can do on databases that it has never seen, without any fine-tuning: one table, no training.

    python benchmarks/pico.py [--base BASE] [--data FOLDER] [--only SET ...] [--questions N] [--out FOLDER]

Answers are guided and searched for likelier ones, as in a run's evaluation, or with --free the model's own.
A query counts by what it returns (WikiSQL comes without contents, so there by what it says). The set "made-up" needs
nothing; the others are read from the folder of --data where they are there: `wikisql/dev.jsonl`, `spider/dev.jsonl` and
`spider/database/`, `movies/graph.json` and `movies/questions.jsonl`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table as Grid

from t2q.answering.answer import answer
from t2q.answering.completing import complete, complete_what_fits
from t2q.bases import litgpt_checkpoint
from t2q.data.importers.spider import read_spider
from t2q.data.importers.wikisql import TableQuestion, parse_query, read_wikisql
from t2q.data.lexicon import as_lists
from t2q.data.make import make_pairs
from t2q.data.pairs import Pair
from t2q.databases import open_database
from t2q.databases.base import Database
from t2q.errors import DatabaseError
from t2q.evaluation.judge import Judge
from t2q.evaluation.metrics import wilson
from t2q.evaluation.predictions import Prediction, write_predictions
from t2q.fingerprint import OWN_BASES
from t2q.models import Model, open_model
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.made_database import write_graph, write_tables
from t2q.pretrain.worlds.schemas import as_graph, as_tables
from t2q.progress import Progress, Task
from t2q.prompt import database_text, render
from t2q.schema import Entity, Field, Schema

HERE = Path(__file__).parent
MAX_NEW_TOKENS = 200
SEED = 20
MADE, ANSWERABLE, UNANSWERABLE, ROWS = 40, 8, 3, 40  # databases of each language; questions each; rows a table


@dataclass(frozen=True)
class Share:
    """A line of the table: how many of how many."""

    name: str
    right: int
    of: int

    def cells(self) -> tuple[str, str, str, str]:
        low, high = wilson(self.right, self.of)
        return self.name, f"{self.right / self.of:.1%}", f"{low:.1%} – {high:.1%}", str(self.of)


def of_predictions(name: str, predictions: Sequence[Prediction]) -> Share:
    return Share(name, sum(p.correct for p in predictions), len(predictions))


class Bench:
    """Asks one model, and keeps what it answered, by set, under `out`."""

    def __init__(self, model: Model, data: Path, most: int, out: Path, progress: Progress, guided: bool = True) -> None:
        self.model, self.data, self.most, self.out, self.progress = model, data, most, out, progress
        self.guided = guided

    def ask(self, database: Database, pairs: list[Pair], task: Task) -> list[Prediction]:
        """The pairs of one database, prompted and judged as in a run's evaluation."""
        schema = database.schema()
        text = database_text(schema)
        judge = Judge(pairs, schema, database)
        prompts = [render(text, pair.question) for pair in pairs]
        completions = complete_what_fits(
            self.model, prompts, schema, MAX_NEW_TOKENS, task.advance, self.guided, database
        )
        return [judge.judge(number, completion) for number, completion in enumerate(completions)]

    def fits(self, text: str) -> bool:
        """Whether the model has room for a database's text and an answer."""
        return len(self.model.encode(text)) + MAX_NEW_TOKENS <= self.model.max_length

    def made_up(self) -> Iterator[Share]:
        """Schemas of words that no training schema had, in wordings of the test."""
        for language in ("SQL", "Cypher"):
            found: list[Prediction] = []
            with self.progress.task(f"made-up, {language}", total=MADE * (ANSWERABLE + UNANSWERABLE)) as task:
                for url in made_databases(language):
                    with open_database(url) as database:
                        schema = database.schema()
                        if not self.fits(database_text(schema)):
                            continue
                        answerable, others = (
                            {"train": 0, "validation": 0, "test": n} for n in (ANSWERABLE, UNANSWERABLE)
                        )
                        try:
                            made = make_pairs(database, schema, answerable, others, SEED)
                        except DatabaseError:  # it offers no question
                            continue
                        found += self.ask(database, made.pairs["test"], task)
            self.keep(f"made-up-{language.lower()}", found)
            asked, vain = ([p for p in found if p.answerable is can] for can in (True, False))
            yield of_predictions(f"made-up schemas, {language}", asked)
            yield of_predictions(f"    unanswerable questions declined, {language}", vain)
            yield Share(f"    answerable questions declined, {language}", sum(p.declined for p in asked), len(asked))

    def wikisql(self) -> Iterator[Share]:
        """WikiSQL's development questions: the query the same but for letter case and the order of its conditions."""
        tables = list(read_wikisql(self.data / "wikisql" / "dev.jsonl"))
        random.Random(SEED).shuffle(tables)
        kept, right, of = [], 0, 0
        with self.progress.task("WikiSQL dev", total=self.most) as task:
            for table in tables:
                fields = tuple(Field(column, "text") for column in table.columns if column.strip())
                schema = Schema("sql", "sqlite", (Entity("t", fields),))
                prompts = [render(database_text(schema), q.question) for q in table.questions[: self.most - of]]
                completions = complete(self.model, prompts, schema, MAX_NEW_TOKENS, task.advance, self.guided)
                for question, completion in zip(table.questions, completions, strict=False):
                    same = said_the_same(completion.text, question)
                    right, of = right + same, of + 1
                    kept.append({"question": question.question, "text": completion.text, "correct": same})
                if of >= self.most:
                    break
        lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept)
        (self.out / "wikisql.jsonl").write_text(lines, encoding="utf-8")
        yield Share("WikiSQL dev, same query", right, of)

    def spider(self) -> Iterator[Share]:
        """Spider's development questions, by executing."""
        folder, found = self.data / "spider", list[Prediction]()
        databases = list(read_spider(folder / "dev.jsonl", folder / "database"))
        with self.progress.task("Spider dev", total=sum(len(d.pairs) for d in databases)) as task:
            for spider in databases:
                with open_database(spider.url) as database:
                    found += self.ask(database, sound(spider.pairs, database), task)
        self.keep("spider", found)
        yield of_predictions("Spider dev", found)

    def movies(self) -> Iterator[Share]:
        """The questions of Text2Cypher on the Movies graph, by executing."""
        folder = self.data / "movies"
        lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        pairs = [Pair(row["question"], " ".join(row["cypher"].split()), "given") for row in rows]
        with open_database(f"graph:{folder / 'graph.json'}") as database:
            pairs = sound(pairs, database)
            with self.progress.task("Movies", total=len(pairs)) as task:
                found = self.ask(database, pairs, task)
        self.keep("movies", found)
        yield of_predictions("Movies graph", found)

    def keep(self, name: str, predictions: Sequence[Prediction]) -> None:
        write_predictions(self.out / f"{name}.jsonl", predictions)


def said_the_same(text: str, gold: TableQuestion) -> bool:
    try:
        said = parse_query(gold.question, text)
    except ValueError:
        return False
    return parts(said) == parts(gold)


def parts(question: TableQuestion) -> tuple[object, ...]:
    """What a query says, whatever the letter case and the order of its conditions."""
    conditions = {(column.lower(), operator, str(value).lower()) for column, operator, value in question.conditions}
    return question.function.lower(), question.column.lower(), conditions


def sound(pairs: Sequence[Pair], database: Database) -> list[Pair]:
    """Those whose gold query runs here."""
    schema = database.schema()
    return [pair for pair in pairs if not answer(pair.query, schema, database).abstained]


def made_databases(language: str) -> Iterator[str]:
    """The URLs of MADE databases with rows, of words that the training's lists do not hold."""
    words = as_lists(yaml.safe_load((HERE / "words_held_out.yaml").read_text(encoding="utf-8")))
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(MADE):
            inventor = Inventor(rng, words=words)
            blueprint = inventor.blueprint()
            if language == "SQL":
                path = Path(folder) / f"{number}.sqlite"
                schema = dataclasses.replace(as_tables(blueprint, rng), dialect="sqlite")
                write_tables(schema, blueprint.values, ROWS, rng, path)
                yield f"sqlite:///{path}"
            else:
                path = Path(folder) / f"{number}.json"
                write_graph(as_graph(blueprint, rng), blueprint.values, ROWS, rng, path)
                yield f"graph:{path}"


SETS: dict[str, tuple[str, Callable[[Bench], Iterator[Share]]]] = {
    "made-up": ("", Bench.made_up),
    "wikisql": ("wikisql/dev.jsonl", Bench.wikisql),
    "spider": ("spider/dev.jsonl", Bench.spider),
    "movies": ("movies/questions.jsonl", Bench.movies),
}


def place_of(base: str) -> Path:
    return litgpt_checkpoint(base) if base.startswith(OWN_BASES) else Path(base)


def main() -> None:
    shared = Path(os.environ.get("T2Q_SHARED") or HERE.parents[1] / "shared")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--base", default="t2q/pico", help="one of our own, or a model's folder or file")
    parser.add_argument("--data", type=Path, default=shared / "data")
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--questions", type=int, default=2000, help="of WikiSQL's 8,399")
    parser.add_argument("--out", type=Path, default=Path("runs") / "benchmark-pico")
    parser.add_argument("--free", action="store_true", help="without keeping the answers to the database")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()
    grid = Grid(
        "set",
        "share",
        "95 % interval",
        "questions",
        title=f"{options.base}, {'greedy and free' if options.free else 'guided and searched'}",
    )
    with tempfile.TemporaryDirectory() as cache, open_model(place_of(options.base)) as model:
        os.environ["T2Q_CACHE"] = cache  # graphs that are asked once need not be kept
        bench = Bench(model, options.data, options.questions, options.out, Progress(console), not options.free)
        for name in options.only:
            needs, measure = SETS[name]
            if needs and not (options.data / needs).exists():
                console.print(f"{name}: left out, {options.data / needs} is not there")
                continue
            for share in measure(bench):
                console.print(*share.cells())
                grid.add_row(*share.cells())
    console.print(grid)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
