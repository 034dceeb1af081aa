"""Proves files of written questions: python scripts/check_written.py t2q/pretrain/worlds/written_files/*.yaml

Each file is drawn a few times as tables and as a graph. Its SQL is run on made-up rows; its Cypher is parsed, and its
names and arrows are held against the schema.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from t2q.databases import open_database
from t2q.errors import QueryError
from t2q.languages import language_for
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.made_database import write_tables
from t2q.pretrain.worlds.renaming import Renaming
from t2q.pretrain.worlds.schemas import Style
from t2q.pretrain.worlds.written import SLOT, Domain, Draw

DRAWS, ROWS = 3, 20


def problems(path: Path, draws: int = DRAWS) -> list[str]:
    """What is wrong with a file, a line each."""
    try:
        domain = Domain.read(path.stem, path.read_text(encoding="utf-8"))
        found = list(_of_the_file(domain))
        for seed in range(draws):
            found += [*_of_tables(domain, seed), *_of_graph(domain, seed)]
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        return [f"{path.name}: not of the form: {error!r}"]
    return [f"{path.name}: {line}" for line in dict.fromkeys(found)]


def _of_the_file(domain: Domain) -> Iterator[str]:
    columns = {column for table in domain.tables.values() for column in table}
    yield from (f"{name} is a table and a column" for name in sorted(columns & set(domain.tables)))
    for question in domain.questions:
        if bool(question.reason) == bool(question.sql and question.cypher):
            yield f"{question.text}: give sql and cypher, or reason"
        slots = {slot[0] for slot in SLOT.finditer(question.text)}
        for query in filter(None, (question.sql, question.cypher)):
            if {slot[0] for slot in SLOT.finditer(query)} != slots:
                yield f"{question.text}: its slots {sorted(slots)} are not those of {query}"


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


def _of_graph(domain: Domain, seed: int) -> Iterator[str]:
    rng, language = random.Random(seed), language_for("cypher")
    draw = Draw(domain, domain.questions, Style(rng), rng, Inventor(rng), graph=True, anew=Renaming())
    for question in domain.questions:
        pair = draw.pair(question)
        try:
            if pair.answerable:
                language.parse(pair.query)
                if unknown := language.unknown(pair.query, draw.schema):
                    yield f"{question.text}: the graph has no {', no '.join(unknown)}, in {question.cypher}"
        except QueryError as error:
            yield f"{question.text}: {error} in {question.cypher}"


if __name__ == "__main__":
    all_found = [line for name in sys.argv[1:] for line in problems(Path(name))]
    print("\n".join(all_found) or "no problem found")
    sys.exit(bool(all_found))
