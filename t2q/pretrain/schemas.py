"""Made-up schemas with made-up values: the world that the base is pretrained on.

A Blueprint holds entities, attributes and relations in words. `as_tables` and `as_graph` spell it as a relational
schema or as a graph, in one of the naming styles that real databases have.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from t2q.data.lexicon import lexicon
from t2q.data.names import plural
from t2q.schema import Entity, Field, FieldType, Link, Schema, Value

_ONSETS = (
    *"bcdfghjklmnprstvwz",
    "br",
    "ch",
    "cl",
    "dr",
    "fl",
    "gr",
    "kr",
    "pl",
    "qu",
    "sh",
    "sk",
    "st",
    "th",
    "tr",
    "",
)
_VOWELS = (*"aeiou", *"aeiou", "ai", "ea", "ee", "ie", "io", "oa", "oo", "ou", "y", "é", "ü", "ø")
_CODAS = ("", "", "n", "r", "s", "x", "l", "ck", "ld", "lt", "m", "mp", "nd", "ng", "nt", "rd", "rk", "rt", "sh", "t")
_SMALL_WORDS = ("of", "and", "in", "from", "to", "for", "with", "without", "on", "at", "under", "by", "or", "the")


@dataclass(frozen=True)
class Attribute:
    words: str
    type: FieldType
    values: tuple[Value, ...]
    nullable: bool = False


@dataclass
class Thing:
    words: str
    attributes: list[Attribute]
    rows: int


@dataclass(frozen=True)
class Bond:
    """Many of `source` belong to one `target`, or, where `many`, each to several."""

    source: int
    target: int
    verb: str
    many: bool
    attributes: tuple[Attribute, ...] = ()


@dataclass
class Blueprint:
    things: list[Thing]
    bonds: list[Bond]
    values: dict[tuple[str, str], tuple[Value, ...]] = field(default_factory=dict)


class Inventor:
    """Makes blueprints and values from a seeded generator."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.lexicon = rng, lexicon()

    def word(self, kind: str) -> str:
        return self.rng.choice(self.lexicon[kind]).replace("_", " ")

    def pseudo_word(self) -> str:
        """A word that no list has, so that names and values must be copied, not recalled."""
        rng = self.rng
        syllables = (rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.choice((1, 2, 2, 3))))
        return "".join(syllables) + rng.choice(_CODAS)

    def noun(self) -> str:
        roll = self.rng.random()
        if roll < 0.06:
            return self.pseudo_word()
        noun = self.word("people" if roll < 0.32 else "things")
        if self.rng.random() < 0.15:
            noun = f"{self.word('things' if self.rng.random() < 0.7 else 'adjectives')} {noun}"
        return noun

    def blueprint(self, most: int = 11) -> Blueprint:
        rng = self.rng
        number = min(most, rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 11)))
        nouns: list[str] = []
        while len(nouns) < number:
            noun = self.noun()
            if noun not in nouns:
                nouns.append(noun)
        people = set(self.lexicon["people"])
        things = [self.thing(noun, noun in people) for noun in nouns]
        bonds = []
        for i in range(1, number):
            bonds.append(self.bond(i, rng.randrange(i)))
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3, number)) if number > 2 else 0):
            a, b = rng.sample(range(number), 2)
            if not any({a, b} == {bond.source, bond.target} for bond in bonds):
                bonds.append(self.bond(a, b))
        if rng.random() < 0.12:
            i = rng.randrange(number)
            bonds.append(Bond(i, i, self.word("verbs"), False))
        return Blueprint(things, bonds)

    def bond(self, one: int, other: int) -> Bond:
        source, target = (one, other) if self.rng.random() < 0.7 else (other, one)
        many = self.rng.random() < 0.3
        attributes: tuple[Attribute, ...] = ()
        if many and self.rng.random() < 0.5:
            attributes = tuple(self.attributes(self.rng.randint(1, 2), ("number", "number", "date")))
        return Bond(source, target, self.rng.choice(self.lexicon["verbs"]), many, attributes)

    def thing(self, noun: str, person: bool) -> Thing:
        rng = self.rng
        rows = rng.choice((5, 12, 30, 80, 200, 1000))
        attributes: list[Attribute] = []
        roll = rng.random()
        if person and roll < 0.3:
            attributes += [self.text("first name"), self.text("last name")]
        elif roll < 0.75:
            attributes.append(self.text("name", person))
        elif roll < 0.9:
            attributes.append(self.text(rng.choice(("title", "code", "label", "full name")), person))
        attributes += self.attributes(
            rng.randint(1, 6), ("text", "text", "number", "number", "number", "date", "boolean")
        )
        seen: set[str] = set()
        unique = [a for a in attributes if not (a.words in seen or seen.add(a.words))]  # type: ignore[func-returns-value]
        return Thing(noun, unique, rows)

    def attributes(self, number: int, kinds: Sequence[str]) -> list[Attribute]:
        made: dict[str, Attribute] = {}
        for _ in range(number):
            kind = self.rng.choice(kinds)
            roll = self.rng.random()
            words = (
                self.pseudo_word() if roll < 0.04 else self.word("reserved" if roll < 0.07 else f"{kind}_attributes")
            )
            if self.rng.random() < 0.06:
                words = f"{self.word('adjectives')} {words}"
            made[words] = getattr(self, kind)(words)
        return list(made.values())

    def nullable(self) -> bool:
        return self.rng.random() < 0.12

    def number(self, words: str) -> Attribute:
        rng = self.rng
        if rng.random() < 0.55:
            high = rng.choice((5, 10, 100, 500, 2000, 10_000, 1_000_000))
            low = rng.choice((0, 1, 1, high // 10))
            if words.startswith("year"):
                low, high = 1950, 2024
            values: tuple[Value, ...] = tuple(rng.randint(low, high) for _ in range(12))
            return Attribute(words, "integer", values, self.nullable())
        high = rng.choice((5, 10, 100, 1000, 50_000))
        digits = rng.choice((1, 2, 2))
        return Attribute(
            words, "float", tuple(round(rng.uniform(0.5, high), digits) for _ in range(12)), self.nullable()
        )

    def date(self, words: str) -> Attribute:
        start = datetime.date(self.rng.randint(1960, 2022), 1, 1)
        days = (datetime.timedelta(self.rng.randrange(1200)) for _ in range(10))
        return Attribute(words, "date", tuple((start + d).isoformat() for d in days), self.nullable())

    def boolean(self, words: str) -> Attribute:
        return Attribute(self.rng.choice(("", "", "is ", "has ")) + words, "boolean", (True, False))

    def text(self, words: str, person: bool = False) -> Attribute:
        rng = self.rng
        last = words.rpartition(" ")[2]
        if words == "first name":
            values: list[str] = [self.word("first_names") for _ in range(20)]
        elif words == "last name":
            values = [self.word("last_names") for _ in range(20)]
        elif last in {"city", "location", "hometown", "birthplace", "destination", "origin"}:
            values = [self.word("cities") for _ in range(15)]
        elif last in {"country", "nationality"}:
            values = [self.word("countries") for _ in range(15)]
        elif last in {"name", "title", "label", "nickname", "nick", "headline", "caption"}:
            values = [self.person() if person or "_" in words else self.title() for _ in range(25)]
        elif last in {"code", "reference", "sku", "barcode", "number"}:
            form = rng.choice(("{a}-{n}", "{a}{n}", "{n}", "{a}-{b}-{n}"))
            values = [
                form.format(a=self.letters(2), b=self.letters(3), n=rng.randrange(100, 10_000)) for _ in range(25)
            ]
        elif last in {"email"}:
            values = [f"{self.word('first_names').lower()}@{self.word('nouns')}.com" for _ in range(15)]
        elif rng.random() < 0.6:
            values = [v.replace("_", " ") for v in rng.choice(self.lexicon["categories"]).split(",")]
        elif rng.random() < 0.5:
            values = [self.title() for _ in range(rng.randint(3, 15))]
        else:
            values = [self.word("nouns") for _ in range(rng.randint(3, 10))]
        return Attribute(words, "text", tuple(dict.fromkeys(values)), self.nullable() and last != "name")

    def letters(self, number: int) -> str:
        return "".join(self.rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(number))

    def person(self) -> str:
        first = self.word("first_names") if self.rng.random() < 0.9 else self.pseudo_word().capitalize()
        last = self.word("last_names") if self.rng.random() < 0.85 else self.pseudo_word().capitalize()
        return f"{first} {last}"

    def title(self) -> str:
        rng = self.rng
        adjective, noun, other = (self.word(k).capitalize() for k in ("adjectives", "nouns", "nouns"))
        last, made = self.word("last_names"), self.pseudo_word().capitalize()
        company, city = self.word("organisations"), self.word("cities")
        return rng.choices(
            (
                f"{adjective} {noun}",
                f"{noun} {company}",
                f"{last} {company}",
                f"The {noun} of {city}",
                f"{noun} {rng.choice(_SMALL_WORDS)} {other}",
                noun,
                f"{made} {rng.choice(['', '2', '7', 'X', 'Pro', 'II', noun])}".strip(),
                f"{adjective}-{noun} {made}",
                f"{last} & {rng.choice(('Sons', 'Co', made, last))}",
                f"{rng.choice(('O', 'D', 'L'))}'{made} {company}",
                f"{made}'s {noun}",
                f"{adjective} {made} {noun}",
            ),
            (36, 12, 8, 5, 9, 7, 8, 4, 4, 2, 2, 3),
        )[0]


class Style:
    """One way to spell names, drawn once for a schema."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.case = rng.choices(("snake", "camel", "pascal", "upper", "spaces"), (53, 14, 14, 8, 11))[0]
        self.spaced = 0.3 if rng.random() < 0.25 else 0.0  # share of names with spaces in spite of the case
        self.plural_tables = rng.random() < 0.6
        self.prefix = rng.choice(("tbl_", "t_", "dim_")) if self.case == "snake" and rng.random() < 0.06 else ""
        self.own_prefix = rng.random() < 0.12  # customer_name in customer
        self.id_form = rng.choice(("id", "id", "{}_id"))

    def spell(self, words: str, case: str | None = None) -> str:
        parts = words.replace("'", "").replace("-", " ").split()
        case = case or ("spaces" if self.spaced and self.rng.random() < self.spaced else self.case)
        if case == "snake":
            return "_".join(parts)
        if case == "upper":
            return "_".join(parts).upper()
        if case == "spaces":
            return " ".join(parts)
        first = parts[0] if case == "camel" else parts[0].capitalize()
        return first + "".join(p.capitalize() for p in parts[1:])

    def table(self, words: str) -> str:
        return self.prefix + self.spell(plural(words) if self.plural_tables else words)

    def key(self, words: str) -> str:
        return self.spell(self.id_form.format(words).replace("_", " "))


def _field(name: str, attribute: Attribute, rows: int) -> Field:
    distinct = len(set(attribute.values))
    if attribute.type in {"float", "date"} or (attribute.type != "boolean" and distinct > 9):
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
                fields.append(_field(name, attribute, thing.rows))
                blueprint.values[table, name] = attribute.values
        columns.append(fields)
    bridges: list[Entity] = []
    for bond in blueprint.bonds:
        one, other = blueprint.things[bond.source], blueprint.things[bond.target]
        if not bond.many:
            words = (
                f"{other.words} id" if bond.source != bond.target else f"{rng.choice(('parent', 'manager', 'lead'))} id"
            )
            column = style.spell(words)
            if column.lower() in {f.name.lower() for f in columns[bond.source]}:
                continue
            columns[bond.source].append(Field(column, "integer", (), other.rows))
            links.append(Link(tables[bond.source], tables[bond.target], "", (column,), (keys[bond.target],)))
            continue
        name = style.table(f"{one.words} {other.words}")
        if name in {*tables, *(b.name for b in bridges)}:
            continue
        ends = [(style.spell(f"{t.words} id"), i) for t, i in ((one, bond.source), (other, bond.target))]
        rest = [_field(style.spell(a.words), a, one.rows) for a in bond.attributes]
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
                fields.append(_field(name, attribute, thing.rows))
                blueprint.values[label, name] = attribute.values
        entities.append(Entity(label, tuple(fields), thing.rows))
    links = []
    for bond in blueprint.bonds:
        fields = [_field(style.spell(a.words, case), a, 50) for a in bond.attributes]
        verb = (
            bond.verb if rng.random() < 0.7 else "_".join(("has", *blueprint.things[bond.target].words.split())).upper()
        )
        links.append(Link(labels[bond.source], labels[bond.target], verb, fields=tuple(fields)))
    rng.shuffle(entities)
    return Schema("cypher", "cypher", tuple(entities), tuple(links))
