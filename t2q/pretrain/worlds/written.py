"""Questions written by hand about invented databases: t2q/pretrain/worlds/written_files/*.yaml, a domain a file.

A file says what there is once, as tables and as a graph, and gives each question its SQL and its Cypher under those
names; values stand as slots. A draw spells the names in one of the styles that schemas have, fills the slots with
values, and leaves out some of what no question of the draw needs. That folder's README.md says how to write one.
"""

from __future__ import annotations

import datetime
import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from t2q.data.names import parts, singular
from t2q.data.pairs import Pair
from t2q.languages import language_for
from t2q.languages.base import Language
from t2q.package_data import parse_yaml
from t2q.pretrain.worlds.inventor import Attribute, Inventor
from t2q.pretrain.worlds.real_world import RealWorld
from t2q.pretrain.worlds.renaming import Renaming, renaming
from t2q.pretrain.worlds.schemas import Style, make_field
from t2q.schema import Entity, Field, FieldType, Link, Schema, Value

_FOLDER = files("t2q.pretrain.worlds").joinpath("written_files")
WRITTEN = "written"  # the intent of such questions
_KEPT_TABLES, _KEPT_COLUMNS = 0.6, 0.75  # of those that no question of a draw names
_OTHER_NAMES = 0.3  # of names that are other than the file's
_RENAMED = 0.7  # of draws
_ROWS = (12, 30, 80, 200, 1000)
SLOT = re.compile(r"\{(?:(\w+)\.(\w+)(?:#(\d))?(?:%(year|word))?|n(?:#(\d))?)\}")
_SQL_TOKEN = re.compile(r"'[^']*'|\{[^}]*\}|\b[a-z_][a-z0-9_]*\b")
_CYPHER_TOKEN = re.compile(r"'[^']*'|\{\w+\.[^}]*\}|:([A-Z]\w*)|\b([a-z]\w*)\.([a-z_]\w*)|\b([a-z_]\w*)\b(?![(:])")
_RANGE = re.compile(r"(-?[\d.]+|\d{4}-\d\d-\d\d)\.\.(-?[\d.]+|\d{4}-\d\d-\d\d)")


@dataclass(frozen=True)
class Question:
    """`sql` and `cypher` with slots; both empty where `reason` says why the database cannot answer."""

    text: str
    sql: str = ""
    cypher: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Relationship:
    """From one label to another, by a foreign key `through` ("books.author_id") or by the table between ("loans")."""

    type: str
    source: str
    through: str
    target: str


@dataclass(frozen=True)
class Domain:
    """`tables`: what each column holds, "key", the table that it refers to, values, or a range; `labels` by table."""

    name: str
    tables: Mapping[str, Mapping[str, Any]]
    labels: Mapping[str, str]
    types: tuple[Relationship, ...]
    questions: tuple[Question, ...]

    @classmethod
    def read(cls, name: str, text: str) -> Domain:
        data = parse_yaml(text)
        types = tuple(Relationship(kind, *said.split()) for kind, said in data["graph"]["types"].items())
        questions = tuple(
            Question(q["q"], q.get("sql", ""), q.get("cypher", ""), q.get("reason", "")) for q in data["questions"]
        )
        return cls(name, data["tables"], data["graph"]["labels"], types, questions)

    def refers(self, held: object) -> bool:
        """Whether it is the name of a table: what a column holds that refers to it."""
        return isinstance(held, str) and held in self.tables

    def is_key(self, held: object) -> bool:
        return held == "key" or self.refers(held)

    def names(self, graph: bool) -> dict[str, FieldType | None]:
        """As `renaming` takes them: tables or labels, and what columns hold; no keys."""
        held = {column: held for columns in self.tables.values() for column, held in columns.items()}
        columns = {column: _type(what) for column, what in held.items() if not self.is_key(what)}
        return {**columns, **dict.fromkeys(self.labels.values() if graph else self.tables)}


def written_names() -> tuple[str, ...]:
    """The domains that there are."""
    names = sorted(file.name for file in _FOLDER.iterdir())
    return tuple(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


@cache
def written_domain(name: str) -> Domain:
    return Domain.read(name, _FOLDER.joinpath(f"{name}.yaml").read_text(encoding="utf-8"))


def written_world(domain: Domain, number: int, rng: random.Random, inventor: Inventor) -> RealWorld:
    """The domain as tables or as a graph, with up to `number` of its questions."""
    questions = rng.sample(domain.questions, min(number, len(domain.questions)))
    graph, anew = rng.random() < 0.5, Renaming()
    if rng.random() < _RENAMED:
        asked = [(q.text, q.cypher if graph else q.sql) for q in questions]
        anew, sound = renaming(domain.names(graph), asked, rng, inventor)
        questions = [question for question, fits in zip(questions, sound, strict=True) if fits]
    draw = Draw(domain, questions, Style(rng), rng, inventor, graph, anew)
    return RealWorld(draw.schema, draw.values, [draw.pair(question) for question in questions])


class Draw:
    """One way to show a domain: what of it, how it is spelt, what is stored."""

    def __init__(
        self,
        domain: Domain,
        questions: Iterable[Question],
        style: Style,
        rng: random.Random,
        inventor: Inventor,
        graph: bool,
        anew: Renaming,
    ) -> None:
        self.domain, self.style, self.rng, self.graph, self.anew = domain, style, rng, graph, anew
        self.language: Language = language_for("cypher" if graph else "sqlite")
        self.case = rng.choices(("camel", "snake"), (70, 30))[0] if graph else None
        asked = " ".join(q.cypher if graph else q.sql for q in questions)
        self.named = set(re.findall(r"\w+", asked))
        self.spelt: dict[str, str] = {}
        self.table_of = {label: table for table, label in domain.labels.items()}
        self.columns = {column for columns in domain.tables.values() for column in columns}
        self.stored = {
            (table, column): self._values(column, held, inventor)
            for table, columns in domain.tables.items()
            for column, held in columns.items()
            if not domain.is_key(held)
        }
        self.values: dict[tuple[str, str], tuple[Value, ...]] = {}
        self.schema = self._as_graph() if graph else self._as_tables()

    def _values(self, column: str, held: Any, inventor: Inventor) -> tuple[Value, ...]:
        if held == "boolean":
            return (True, False)
        if isinstance(held, list):
            names = column.rpartition("_")[2] in {"name", "title"} and self.rng.random() < _OTHER_NAMES
            made = [inventor.title() for _ in held] if names else [str(value) for value in held]
            self.rng.shuffle(made)
            return tuple(dict.fromkeys(made))
        match = _RANGE.fullmatch(str(held))
        assert match is not None, f"{self.domain.name}: {column}: {held}"
        return tuple(_between(match[1], match[2], self.rng) for _ in range(10))

    def _spelling(self, key: str, spell: Callable[[], str]) -> str:
        """The same for the same name, throughout."""
        if key not in self.spelt:
            self.spelt[key] = spell()
        return self.spelt[key]

    def table(self, name: str) -> str:
        """The table, or its label, as this draw spells it."""
        if self.graph:
            label = self._words(self.domain.labels[name])
            return self._spelling(f"({name})", lambda: self.style.spell(label, "pascal"))
        return self._spelling(f"({name})", lambda: self.style.table(singular(self._words(name))))

    def column(self, name: str) -> str:
        return self._spelling(name, lambda: self.style.spell(self._words(name), self.case))

    def type(self, name: str) -> str:
        return self.style.spell(self._words(name), "upper")

    def _words(self, name: str) -> str:
        return self.anew.words(" ".join(parts(name)))

    def _keeps(self, name: str, share: float) -> bool:
        return name in self.named or self.rng.random() < share

    def _field(self, table: str, column: str, held: Any, rows: int) -> Field:
        name, values = self.column(column), self.stored[table, column]
        self.values[self.table(table) if table in self.domain.labels or not self.graph else table, name] = values
        return make_field(name, Attribute(column, _type(held), values), rows)

    def _as_tables(self) -> Schema:
        entities, links = [], []
        kept = [table for table in self.domain.tables if self._keeps(table, _KEPT_TABLES)]
        for table in kept:
            rows, fields = self.rng.choice(_ROWS), []
            for column, held in self.domain.tables[table].items():
                if held == "key":
                    fields.append(Field(self.column(column), "integer", (), rows, key=True))
                elif self.domain.refers(held):
                    fields.append(Field(self.column(column), "integer", (), rows))
                    if held in kept:
                        key = next(c for c, h in self.domain.tables[held].items() if h == "key")
                        ends = (self.column(column),), (self.column(key),)
                        links.append(Link(self.table(table), self.table(held), "", *ends))
                elif self._keeps(column, _KEPT_COLUMNS):
                    fields.append(self._field(table, column, held, rows))
            entities.append(Entity(self.table(table), tuple(fields), rows))
        self.rng.shuffle(entities)
        return Schema("sql", "sqlite", tuple(entities), tuple(links))

    def _as_graph(self) -> Schema:
        links, entities = [], []
        types = [r for r in self.domain.types if self._keeps(r.type, _KEPT_TABLES)]
        needed = {end for r in types for end in (r.source, r.target)}
        for table, label in self.domain.labels.items():
            if label in needed or self._keeps(label, _KEPT_TABLES):
                entities.append(Entity(self.table(table), self._properties(table), self.rng.choice(_ROWS)))
        for r in types:
            fields = () if "." in r.through else self._properties(r.through)
            source, target = (self.table(self.table_of[label]) for label in (r.source, r.target))
            links.append(Link(source, target, self.type(r.type), fields=fields))
        self.rng.shuffle(entities)
        return Schema("cypher", "cypher", tuple(entities), tuple(links))

    def _properties(self, table: str) -> tuple[Field, ...]:
        rows = self.rng.choice(_ROWS)
        return tuple(
            self._field(table, column, held, rows)
            for column, held in self.domain.tables[table].items()
            if (table, column) in self.stored and self._keeps(column, _KEPT_COLUMNS)
        )

    def pair(self, question: Question) -> Pair:
        query = question.cypher if self.graph else question.sql
        spelt = (_CYPHER_TOKEN if self.graph else _SQL_TOKEN).sub(self._spell, " ".join(query.split()))
        drawn: dict[str, Value] = {}
        text = SLOT.sub(lambda slot: _plain(self._draw(slot, drawn)), self.anew.words(question.text))
        filled = SLOT.sub(lambda slot: self._literal(slot, drawn), spelt)
        if self.rng.random() < 0.15:
            text = text[:1].lower() + text[1:]
        if self.rng.random() < 0.2:
            text = text.rstrip("?.")
        return Pair(text, filled, WRITTEN, question.text, self.anew.words(question.reason))

    def _spell(self, token: re.Match[str]) -> str:
        quote = self.language.quote
        if not self.graph:
            name = token[0]
            if name in self.domain.tables:
                return quote(self.table(name))
            return quote(self.column(name)) if name in self.columns else name
        if token[1]:
            of_label = token[1] in self.table_of
            return f":{quote(self.table(self.table_of[token[1]]) if of_label else self.type(token[1]))}"
        if token[2]:
            return f"{token[2]}.{quote(self.column(token[3]))}"
        # n.brand AS brand: what is called like a property is spelt like it, which no other word of the schema tells
        called_alike = token[4] in self.columns and f".{token[4]}" in token.string
        return quote(self.column(token[4])) if called_alike else token[0]

    def _draw(self, slot: re.Match[str], drawn: dict[str, Value]) -> Value:
        """The slot's value, the same wherever it stands."""
        if slot[0] not in drawn:
            drawn[slot[0]] = self._value(slot, drawn)
        return drawn[slot[0]]

    def _value(self, slot: re.Match[str], drawn: Mapping[str, Value]) -> Value:
        table, column, _, part = slot[1], slot[2], slot[3], slot[4]
        if table is None:
            return self.rng.randint(2, 10)
        value = self.rng.choice(
            [v for v in self.stored[table, column] if v not in drawn.values()] or self.stored[table, column]
        )
        if part == "year":
            return int(str(value)[:4])
        return max(str(value).split(), key=len) if part == "word" else value

    def _literal(self, slot: re.Match[str], drawn: dict[str, Value]) -> str:
        value = self._draw(slot, drawn)
        literal = self.language.literal(value)
        if slot[4] == "word":
            return literal[1:-1]  # the query has quotes of its own
        held = self.domain.tables[slot[1]][slot[2]] if slot[1] else ""
        dated = self.graph and slot[4] is None and slot[1] and _type(held) == "date"
        return f"date({literal})" if dated else literal


def _plain(value: Value) -> str:
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def _type(held: Any) -> Any:
    if isinstance(held, list):
        return "text"
    if held == "boolean":
        return "boolean"
    low = str(held).split("..")[0]
    return "date" if low.count("-") == 2 else "float" if "." in low else "integer"


def _between(low: str, high: str, rng: random.Random) -> Value:
    if low.count("-") == 2:
        first, last = datetime.date.fromisoformat(low), datetime.date.fromisoformat(high)
        return (first + datetime.timedelta(rng.randrange((last - first).days + 1))).isoformat()
    if "." in low:
        return round(rng.uniform(float(low), float(high)), len(low.split(".")[1]))
    return rng.randint(int(low), int(high))
