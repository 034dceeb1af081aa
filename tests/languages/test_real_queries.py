"""Queries that people and models wrote for real databases pass: nothing innocent may be refused."""

import csv
import json
import random
import re
import sqlite3
from collections import defaultdict
from pathlib import Path

import pytest

from t2q.databases.base import Result
from t2q.errors import QueryError
from t2q.evaluation.comparison import same_result
from t2q.languages.cypher import Cypher
from t2q.languages.sql import Sql
from t2q.schema import Entity, Field, Link, Schema

SQL = Sql("sqlite")
CYPHER = Cypher()


@pytest.fixture(scope="module")
def spider(shared_data: Path) -> list[tuple[str, str, Schema]]:
    """300 gold queries of Spider's dev part: database, query, schema."""
    schemas = {}
    for database in json.loads((shared_data / "spider" / "tables.json").read_text(encoding="utf-8")):
        columns = defaultdict(list)
        for table, name in database["column_names_original"]:
            columns[table].append(Field(name, "text"))
        tables = enumerate(database["table_names_original"])
        schemas[database["db_id"]] = Schema("sql", "sqlite", tuple(Entity(t, tuple(columns[i])) for i, t in tables))
    rows = [json.loads(line) for line in (shared_data / "spider" / "dev.jsonl").open(encoding="utf-8")]
    return [(r["db_id"], r["query"], schemas[r["db_id"]]) for r in random.Random(0).sample(rows, 300)]


@pytest.fixture(scope="module")
def movies(shared_data: Path) -> tuple[Schema, list[str]]:
    """The Movies graph's schema and all its gold queries."""
    graph = json.loads((shared_data / "movies" / "graph.json").read_text(encoding="utf-8"))
    labels = {node["id"]: node["labels"][0] for node in graph["nodes"]}
    properties: dict[str, set[str]] = defaultdict(set)
    relationships: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for node in graph["nodes"]:
        properties[labels[node["id"]]] |= node["props"].keys()
    for rel in graph["rels"]:
        relationships[labels[rel["start"]], rel["type"], labels[rel["end"]]] |= rel["props"].keys()
    schema = Schema(
        "cypher",
        "cypher",
        tuple(Entity(label, tuple(Field(k, "text") for k in keys)) for label, keys in properties.items()),
        tuple(Link(s, e, t, fields=tuple(Field(k, "text") for k in keys)) for (s, t, e), keys in relationships.items()),
    )
    lines = (shared_data / "movies" / "questions.jsonl").open(encoding="utf-8")
    return schema, [json.loads(line)["cypher"] for line in lines]


def test_spider_gold_reads_only_and_names_what_is_there(spider: list[tuple[str, str, Schema]]) -> None:
    wrong = []
    for _, query, schema in spider:
        SQL.prove_read_only(query)
        assert SQL.extract(f"```sql\n{query};\n```") == query.strip().rstrip(";").rstrip()
        wrong += [(query, names) for names in [SQL.unknown(query, schema)] if names]
    print(f"Spider: {len(spider)} gold queries proven read-only, unknown names in {len(wrong)}")
    assert len(wrong) <= len(spider) // 100, wrong


def test_spider_gold_in_normal_form_has_the_same_rows(spider: list[tuple[str, str, Schema]], shared_data: Path) -> None:
    for name, query, _ in spider[:100]:
        path = shared_data / "spider" / "database" / name / f"{name}.sqlite"
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        db.text_factory = bytes
        first, second = (
            Result(tuple(c[0] for c in cursor.description), cursor.fetchmany(1000))
            for cursor in map(db.execute, (query, SQL.normalize(query)))
        )
        assert same_result(second, first, ordered=True).ok, query
        assert SQL.normalize(SQL.normalize(query)) == SQL.normalize(query)
        db.close()


def test_a_wrong_column_in_spider_gold_is_found(spider: list[tuple[str, str, Schema]]) -> None:
    found = 0
    for _, query, schema in spider:
        name = min(SQL.identifiers(query).fields - {""}, default="")
        other = Schema(
            "sql",
            "sqlite",
            tuple(
                Entity(e.name, tuple(f for f in e.fields if f.name.lower() != name.lower())) for e in schema.entities
            ),
        )
        found += not name or bool(SQL.unknown(query, other)) or f'"{name}"' in query
    assert found == len(spider)


def test_movies_gold_reads_only_and_names_what_is_there(movies: tuple[Schema, list[str]]) -> None:
    schema, queries = movies
    wrong = []
    for query in queries:
        CYPHER.prove_read_only(query)
        assert CYPHER.extract(query) == query.strip()
        normal = CYPHER.normalize(query)
        assert CYPHER.normalize(normal) == normal
        assert CYPHER.unknown(normal, schema) == CYPHER.unknown(query, schema)
        wrong += [(query, names) for names in [CYPHER.unknown(query, schema)] if names]
    print(f"Movies: {len(queries)} gold queries proven read-only, unknown names in {len(wrong)}")
    assert len(queries) == 507
    assert len(wrong) <= 5, wrong


def test_text2cypher_is_accepted(shared_data: Path) -> None:
    """9,557 queries that the data set calls valid; six of them have GROUP BY, SELECT or a function that is none."""
    refused = []
    with (shared_data / "text2cypher" / "text2cypher_gpt4turbo.csv").open(encoding="utf-8", newline="") as file:
        queries = [row["cypher"] for row in csv.DictReader(file) if row["syntax_error"] == "False"]
    for query in queries:
        try:
            CYPHER.prove_read_only(query)
        except QueryError as error:
            refused.append((query, str(error)))
    print(f"text2cypher: {len(queries) - len(refused)} of {len(queries)} valid queries accepted")
    assert all(re.search(r"GROUP BY|\(SELECT|collector\(", query) for query, _ in refused), refused
    assert len(refused) == 6
