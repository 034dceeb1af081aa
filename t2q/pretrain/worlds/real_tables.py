"""Documents about tables that real people asked about: their questions, and made ones on the same columns."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from t2q.data.importers.wikisql import Table, as_numbers
from t2q.data.model import ask_model
from t2q.data.names import words
from t2q.data.pairs import Pair, render
from t2q.data.sampling import Draft
from t2q.languages import language_for
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.real_world import REAL, RealWorld
from t2q.pretrain.worlds.schemas import Style, make_field
from t2q.schema import Entity, Field, FieldType, Schema, Value

PUBLISHED_SHARE = 0.4  # of tables that keep the form in which WikiSQL comes
ROWS = 30  # of a table whose rows nobody knows
_COLUMN_LIKE = re.compile(r"(?=.{3,24}$)[a-z]+( [a-z]+){0,2}")
_NAME_LIKE = re.compile(r"[^\W\d_][\w .,'&-]{2,27}")


def names_in(tables: Sequence[Table]) -> tuple[str, ...]:
    """What the questions call people, places, teams and works."""
    values = (v for t in tables for q in t.questions for _, _, v in q.conditions)
    return tuple(dict.fromkeys(v for v in values if isinstance(v, str) and _NAME_LIKE.fullmatch(v)))


def column_names_in(tables: Sequence[Table]) -> tuple[str, ...]:
    """What columns are called, in words, but for those with digits or of many words."""
    found = dict.fromkeys(words(column) for table in tables for column in table.columns)
    return tuple(name for name in found if _COLUMN_LIKE.fullmatch(name))


def real_table_world(table: Table, rng: random.Random, inventor: Inventor) -> RealWorld:
    """The table as SQL or as a graph, in one of the naming styles that schemas have, or as published: a table "t".

    WikiSQL lists only columns that some question is about, so made ones stand among them.
    """
    return (_as_published if rng.random() < PUBLISHED_SHARE else _respelt)(table, rng, inventor)


def _as_published(table: Table, rng: random.Random, inventor: Inventor) -> RealWorld:
    made = (a.words.replace(" ", "_") for a in inventor.attributes(rng.randint(0, 3), ("text", "number")))
    columns = list(dict.fromkeys((*filter(str.strip, table.columns), *made)))
    fields = tuple(Field(column, "text") for column in rng.sample(columns, len(columns)))
    schema = Schema("sql", "sqlite", (Entity("t", fields, ROWS),), ())
    return RealWorld(schema, {}, _pairs(table, schema, {column: column for column in table.columns}))


def _respelt(table: Table, rng: random.Random, inventor: Inventor) -> RealWorld:
    table = as_numbers(table)
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
