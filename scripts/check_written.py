"""Proves files of written questions: python scripts/check_written.py [--neo4j bolt://HOST:PORT] FILE...

Each file is drawn a few times as tables and as a graph. Its SQL is run on made-up rows; its Cypher is parsed, and its
names and arrows are held against the schema. A Neo4j server without a password, where one is named, explains each of
its queries: it alone knows all that Neo4j refuses.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import yaml
from neo4j import GraphDatabase, Session
from neo4j.exceptions import Neo4jError

from t2q.data.lexicon import as_lists
from t2q.data.names import singular, words
from t2q.databases import open_database
from t2q.errors import QueryError
from t2q.languages import language_for
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.made_database import write_tables
from t2q.pretrain.worlds.renaming import Renaming
from t2q.pretrain.worlds.schemas import Style
from t2q.pretrain.worlds.written import SLOT, Domain, Draw

DRAWS, ROWS = 3, 20
HELD_OUT = Path(__file__).parents[1] / "benchmarks" / "words_held_out.yaml"
TECHNICAL = {"reserved", "alike"}  # what SQL reserves, and what means the same, is the same everywhere

Refusal = Callable[[str], str]  # why a server refuses a query, "" where it does not


def accepts_all(_: str) -> str:
    return ""


def problems(path: Path, draws: int = DRAWS, refusal: Refusal = accepts_all) -> list[str]:
    """What is wrong with a file, a line each."""
    try:
        domain = Domain.read(path.stem, path.read_text(encoding="utf-8"))
        found = list(_of_the_file(domain))
        for seed in range(draws):
            found += [*_of_tables(domain, seed), *_of_graph(domain, seed, refusal)]
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        return [f"{path.name}: not of the form: {error!r}"]
    return [f"{path.name}: {line}" for line in dict.fromkeys(found)]


def _of_the_file(domain: Domain) -> Iterator[str]:
    columns = {column for table in domain.tables.values() for column in table}
    yield from (f"{name} is a table and a column" for name in sorted(columns & set(domain.tables)))
    said = {
        singular(word) for name in (*domain.labels.values(), *domain.tables, *columns) for word in words(name).split()
    }
    yield from (f"{word} is held out for benchmarks: call it otherwise" for word in sorted(said & held_out_words()))
    for question in domain.questions:
        if bool(question.reason) == bool(question.sql and question.cypher):
            yield f"{question.text}: give sql and cypher, or reason"
        slots = {slot[0] for slot in SLOT.finditer(question.text)}
        for query in filter(None, (question.sql, question.cypher)):
            if {slot[0] for slot in SLOT.finditer(query)} != slots:
                yield f"{question.text}: its slots {sorted(slots)} are not those of {query}"


def word_parts(entry: str) -> set[str]:
    """The words of an entry of a word list, each as one of its kind."""
    return {singular(part.lower()) for part in re.split(r"[_,\-]", entry) if part}


@cache
def held_out_words() -> frozenset[str]:
    """Words of the names by which bases are measured: none may be taught."""
    lists = as_lists(yaml.safe_load(HELD_OUT.read_text(encoding="utf-8")))
    entries = (entry for kind, listed in lists.items() if kind not in TECHNICAL for entry in listed)
    return frozenset(part for entry in entries for part in word_parts(entry))


def _of_tables(domain: Domain, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    draw = Draw(domain, domain.questions, Style(rng), rng, Inventor(rng), graph=False, anew=Renaming())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made.sqlite"
        write_tables(draw.schema, draw.values, ROWS, rng, file)
        with open_database(f"sqlite:///{file}") as database:
            for question in domain.questions:
                pair = draw.pair(question)
                try:
                    if pair.answerable:
                        database.execute(pair.query)
                except QueryError as error:
                    yield f"{question.text}: {error} in {question.sql}"


def _of_graph(domain: Domain, seed: int, refusal: Refusal) -> Iterator[str]:
    rng, language = random.Random(seed), language_for("cypher")
    draw = Draw(domain, domain.questions, Style(rng), rng, Inventor(rng), graph=True, anew=Renaming())
    for question in domain.questions:
        pair = draw.pair(question)
        try:
            if pair.answerable:
                language.parse(pair.query)
                if unknown := language.unknown(pair.query, draw.schema):
                    yield f"{question.text}: the graph has no {', no '.join(unknown)}, in {question.cypher}"
                elif refused := refusal(pair.query):
                    yield f"{question.text}: Neo4j says {refused!r} to {question.cypher}"
        except QueryError as error:
            yield f"{question.text}: {error} in {question.cypher}"


def explained_by(session: Session) -> Refusal:
    def refusal(query: str) -> str:
        try:
            session.run("EXPLAIN " + query).consume()  # type: ignore[arg-type]
        except Neo4jError as error:
            return str(error.message).splitlines()[0]
        return ""

    return refusal


def main() -> int:
    parser = argparse.ArgumentParser(description="Proves files of written questions.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--neo4j", metavar="URL")
    asked = parser.parse_args()
    with ExitStack() as stack:
        refusal = accepts_all
        if asked.neo4j:
            driver = stack.enter_context(GraphDatabase.driver(asked.neo4j, notifications_min_severity="OFF"))
            refusal = explained_by(stack.enter_context(driver.session()))
        found = [line for file in asked.files for line in problems(file, refusal=refusal)]
    print("\n".join(found) or "no problem found")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
