"""Documents about tables that real people asked about: their questions, and made ones on the same columns."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from t2q.data.importers.wikisql import Table, as_numbers, read_wikisql
from t2q.data.model import ask_model
from t2q.data.names import words
from t2q.data.pairs import Pair, render
from t2q.data.sampling import Draft
from t2q.languages import language_for
from t2q.pretrain.inventor import Inventor
from t2q.pretrain.schemas import Style, make_field
from t2q.schema import Entity, Field, FieldType, Schema, Value

ROWS = 30  # of a table whose rows nobody knows
REAL = "real"  # the intent of questions that people asked
_NAME_LIKE = re.compile(r"[^\W\d_][\w .,'&-]{2,27}")


@dataclass(frozen=True)
class RealTables:
    """Tables with their questions, and the names that the questions hold: of people, places, teams, works."""

    tables: tuple[Table, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> RealTables:
        """From a file of WikiSQL's form. Raises RecipeError as `read_wikisql` does."""
        tables = tuple(as_numbers(table) for table in read_wikisql(path))
        values = (v for t in tables for q in t.questions for _, _, v in q.conditions)
        names = dict.fromkeys(v for v in values if isinstance(v, str) and _NAME_LIKE.fullmatch(v))
        return cls(tables, tuple(names))


@dataclass(frozen=True)
class RealWorld:
    """One table as a schema, the values that its questions name (by entity and field), and the questions as pairs."""

    schema: Schema
    values: dict[tuple[str, str], tuple[Value, ...]]
    pairs: list[Pair]


def real_world(table: Table, rng: random.Random, inventor: Inventor) -> RealWorld:
    """The table as SQL or as a graph, in one of the naming styles that schemas have.

    WikiSQL lists only columns that some question is about, so made ones stand among them.
    """
    style, graph = Style(rng), rng.random() < 0.5
    noun = inventor.noun()
    label = style.spell(noun, "pascal") if graph else style.table(noun)
    names: dict[str, str] = {}
    fields: dict[str, Field] = {}
    values: dict[tuple[str, str], tuple[Value, ...]] = {}
    for column in filter(str.strip, table.columns):
        name = style.spell(words(column), "camel" if graph else None)
        found = _values(table, column)
        if name.lower() not in {n.lower() for n in fields}:
            names[column], values[label, name] = name, found
            fields[name] = Field(name, _type(table, column, found), found[:3], max(2, len(found)))
    for attribute in inventor.attributes(rng.randint(0, 4), ("text", "number", "date")):
        name = style.spell(attribute.words, "camel" if graph else None)
        if name.lower() not in {n.lower() for n in fields}:
            values[label, name] = attribute.values
            fields[name] = make_field(name, attribute, ROWS)
    shuffled = rng.sample(list(fields.values()), len(fields))
    kind, dialect = ("cypher", "cypher") if graph else ("sql", "sqlite")
    schema = Schema(kind, dialect, (Entity(label, tuple(shuffled), ROWS),), ())
    return RealWorld(schema, values, _pairs(table, schema, names))


def _pairs(table: Table, schema: Schema, names: dict[str, str]) -> list[Pair]:
    model, language = ask_model(schema), language_for(schema.dialect)
    pairs = []
    for asked in table.questions:
        if {asked.column, *(column for column, _, _ in asked.conditions)} <= names.keys():
            draft = Draft(REAL, REAL, asked.query(schema.entities[0].name, names), {})
            pairs.append(Pair(asked.question, render(draft, model, language), REAL))
    return pairs


def _values(table: Table, column: str) -> tuple[Value, ...]:
    found = (value for q in table.questions for c, _, value in q.conditions if c == column)
    return tuple(dict.fromkeys(found))


def _type(table: Table, column: str, values: Sequence[Value]) -> FieldType:
    """What a column holds, as far as its questions show: numbers where all its values are or, without any, its sums."""
    if not values:
        computed = any(q.column == column and q.function in {"sum", "avg", "min", "max"} for q in table.questions)
        return "integer" if computed else "text"
    if any(isinstance(v, str) for v in values):
        return "text"
    return "integer" if all(isinstance(v, int) for v in values) else "float"
