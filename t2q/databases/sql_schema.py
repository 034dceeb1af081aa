"""Reads the schema of a SQL database: types, keys, links, row counts, distinct counts and sample values."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Inspector, column, distinct, func, null, select, table, types
from sqlalchemy.exc import SAWarning
from sqlalchemy.sql import FromClause, Subquery
from sqlalchemy.sql.elements import quoted_name

from t2q.databases.values import OBSERVED_VALUES, SCANNED_ROWS, showable
from t2q.schema import Entity, Field, FieldType, Link, Schema, Value

_COUNTED_AT_ONCE = 200  # columns in one counting query: SQLite allows 2000 results, two a column

# Declared types, most special first.
_TYPES: tuple[tuple[type[types.TypeEngine[Any]], FieldType], ...] = (
    (types.Boolean, "boolean"),
    (types.DateTime, "datetime"),
    (types.Date, "date"),
    (types.Time, "time"),
    (types.Integer, "integer"),
    (types.Numeric, "float"),
    (types.Float, "float"),
    (types.ARRAY, "list"),
    (types.String, "text"),
    (types.Uuid, "text"),
)
_DATE = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
_TEXT_FORMS: tuple[tuple[re.Pattern[str], FieldType], ...] = (
    (re.compile(_DATE), "date"),
    (re.compile(rf"{_DATE}[ T]{_CLOCK}(Z|[+-]\d\d:?\d\d)?"), "datetime"),
    (re.compile(_CLOCK), "time"),
)
# What the values of a SQLite column are together, where they are of several kinds.
_TOGETHER: tuple[tuple[set[FieldType], FieldType], ...] = (
    ({"integer", "float"}, "float"),
    ({"date", "datetime"}, "datetime"),
    ({"date", "datetime", "time", "text"}, "text"),
)
# Kinds of values that do not contradict a declared type.
_FITTING: dict[FieldType, set[FieldType]] = {
    "boolean": {"integer"},
    "float": {"integer", "float"},
    "text": {"time"},
    "datetime": {"date"},
}


def read_schema(
    connection: Connection, inspector: Inspector, tables: Sequence[str], dialect: str, samples: int
) -> Schema:
    """The schema of these tables, in the order given, with up to `samples` values a field."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of types that SQLAlchemy does not know: they become "other"
        entities = tuple(_entity(connection, inspector, name, dialect, samples) for name in tables)
        links = _links(inspector, entities)
    return Schema("sql", dialect, entities, links)


def views(inspector: Inspector) -> list[str]:
    names = inspector.get_view_names()
    with contextlib.suppress(NotImplementedError):
        names += inspector.get_materialized_view_names()
    return names


def own_schemas(inspector: Inspector) -> set[str]:
    """What may stand before a table's name: the schema that its tables are in, and the database."""
    database = inspector.engine.url.database or ""
    return {inspector.default_schema_name or "", database, Path(database).stem}


def _entity(connection: Connection, inspector: Inspector, name: str, dialect: str, samples: int) -> Entity:
    declared = {column["name"]: _declared(column["type"]) for column in inspector.get_columns(name)}
    keys = set(inspector.get_pk_constraint(name).get("constrained_columns") or ())
    rows = connection.scalar(select(func.count()).select_from(_table(name))) or 0
    # Elsewhere than in SQLite, types that t2q does not know may not be comparable.
    comparable = {field for field, kind in declared.items() if kind != "other" or dialect == "sqlite"}
    counts = _counts(connection, name, list(declared), comparable)
    fields = []
    for field, kind in declared.items():
        filled, different = counts[field]
        shown: tuple[Value, ...] = ()
        if filled and field in comparable and kind != "list":
            stored = column_values(connection, name, field, max(samples, OBSERVED_VALUES))
            kind = _observed(kind, stored) if dialect == "sqlite" else kind
            shown = showable(stored, samples)
        fields.append(
            Field(
                name=field,
                type=kind,
                samples=shown,
                distinct=different if rows <= SCANNED_ROWS else None,
                nullable=filled < min(rows, SCANNED_ROWS),
                key=field in keys,
            )
        )
    return Entity(name, tuple(fields), rows)


def _table(name: str) -> FromClause:
    return table(quoted_name(name, quote=True))


def _scanned(name: str, columns: Sequence[str]) -> Subquery:
    """Some columns of the first SCANNED_ROWS rows, renamed c0, c1, …"""
    chosen: list[Any] = [column(quoted_name(c, quote=True)).label(f"c{i}") for i, c in enumerate(columns)]
    return select(*chosen).select_from(_table(name)).limit(SCANNED_ROWS).subquery()


def _counts(
    connection: Connection, name: str, columns: Sequence[str], comparable: Container[str]
) -> dict[str, tuple[int, int | None]]:
    """For each column the number of values that are not null and of distinct ones, among the scanned rows."""
    found: dict[str, tuple[int, int | None]] = {}
    for start in range(0, len(columns), _COUNTED_AT_ONCE):
        part = columns[start : start + _COUNTED_AT_ONCE]
        wanted: list[Any] = []
        for field, value in zip(part, _scanned(name, part).c, strict=True):
            wanted += [func.count(value), func.count(distinct(value)) if field in comparable else null()]
        row = connection.execute(select(*wanted)).one()
        found |= {field: (row[2 * i], row[2 * i + 1]) for i, field in enumerate(part)}
    return found


def column_values(connection: Connection, name: str, field: str, limit: int) -> list[Any]:
    """Distinct values that are not null as the driver gives them, most frequent first, ties by value."""
    value = _scanned(name, [field]).c.c0
    number = func.count()
    query = select(value).where(value.is_not(None)).group_by(value).order_by(number.desc(), value).limit(limit)
    return list(connection.scalars(query))


def _declared(declared: types.TypeEngine[Any]) -> FieldType:
    return next((kind for python, kind in _TYPES if isinstance(declared, python)), "other")


def _observed(declared: FieldType, stored: Sequence[Any]) -> FieldType:
    """SQLite types values, not columns: the kind of the values, where they agree on one that contradicts the declared
    type or says more (text that is always an ISO date is a date, a "date" that holds years is an integer)."""
    kinds = {_kind(value) for value in stored}
    if not kinds or kinds <= {declared, *_FITTING.get(declared, ())}:
        return declared
    if len(kinds) == 1:
        return kinds.pop()
    mixed: FieldType = declared if declared in ("integer", "float", "text") else "text"
    return next((kind for several, kind in _TOGETHER if kinds <= several), mixed)


def _kind(value: Any) -> FieldType:
    if isinstance(value, str):
        return next((kind for form, kind in _TEXT_FORMS if form.fullmatch(value)), "text")
    if isinstance(value, float):
        return "float"
    return "integer" if isinstance(value, int) else "other"


def _links(inspector: Inspector, entities: Sequence[Entity]) -> tuple[Link, ...]:
    """Foreign keys between the entities. SQLite accepts keys to tables and columns that are not there (left out), and
    compares names without regard to case (spelt as the entity spells them)."""
    tables = {e.name.lower(): (e.name, {f.name.lower(): f.name for f in e.fields}) for e in entities}
    found = []
    for entity in entities:
        _, own = tables[entity.name.lower()]
        for key in inspector.get_foreign_keys(entity.name):
            target, others = tables.get(key["referred_table"].lower(), ("", {}))
            source_fields = tuple(own.get(c.lower(), "") for c in key["constrained_columns"])
            target_fields = tuple(others.get(c.lower(), "") for c in key["referred_columns"])
            complete = len(source_fields) == len(target_fields) and all((*source_fields, *target_fields))
            if target and complete and not key.get("referred_schema"):
                found.append(Link(entity.name, target, "", source_fields, target_fields))
    return tuple(sorted(set(found), key=lambda link: (link.source, link.source_fields, link.target)))
