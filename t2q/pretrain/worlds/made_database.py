"""Made-up schemas filled with rows: as a SQLite file, or as a graph file for the embedded graph."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from t2q.languages import language_for
from t2q.schema import Entity, Field, Schema, Value

Values = Mapping[tuple[str, str], Sequence[Value]]  # by entity and field
Row = dict[str, Value | None]
_MISSING = 0.1  # of values that a row may lack
_SQL_TYPES = {"integer": "INTEGER", "float": "REAL", "text": "TEXT", "date": "DATE", "boolean": "BOOLEAN"}


def write_tables(schema: Schema, values: Values, rows: int, rng: random.Random, path: Path) -> None:
    """A SQLite file of the schema's tables, with keys and foreign keys, `rows` rows each at most."""
    quote = language_for("sqlite").quote
    sizes = {entity.name: min(entity.rows, rows) for entity in schema.entities}
    targets = {(link.source, link.source_fields[0]): link for link in schema.links}
    with closing(sqlite3.connect(path)) as database:
        for entity in schema.entities:
            own_key = [f.name for f in entity.fields if f.key and (entity.name, f.name) not in targets]
            columns = [
                f"{quote(f.name)} {_SQL_TYPES[f.type]}{' PRIMARY KEY' if f.name in own_key else ''}"
                for f in entity.fields
            ]
            columns += [
                f"FOREIGN KEY ({quote(link.source_fields[0])}) REFERENCES {quote(link.target)} "
                f"({quote(link.target_fields[0])})"
                for (source, _), link in targets.items()
                if source == entity.name
            ]
            database.execute(f"CREATE TABLE {quote(entity.name)} ({', '.join(columns)})")
            made = _rows(entity, values, sizes[entity.name], rng)
            for number, row in enumerate(made, 1):
                row |= {name: number for name in own_key}
                for (source, column), link in targets.items():
                    if source == entity.name:
                        row[column] = rng.randint(1, sizes[link.target])
            marks = ", ".join("?" * len(entity.fields))
            database.executemany(
                f"INSERT INTO {quote(entity.name)} VALUES ({marks})",
                [[row[f.name] for f in entity.fields] for row in made],
            )
        database.commit()


def write_graph(schema: Schema, values: Values, nodes: int, rng: random.Random, path: Path) -> None:
    """A graph file of the schema's labels and relationships, `nodes` nodes a label at most, up to three ways each."""
    graph: dict[str, list[dict[str, Any]]] = {"nodes": [], "rels": []}
    ids: dict[str, list[str]] = {}
    for entity in schema.entities:
        ids[entity.name] = []
        for number, row in enumerate(_rows(entity, values, min(entity.rows, nodes), rng), 1):
            row |= {f.name: number for f in entity.fields if f.key}
            id_ = f"{entity.name} {number}"
            ids[entity.name].append(id_)
            graph["nodes"].append({"id": id_, "labels": [entity.name], "props": _present(row)})
    for link in schema.links:
        for start in ids[link.source]:
            for end in rng.sample(ids[link.target], min(rng.randint(0, 3), len(ids[link.target]))):
                row = {f.name: _value(f, f.samples, rng) for f in link.fields}
                graph["rels"].append({"start": start, "end": end, "type": link.name, "props": _present(row)})
    path.write_text(json.dumps(graph), encoding="utf-8")


def _rows(entity: Entity, values: Values, number: int, rng: random.Random) -> list[Row]:
    """Without keys. A text of which the schema says that no two rows share it is made so."""
    columns = {}
    for field in entity.fields:
        stored = values.get((entity.name, field.name), ()) or field.samples
        column = [_value(field, stored, rng) for _ in range(number)]
        if field.type == "text" and field.distinct == entity.rows:
            column = _told_apart([str(value) for value in column])
        columns[field.name] = column
    return [{name: column[i] for name, column in columns.items()} for i in range(number)]


def _value(field: Field, stored: Sequence[Value], rng: random.Random) -> Value | None:
    if not stored or (field.nullable and rng.random() < _MISSING):
        return None
    return rng.choice(stored)


def _told_apart(texts: list[str]) -> list[Value | None]:
    met: dict[str, int] = {}
    out: list[Value | None] = []
    for text in texts:
        met[text] = met.get(text, 0) + 1
        out.append(text if met[text] == 1 else f"{text} {met[text]}")
    return out


def _present(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}
