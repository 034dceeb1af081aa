"""Spells a made-up world as a relational schema or as a graph, in one of the naming styles that real databases have."""

from __future__ import annotations

import random

from t2q.data.names import SHORT, plural
from t2q.pretrain.worlds.inventor import Attribute, Blueprint
from t2q.schema import Entity, Field, Link, Schema


class Style:
    """One way to spell names, drawn once for a schema."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.case = rng.choices(("snake", "camel", "pascal", "upper", "spaces", "title"), (48, 13, 13, 8, 9, 9))[0]
        self.spaced = 0.3 if rng.random() < 0.25 else 0.0  # share of names with spaces in spite of the case
        self.plural_tables = rng.random() < 0.6
        self.prefix = rng.choice(("tbl_", "t_", "dim_")) if self.case == "snake" and rng.random() < 0.06 else ""
        self.own_prefix = rng.random() < 0.12  # customer_name in customer
        words_for_short = SHORT.items() if rng.random() < 0.15 else ()
        self.short = {word: short for short, word in words_for_short if rng.random() < 0.7}
        self.id_form = rng.choice(("id", "id", "{}_id"))

    def spell(self, words: str, case: str | None = None) -> str:
        parts = [self.short.get(word, word) for word in words.replace("'", "").replace("-", " ").split()]
        case = case or ("spaces" if self.spaced and self.rng.random() < self.spaced else self.case)
        if case == "snake":
            return "_".join(parts)
        if case == "upper":
            return "_".join(parts).upper()
        if case == "spaces":
            return " ".join(parts)
        if case == "title":
            return "_".join(part.capitalize() for part in parts)
        first = parts[0] if case == "camel" else parts[0].capitalize()
        return first + "".join(p.capitalize() for p in parts[1:])

    def table(self, words: str) -> str:
        return self.prefix + self.spell(plural(words) if self.plural_tables else words)

    def key(self, words: str) -> str:
        return self.spell(self.id_form.format(words).replace("_", " "))


def make_field(name: str, attribute: Attribute, rows: int) -> Field:
    """The attribute as a column or property of that many rows."""
    distinct = len(set(attribute.values))
    if attribute.type == "text" and distinct > 9:
        distinct = rows
    elif attribute.type in {"float", "date"} or (attribute.type != "boolean" and distinct > 9):
        distinct = max(distinct, int(rows * 0.8))
    samples = tuple(dict.fromkeys(attribute.values))[:3]
    return Field(name, attribute.type, samples, min(distinct, rows), attribute.nullable)


def as_tables(blueprint: Blueprint, rng: random.Random) -> Schema:
    """The blueprint as tables with keys and foreign keys; `blueprint.values` then holds values by table and column."""
    style = Style(rng)
    dialect = rng.choices(("sqlite", "postgresql", "mysql"), (75, 15, 10))[0]
    tables = [style.table(t.words) for t in blueprint.things]
    keys = [style.key(t.words) for t in blueprint.things]
    columns: list[list[Field]] = []
    links: list[Link] = []
    for thing, table, key in zip(blueprint.things, tables, keys, strict=True):
        fields = [Field(key, "integer", (), thing.rows, key=True)]
        for attribute in thing.attributes:
            words = attribute.words
            name = style.spell(f"{thing.words} {words}" if style.own_prefix and attribute.type == "text" else words)
            if name.lower() not in {f.name.lower() for f in fields}:
                fields.append(make_field(name, attribute, thing.rows))
                blueprint.values[table, name] = attribute.values
        columns.append(fields)
    bridges: list[Entity] = []
    for bond in blueprint.bonds:
        one, other = blueprint.things[bond.source], blueprint.things[bond.target]
        if not bond.many:
            roles = (f"{bond.role} {other.words}", bond.role) if bond.role else (other.words,)
            column = style.spell(f"{rng.choice(roles)} id")
            if column.lower() in {f.name.lower() for f in columns[bond.source]}:
                continue
            columns[bond.source].append(Field(column, "integer", (), other.rows))
            links.append(Link(tables[bond.source], tables[bond.target], "", (column,), (keys[bond.target],)))
            continue
        name = style.table(f"{one.words} {other.words}")
        if name in {*tables, *(b.name for b in bridges)}:
            continue
        ends = [(style.spell(f"{t.words} id"), i) for t, i in ((one, bond.source), (other, bond.target))]
        rest = [make_field(style.spell(a.words), a, one.rows) for a in bond.attributes]
        foreign = [Field(column, "integer", (), blueprint.things[i].rows, key=True) for column, i in ends]
        bridges.append(Entity(name, (*foreign, *rest), one.rows * 2))
        links += [Link(name, tables[i], "", (column,), (keys[i],)) for column, i in ends]
    entities = [Entity(t, tuple(c), b.rows) for t, c, b in zip(tables, columns, blueprint.things, strict=True)]
    entities += bridges
    rng.shuffle(entities)
    return Schema("sql", dialect, tuple(entities), tuple(links))


def as_graph(blueprint: Blueprint, rng: random.Random) -> Schema:
    """The blueprint as labels and relationship types; `blueprint.values` then holds values by label and property."""
    style = Style(rng)
    case = rng.choices(("camel", "snake", "upper"), (70, 28, 2))[0]
    labels = [style.spell(t.words, "pascal") for t in blueprint.things]
    entities = []
    for thing, label in zip(blueprint.things, labels, strict=True):
        fields = [Field(style.spell("id", case), "integer", (), thing.rows, key=True)] if rng.random() < 0.5 else []
        for attribute in thing.attributes:
            name = style.spell(attribute.words, case)
            if name not in {f.name for f in fields}:
                fields.append(make_field(name, attribute, thing.rows))
                blueprint.values[label, name] = attribute.values
        entities.append(Entity(label, tuple(fields), thing.rows))
    links: list[Link] = []
    for bond in blueprint.bonds:
        fields = [make_field(style.spell(a.words, case), a, 50) for a in bond.attributes]
        verb = (
            bond.verb if rng.random() < 0.7 else "_".join(("has", *blueprint.things[bond.target].words.split())).upper()
        )
        link = Link(labels[bond.source], labels[bond.target], verb, fields=tuple(fields))
        if not any((link.source, link.name, link.target) == (o.source, o.name, o.target) for o in links):
            links.append(link)
    rng.shuffle(entities)
    return Schema("cypher", "cypher", tuple(entities), tuple(links))
