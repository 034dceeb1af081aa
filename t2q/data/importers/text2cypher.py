"""Questions on Neo4j's demo graphs with their Cypher, as neo4j-labs publishes them in `text2cypher`.

Two CSV files: the questions (`question`, `cypher`, `database`, and flags of what was found wrong with a query) and,
for each database, its schema (`structured_schema`: a Python literal of node and relationship properties).
"""

from __future__ import annotations

import ast
import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2q.databases.neo4j_schema import VALUE_TYPES
from t2q.errors import RecipeError
from t2q.schema import Entity, Field, FieldType, Link, Schema, Value

_TYPES: dict[str, FieldType] = {**VALUE_TYPES, "DATE_TIME": "datetime", "LIST": "list"}
_SOUND = {"syntax_error": ("False",), "timeout": ("False",), "returns_results": ("True",), "false_schema": ("",)}


@dataclass(frozen=True)
class GraphQuestions:
    """A graph's schema, and its questions, each with its Cypher on one line."""

    name: str
    schema: Schema
    questions: tuple[tuple[str, str], ...]


def read_text2cypher(questions: Path, schemas: Path) -> Iterator[GraphQuestions]:
    """The graphs that have a schema, with the questions whose query ran, returned rows and named nothing false.

    Raises RecipeError where a file is not there or not of that form.
    """
    asked: dict[str, dict[str, str]] = {}
    for row in _rows(questions, ("question", "cypher", "database", *_SOUND)):
        if all(row[flag] in fine for flag, fine in _SOUND.items()):
            pairs = asked.setdefault(row["database"], {})
            pairs.setdefault(" ".join(row["question"].split()), " ".join(row["cypher"].split()).rstrip("; "))
    for row in _rows(schemas, ("database", "structured_schema")):
        try:
            schema = _schema(ast.literal_eval(row["structured_schema"]))
        except (ValueError, SyntaxError, KeyError, TypeError, AttributeError) as error:
            raise RecipeError(f"{schemas}: the schema of {row['database']} is not of that form: {error!r}") from None
        yield GraphQuestions(row["database"], schema, tuple(asked.get(row["database"], {}).items()))


def _rows(path: Path, columns: Iterable[str]) -> Iterator[dict[str, str]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if missing := set(columns) - set(reader.fieldnames or ()):
                raise RecipeError(f"{path} has no column {', '.join(sorted(missing))}")
            yield from reader
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from None


def _schema(data: Mapping[str, Any]) -> Schema:
    entities = tuple(Entity(label, _fields(rows)) for label, rows in data["node_props"].items())
    properties = {kind: _fields(rows) for kind, rows in data["rel_props"].items()}
    links = (
        Link(row["start"], row["end"], row["type"], fields=properties.get(row["type"], ()))
        for row in data["relationships"]
    )
    return Schema("cypher", "cypher", entities, tuple(dict.fromkeys(links)))


def _fields(rows: Iterable[Mapping[str, Any]]) -> tuple[Field, ...]:
    return tuple(
        Field(row["property"], _TYPES.get(row["type"], "other"), _samples(row), row.get("distinct_count"))
        for row in rows
    )


def _samples(row: Mapping[str, Any]) -> tuple[Value, ...]:
    """What the file shows of a property's values: some, or the least and the most."""
    shown = row.get("values") or [row[end] for end in ("min", "max") if end in row]
    return tuple(value for value in shown if isinstance(value, str | int | float))
