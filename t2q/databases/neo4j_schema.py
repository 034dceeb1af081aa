"""Reads the schema of a Cypher database with queries that Neo4j (5.13 or newer) and the embedded graph both run."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from t2q.databases.values import OBSERVED_VALUES, SCANNED_ROWS, showable
from t2q.schema import Entity, Field, FieldType, Link, Schema

# Of the whole database, from what the server counts anyway.
ALL_LABELS = "CALL db.labels()"
ALL_PROPERTIES = "CALL db.propertyKeys()"

_LABELS = "MATCH (n) UNWIND labels(n) AS label RETURN label, count(*) ORDER BY label"
_PROPERTIES = (
    "MATCH (n) UNWIND labels(n) AS label UNWIND keys(n) AS key "
    "RETURN label, key, collect(DISTINCT valueType(n[key])), count(*) ORDER BY label, key"
)
_LINKS = (
    "MATCH (a)-[r]->(b) UNWIND labels(a) AS source UNWIND labels(b) AS target "
    "RETURN source, type(r) AS name, target, count(*) ORDER BY source, name, target"
)
_LINK_PROPERTIES = (
    "MATCH (a)-[r]->(b) UNWIND labels(a) AS source UNWIND labels(b) AS target UNWIND keys(r) AS key "
    "RETURN source, type(r) AS name, target, key, collect(DISTINCT valueType(r[key])), count(*) "
    "ORDER BY source, name, target, key"
)

# What valueType() writes, without "NOT NULL".
VALUE_TYPES: dict[str, FieldType] = {
    "STRING": "text",
    "INTEGER": "integer",
    "FLOAT": "float",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "LOCAL DATETIME": "datetime",
    "ZONED DATETIME": "datetime",
    "LOCAL TIME": "time",
    "ZONED TIME": "time",
}


Read = Callable[[str], list[list[Any]]]  # runs a query, gives its rows
Quote = Callable[[str], str]


def read_schema(read: Read, quote: Quote, samples: int) -> Schema:
    """Labels, their properties and the relationships between them, by name, with up to `samples` values a property."""
    nodes = defaultdict(list)
    for label, *found in read(_PROPERTIES):
        nodes[label].append(found)
    links = defaultdict(list)
    for source, name, target, *found in read(_LINK_PROPERTIES):
        links[source, name, target].append(found)
    entities = tuple(
        Entity(label, _fields(read, f"(x:{quote(label)})", quote, nodes[label], rows, samples), rows)
        for label, rows in read(_LABELS)
    )
    relationships = tuple(
        Link(
            source,
            target,
            name,
            fields=_fields(
                read,
                f"(:{quote(source)})-[x:{quote(name)}]->(:{quote(target)})",
                quote,
                links[source, name, target],
                number,
                samples,
            ),
        )
        for source, name, target, number in read(_LINKS)
    )
    return Schema("cypher", "cypher", entities, relationships)


def _fields(
    read: Read, pattern: str, quote: Quote, properties: Sequence[list[Any]], rows: int, samples: int
) -> tuple[Field, ...]:
    """The properties of the x in a pattern, from rows of name, value types and number of the x that have it."""
    if not properties:
        return ()
    scanned = f"MATCH {pattern} WITH x LIMIT {SCANNED_ROWS} "
    (distinct,) = read(scanned + "RETURN " + ", ".join(f"count(DISTINCT x.{quote(key)})" for key, _, _ in properties))
    return tuple(
        Field(
            name=key,
            type=kind,
            samples=()
            if kind in ("list", "other")
            else showable(_values(read, pattern, quote(key), max(samples, OBSERVED_VALUES)), samples),
            distinct=number if rows <= SCANNED_ROWS else None,
            nullable=filled < rows,
        )
        for (key, written, filled), number, kind in (
            (found, number, _type(found[1])) for found, number in zip(properties, distinct, strict=True)
        )
    )


def property_values(read: Read, quote: Quote, label: str, key: str, limit: int) -> list[Any]:
    """Distinct values of a label's property as the driver gives them, most frequent first, ties by value."""
    return _values(read, f"(x:{quote(label)})", quote(key), limit)


def _values(read: Read, pattern: str, key: str, limit: int) -> list[Any]:
    query = (
        f"MATCH {pattern} WHERE x.{key} IS NOT NULL WITH x LIMIT {SCANNED_ROWS} "
        f"WITH x.{key} AS value, count(*) AS number RETURN value ORDER BY number DESC, value LIMIT {limit}"
    )
    return [row[0] for row in read(query)]


def _type(written: Sequence[str]) -> FieldType:
    kinds: set[FieldType] = set()
    for name in written:
        bare = re.sub(r" NOT NULL$", "", name)
        kinds.add("list" if bare.startswith("LIST") else VALUE_TYPES.get(bare, "other"))
    if len(kinds) == 1:
        return kinds.pop()
    return "float" if kinds == {"integer", "float"} else "other"
