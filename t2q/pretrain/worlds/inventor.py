"""Made-up worlds: entities, attributes and relations in words, with values, before they are spelt as a schema."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from t2q.pretrain.worlds.words import Words
from t2q.schema import FieldType, Value

_REMARKS = {"comment", "note", "description", "summary", "remark", "reason", "motto", "slogan"}


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
    """Many of `source` belong to one `target`, or, where `many`, each to several.

    `role` is what the target is to the source ("home" team), "" where it goes without saying.
    """

    source: int
    target: int
    verb: str
    many: bool
    attributes: tuple[Attribute, ...] = ()
    role: str = ""


@dataclass
class Blueprint:
    things: list[Thing]
    bonds: list[Bond]
    values: dict[tuple[str, str], tuple[Value, ...]] = field(default_factory=dict)


class Inventor(Words):
    """Makes blueprints and values from a seeded generator."""

    def noun(self) -> str:
        roll = self.rng.random()
        if roll < 0.12:
            return self.pseudo_word()
        if self.columns and roll < 0.22:
            return self.rng.choice(self.columns)
        noun = self.word("people" if roll < 0.42 else "things")
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
        people = {*self.lexicon["people"], *self.wordnet.get("people", ())}
        things = [self.thing(noun, noun in people) for noun in nouns]
        bonds = []
        for i in range(1, number):
            bonds.append(self.bond(i, rng.randrange(i)))
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3, number)) if number > 2 else 0):
            a, b = rng.sample(range(number), 2)
            again = any({a, b} == {bond.source, bond.target} for bond in bonds)
            if not again or rng.random() < 0.5:
                bonds.append(self.bond(a, b, again))
        if bonds and rng.random() < 0.15:
            bonds.append(self.bond(bonds[-1].source, bonds[-1].target, True))
        if rng.random() < 0.15:
            i = rng.randrange(number)
            bonds.append(Bond(i, i, self.verb(), False, role=rng.choice(("parent", "manager", "lead", "head"))))
        return Blueprint(things, bonds)

    def verb(self) -> str:
        return self.word("verbs").replace(" ", "_")

    def bond(self, one: int, other: int, again: bool = False) -> Bond:
        """`again`: the two are related already, so that this relation has a role to be told by."""
        source, target = (one, other) if self.rng.random() < 0.7 else (other, one)
        many = self.rng.random() < 0.3
        attributes: tuple[Attribute, ...] = ()
        if many and self.rng.random() < 0.5:
            attributes = tuple(self.attributes(self.rng.randint(1, 2), ("number", "number", "date")))
        role = ""
        if again or self.rng.random() < 0.08:
            role = self.word("people" if self.rng.random() < 0.6 else "adjectives")
        return Bond(source, target, self.verb(), many, attributes, role)

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
            words = self.attribute_words(kind)
            made[words] = getattr(self, kind)(words)
        return list(made.values())

    def attribute_words(self, kind: str) -> str:
        roll = self.rng.random()
        if roll < 0.08:
            words = self.pseudo_word()
        elif self.columns and kind in {"text", "number"} and roll < 0.35:
            return self.rng.choice(self.columns)
        else:
            words = self.word("reserved" if roll > 0.97 else f"{kind}_attributes")
        return f"{self.word('adjectives')} {words}" if self.rng.random() < 0.06 else words

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
        elif last in _REMARKS:
            values = [self.sentence() for _ in range(rng.randint(3, 15))]
        elif rng.random() < 0.6:
            values = [v.replace("_", " ") for v in rng.choice(self.lexicon["categories"]).split(",")]
        elif rng.random() < 0.5:
            values = [self.title() for _ in range(rng.randint(3, 15))]
        else:
            values = [self.word("nouns") for _ in range(rng.randint(3, 10))]
        return Attribute(words, "text", tuple(dict.fromkeys(values)), self.nullable() and last != "name")
