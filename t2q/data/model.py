"""What can be asked of a schema: entities with their askable attributes, and relations that lead from one to another.

The same view for tables and graphs. A table that only joins two others becomes a relation (with its remaining columns
as the relation's attributes) besides staying an entity; keys and foreign keys are no attributes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from t2q.data.names import parts, singular, words
from t2q.schema import Entity, Field, Link, Schema

NUMBERS = ("integer", "float")
DATES = ("date", "datetime")
_NAME_LIKE = re.compile(r"(^|\b)(name|title|label|full name|display name|caption|description|email|code|number)$")

_PARTS_OF_NAMES = {"first name", "last name", "middle name", "given name", "family name"}
_AMBIGUOUS = {"number", "count", "amount", "quantity", "total", "sum", "average", "maximum", "minimum"}


@dataclass(frozen=True)
class Relation:
    """A way from `source` to `target`.

    `kind`: "key" (source holds a foreign key to target: many to one), "bridge" (two foreign keys of the table `bridge`)
    or "edge" (a relationship type). `links` are the schema links it stands on, in the order source to target.
    """

    id: str
    kind: str
    source: str
    target: str
    links: tuple[Link, ...]
    bridge: str = ""
    fields: tuple[Field, ...] = ()

    @property
    def words(self) -> str:
        """The relation in words: of its type, the table between, or the foreign key's column without its "id"."""
        if self.kind == "edge":
            return " ".join(parts(self.links[0].name))
        if self.bridge:
            return words(self.bridge)
        columns = " ".join(words(column) for column in self.links[0].source_fields)
        return re.sub(r"(^| )(id|key|fk|code|no|nr)$", "", columns)


@dataclass(frozen=True)
class Askable:
    """An entity with what can be asked of it. `title` is the field that names its rows, None if it has none."""

    entity: Entity
    attributes: tuple[Field, ...]
    title: Field | None

    @property
    def told_apart(self) -> bool:
        """Whether no two rows have the same title: only then is it what a row is called, or what to group by."""
        if self.title is None or words(self.title.name) in _PARTS_OF_NAMES:
            return False
        return self.title.distinct is None or self.title.distinct == self.entity.rows

    def of_type(self, *types: str) -> list[Field]:
        return [f for f in self.attributes if f.type in types]

    def said(self, field: Field) -> str:
        """What a question calls one of the fields: "order number" where "the number of orders" would be their count."""
        name = words(field.name)
        return f"{singular(words(self.entity.name))} {name}" if name in _AMBIGUOUS else name


@dataclass(frozen=True)
class Model:
    schema: Schema
    entities: dict[str, Askable]
    relations: dict[str, Relation]

    def from_entity(self, name: str) -> list[tuple[Relation, bool]]:
        """Relations that leave an entity, each with whether it is walked forward."""
        found = [(r, True) for r in self.relations.values() if r.source == name]
        return found + [(r, False) for r in self.relations.values() if r.target == name]

    def one_of_several(self, relation: Relation) -> bool:
        """Whether its ends are related in another way or direction as well, so that "related to" says too little."""
        ends = {relation.source, relation.target}
        return len(ends) == 1 or any(
            {other.source, other.target} == ends for other in self.relations.values() if other is not relation
        )


def _title(attributes: tuple[Field, ...]) -> Field | None:
    texts = [f for f in attributes if f.type == "text"]
    named = [f for f in texts if _NAME_LIKE.search(words(f.name))]
    order = ("name", "title")
    named.sort(key=lambda f: next((i for i, w in enumerate(order) if words(f.name).endswith(w)), len(order)))
    if named:
        return named[0]
    return next((f for f in texts if f.distinct is None or f.distinct > 20), None)


def _askable(entity: Entity, foreign: set[str]) -> Askable:
    attributes = tuple(
        f for f in entity.fields if not f.key and f.name not in foreign and f.type not in {"list", "other"}
    )
    return Askable(entity, attributes, _title(attributes))


def _bridges(schema: Schema, links: list[Link]) -> list[Relation]:
    relations = []
    for entity in schema.entities:
        keys = [link for link in links if link.source == entity.name]
        if len(keys) != 2 or any(link.target == entity.name for link in links):
            continue
        foreign = {column for link in keys for column in link.source_fields}
        rest = tuple(f for f in entity.fields if f.name not in foreign and not f.key)
        itself = keys[0].target == keys[1].target  # which end is meant could only be said by its columns
        if (
            not itself
            and len(rest) <= 3
            and not any(f.type == "text" and _NAME_LIKE.search(words(f.name)) for f in rest)
        ):
            first, second = keys
            relations.append(
                Relation(
                    f"bridge:{entity.name}", "bridge", first.target, second.target, (first, second), entity.name, rest
                )
            )
    return relations


def ask_model(schema: Schema) -> Model:
    """The askable view of a schema. Links between entities that the schema does not list are left out."""
    names = {e.name for e in schema.entities}
    links = [link for link in schema.links if link.source in names and link.target in names]
    foreign: dict[str, set[str]] = {}
    for link in links:
        foreign.setdefault(link.source, set()).update(link.source_fields)
    entities = {e.name: _askable(e, foreign.get(e.name, set())) for e in schema.entities}
    if schema.language == "cypher":
        relations = [
            Relation(
                f"edge:{link.source}-{link.name}-{link.target}",
                "edge",
                link.source,
                link.target,
                (link,),
                "",
                link.fields,
            )
            for link in links
        ]
    else:
        relations = [
            Relation(f"key:{link.source}.{'+'.join(link.source_fields)}", "key", link.source, link.target, (link,))
            for link in links
        ]
        relations += _bridges(schema, links)
    return Model(schema, entities, {r.id: r for r in relations})
