"""What the guard costs a query: the proof that it only reads, and its names held against the schema.

    python benchmarks/guard.py [--questions N] [--rounds N]

The queries are those of questions made up about the sample shop, and a long one. Each is looked at as for the first
time. Milliseconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

from t2q.data.make import make_pairs
from t2q.databases import open_database
from t2q.languages import cypher_reader, sql_tree
from t2q.languages.refusing import refuse

ROOT = Path(__file__).resolve().parents[1]
_MONTHS = ", ".join(
    f"m{i} AS (SELECT c.city, count(*) AS n, sum(l.quantity * p.price) AS total FROM customers AS c "
    f'JOIN orders AS o ON o.customer_id = c.id JOIN "order lines" AS l ON l.order_id = o.id '
    f"JOIN products AS p ON p.id = l.product_id WHERE strftime('%m', o.ordered_on) = '{i:02}' "
    f"AND o.status IN ('paid', 'shipped') GROUP BY c.city HAVING count(*) > {i})"
    for i in range(1, 4)
)
_LONG_SQL = f"WITH {_MONTHS} SELECT m1.city, {', '.join(f'm{i}.total' for i in range(1, 4))} FROM m1 " + " ".join(
    f"LEFT JOIN m{i} ON m{i}.city = m1.city" for i in range(2, 4)
)


@dataclass(frozen=True)
class Guarded:
    """A language: the shop in it, a query much longer than a model writes, and how to forget what was looked at."""

    url: str
    long: str
    forget: Callable[[], None]


_LONG_CYPHER = " UNION ALL ".join(
    f"MATCH (c:Customer)-[:PLACED]->(o:Order)-[l:CONTAINS]->(p:Product)-[:IN_CATEGORY]->(k:Category) "
    f"WHERE o.orderedOn.month = {i} AND o.status IN ['paid', 'shipped'] AND NOT (c)-[:WROTE]->(:Review)-[:ABOUT]->(p) "
    f"WITH c.city AS city, count(DISTINCT o) AS orders, sum(l.quantity * l.`unit price`) AS total WHERE orders > {i} "
    f"RETURN city, orders, total ORDER BY total DESC LIMIT {10 * i}"
    for i in range(1, 4)
)
LANGUAGES = {
    "SQL": Guarded(f"sqlite:///{ROOT}/data/shop.sqlite", _LONG_SQL, sql_tree.parsed.cache_clear),
    "Cypher": Guarded(f"graph:{ROOT}/data/shop.json", _LONG_CYPHER, cypher_reader.read.cache_clear),
}


def milliseconds(guarded: Guarded, questions: int, rounds: int) -> dict[str, Sequence[float]]:
    with open_database(guarded.url) as database:
        schema = database.schema()
        none = {"train": 0, "validation": 0, "test": 0}
        pairs = make_pairs(database, schema, none | {"test": questions}, none, 7).pairs["test"]
        found: dict[str, Sequence[float]] = {}
        for name, queries in {
            f"{questions} questions": [pair.query for pair in pairs],
            f"{len(guarded.long):,} characters": [guarded.long],
        }.items():
            refuse(queries[0], schema, database.language)
            taken = []
            for query in queries * rounds:
                guarded.forget()
                start = time.perf_counter()
                refuse(query, schema, database.language)
                taken.append(1000 * (time.perf_counter() - start))
            found[name] = taken
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    grid = Grid("language", "queries", "p50", "p95", "max", title="the guard, ms a query")
    for name, guarded in LANGUAGES.items():
        for queries, taken in milliseconds(guarded, options.questions, options.rounds).items():
            grid.add_row(name, queries, *(f"{value:.2f}" for value in (*np.percentile(taken, [50, 95]), max(taken))))
    Console().print(grid)


if __name__ == "__main__":
    main()
