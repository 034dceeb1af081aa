"""What intents are made with: a sampler of entities, fields, values and conditions, and the drafts they come to."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from t2q.data.conditions import draw_condition
from t2q.data.logical import Aggregate, Attr, Condition, Node, Query, Step
from t2q.data.model import DATES, NUMBERS, Askable, Model, Relation
from t2q.data.names import plural, singular, words
from t2q.data.phrases import Choice, Phrase, Slot, Target, Things
from t2q.schema import Field, Value

Values = Callable[[str, str], Sequence[Value]]


@dataclass(frozen=True)
class Draft:
    """`wording` names the intent in wording.yaml whose sentences fit; several intents may share one."""

    intent: str
    wording: str
    query: Query
    slots: dict[str, Slot]


class Sampler:
    """Draws entities, fields, values and conditions. `values(entity, field)` gives stored values of a field."""

    def __init__(self, model: Model, values: Values, rng: random.Random) -> None:
        self.model, self.values, self.rng = model, values, rng

    def entity(self, *types: str) -> Askable | None:
        """An entity that has an attribute of one of the types (any attribute where none is named)."""
        found = [a for a in self.model.entities.values() if (a.of_type(*types) if types else a.attributes)]
        return self.rng.choice(found) if found else None

    def shown(self, askable: Askable, most: int = 2) -> list[Field]:
        """Fields to answer with: mostly the title, sometimes others or two."""
        fields = list(askable.attributes)
        self.rng.shuffle(fields)
        if askable.title and self.rng.random() < 0.6:
            fields = [askable.title, *(f for f in fields if f is not askable.title)]
        return fields[: 1 if self.rng.random() < 0.7 else min(most, len(fields))]

    def pick(self, askable: Askable, *types: str) -> Field | None:
        fields = askable.of_type(*types)
        return self.rng.choice(fields) if fields else None

    def value(self, entity: str, field: Field) -> Value | None:
        found = [v for v in self.values(entity, field.name) if not isinstance(v, str) or askable_text(v)]
        return self.rng.choice(found) if found else None

    def groupable(self, askable: Askable) -> Field | None:
        """A field whose values repeat."""
        rows = askable.entity.rows
        fields = [
            f
            for f in askable.of_type("text", "boolean", "integer")
            if f is not askable.title and f.distinct is not None and 1 < f.distinct <= max(2, rows * 0.6)
        ]
        return self.rng.choice(fields) if fields else None

    def conditions(self, askable: Askable, alias: str, most: int = 2) -> tuple[list[Condition], list[Phrase], str]:
        """One to `most` conditions on different fields, with what joins them."""
        fields = list(askable.attributes)
        self.rng.shuffle(fields)
        conditions: list[Condition] = []
        phrases: list[Phrase] = []
        wanted = 1 if self.rng.random() < 0.7 else most
        for f in fields:
            made = self.condition(askable, f, alias)
            if made:
                conditions.append(made[0])
                phrases.append(made[1])
            if len(conditions) == wanted:
                break
        connective = "or" if len(conditions) == 2 and self.rng.random() < 0.25 else "and"
        return conditions, phrases, connective

    def condition(self, askable: Askable, f: Field, alias: str) -> tuple[Condition, Phrase] | None:
        """A condition on one field, with its phrase."""
        attr, name = Attr(alias, f.name), words(f.name)
        if f.nullable and self.rng.random() < 0.15:
            return Condition(attr, "null"), Phrase("is_null", name)
        value, second = self.value(askable.entity.name, f), self.value(askable.entity.name, f)
        if value is None or second is None:
            return None
        return draw_condition(askable, f, attr, (value, second), self.rng)

    def things(self, askable: Askable, alias: str, chance: float = 0.35) -> tuple[tuple[Condition, ...], str, Things]:
        """A noun phrase for an entity, with conditions at the given chance."""
        noun = plural(words(askable.entity.name))
        if self.rng.random() >= chance:
            return (), "AND", Things(noun)
        conditions, phrases, connective = self.conditions(askable, alias)
        return tuple(conditions), connective.upper(), Things(noun, tuple(phrases), connective)

    def hop(self, kinds: tuple[str, ...] = ("key", "bridge", "edge")) -> tuple[Askable, Relation, bool, Askable] | None:
        """Two related entities and the way from the first to the second."""
        ways = []
        for name, askable in self.model.entities.items():
            for relation, forward in self.model.from_entity(name):
                other = self.model.entities[relation.target if forward else relation.source]
                if relation.kind in kinds and askable.attributes and other.attributes:
                    ways.append((askable, relation, forward, other))
        return self.rng.choice(ways) if ways else None

    def target(self, askable: Askable) -> Target | None:
        """One stored thing of an entity, by its title."""
        if askable.title is None:
            return None
        value = self.value(askable.entity.name, askable.title)
        if value is None:
            return None
        return Target(singular(words(askable.entity.name)), words(askable.title.name), value)


def askable_text(value: str) -> bool:
    """Whether a stored text can stand in a question: short, one line, not blank, no characters that quotes end."""
    return 0 < len(value.strip()) <= 40 and value == value.strip() and not set(value) & set('\n\r\t\\"%_{}')


def said_fields(askable: Askable, fields: Sequence[Field]) -> str:
    return " and ".join(askable.said(f) for f in fields)


def select_of(fields: Sequence[Field], alias: str = "n") -> tuple[Attr, ...]:
    return tuple(Attr(alias, f.name) for f in fields)


def node_of(askable: Askable, alias: str = "n") -> Node:
    return Node(alias, askable.entity.name)


def noun_of(askable: Askable) -> str:
    return plural(words(askable.entity.name))


def draw_function(rng: random.Random, f: Field, ends: bool = False) -> tuple[str, Choice]:
    """An aggregate and its words. `ends`: only the least or the most, which do not mind what is met twice."""
    if f.type in DATES:
        name = rng.choice(("min", "max"))
        return name, Choice("functions", f"{name}_date")
    name = rng.choice(("min", "max") if ends else ("avg", "avg", "sum", "min", "max"))
    return name, Choice("functions", name)


def draw_sortable(s: Sampler) -> tuple[Askable, Field] | None:
    """An entity with a number or date that no row lacks: where nulls sort differs between databases."""
    askable = s.entity(*NUMBERS, *DATES)
    fields = [f for f in askable.of_type(*NUMBERS, *DATES) if not f.nullable] if askable else []
    return (askable, s.rng.choice(fields)) if askable and fields else None


def name_unsaid(s: Sampler, wording: str, askable: Askable, fields: Sequence[Field]) -> str:
    """The wording that leaves unsaid what is shown, sometimes, where that is what things are called."""
    named = askable.told_apart and fields == [askable.title] and s.rng.random() < 0.4
    return f"{wording}_named" if named else wording


def chosen_groups(
    s: Sampler,
    nodes: tuple[Node, ...],
    steps: tuple[Step, ...],
    key: Attr,
    number: Aggregate,
    slots: dict[str, Slot],
    typical: float,
) -> Draft:
    """Over a relation nothing asks for the fewest: what has none at all is in no group."""
    if s.rng.random() < 0.45:
        descending = bool(steps) or s.rng.random() < 0.75
        slots["most"] = Choice("most", "desc_count" if descending else "asc_count")
        query = Query(nodes, (key,), steps, group=(key,), order=(number, descending), limit=1)
        return Draft("top", "most_common", query, slots)
    operator = s.rng.choice((">", ">", ">=") if steps else (">", ">", ">=", "<"))
    n = max(1, round(typical * s.rng.uniform(0.5, 1.5)))
    n = n + 1 if operator == "<" else n
    slots |= {"compare": Choice("compare", operator), "n": n}
    query = Query(nodes, (key,), steps, group=(key,), having=Condition(number, operator, (n,)))
    return Draft("having", "having", query, slots)
