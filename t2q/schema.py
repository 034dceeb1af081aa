"""What a database looks like, in one form for tables and for graphs.

An *entity* is a table or a node label, a *field* a column or a property, a *link* a foreign key or a relationship type.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

FieldType = Literal["integer", "float", "text", "date", "datetime", "time", "boolean", "list", "other"]
Value = str | int | float | bool  # dates are ISO strings


@dataclass(frozen=True)
class Field:
    """A column or a property.

    `samples` holds stored values, most frequent first, each short enough to show. `distinct` is the number of
    distinct values that are not null (None: not counted), `nullable` whether any row lacks the value.
    """

    name: str
    type: FieldType
    samples: tuple[Value, ...] = ()
    distinct: int | None = None
    nullable: bool = False
    key: bool = False


@dataclass(frozen=True)
class Entity:
    """A table or a node label, with the number of its rows or nodes."""

    name: str
    fields: tuple[Field, ...]
    rows: int = 0

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True)
class Link:
    """A foreign key (source holds it) or a relationship type (the arrow goes from source to target).

    `name` is the relationship type, empty for a foreign key. `source_fields` and `target_fields` are the columns of a
    foreign key, empty in a graph. `fields` are the properties of a relationship, empty for a foreign key.
    """

    source: str
    target: str
    name: str = ""
    source_fields: tuple[str, ...] = ()
    target_fields: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()


def first_names(names: Sequence[str], most: int) -> str:
    """ "a, b and 3 more"."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


@dataclass(frozen=True)
class Schema:
    """A whole database: `language` is "sql" or "cypher", `dialect` e.g. "sqlite", "postgresql", "cypher"."""

    language: str
    dialect: str
    entities: tuple[Entity, ...]
    links: tuple[Link, ...] = ()

    def entity(self, name: str) -> Entity | None:
        return next((e for e in self.entities if e.name == name), None)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Schema:
        data = json.loads(text)

        def fields(rows: list[dict]) -> tuple[Field, ...]:
            return tuple(Field(**{**r, "samples": tuple(r["samples"])}) for r in rows)

        return cls(
            language=data["language"],
            dialect=data["dialect"],
            entities=tuple(Entity(e["name"], fields(e["fields"]), e["rows"]) for e in data["entities"]),
            links=tuple(
                Link(
                    source=r["source"],
                    target=r["target"],
                    name=r["name"],
                    source_fields=tuple(r["source_fields"]),
                    target_fields=tuple(r["target_fields"]),
                    fields=fields(r["fields"]),
                )
                for r in data["links"]
            ),
        )

    @property
    def names(self) -> list[str]:
        """Every entity, each followed by its fields as "entity.field"."""
        return [n for e in self.entities for n in (e.name, *(f"{e.name}.{f.name}" for f in e.fields))]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()
