"""Intents: what people ask of a database, sampled from a schema and its stored values.

Each intent is a function that takes a Sampler and returns a Draft (the logical query and what its question must say)
or None where the schema offers nothing for it. `INTENTS` is the table of all of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from t2q.data.conditions import draw_condition
from t2q.data.logical import Aggregate, Attr, Condition, Expression, Missing, Node, Query, Step, Year
from t2q.data.model import DATES, NUMBERS, Askable, Model, Relation
from t2q.data.names import plural, singular, words
from t2q.data.phrases import Choice, Phrase, RelatedTo, Slot, Target, Things
from t2q.data.relating import said
from t2q.data.superlatives import superlative
from t2q.schema import Field, Value

Values = Callable[[str, str], Sequence[Value]]

# "how many orders does Ada have" beside "how many orders of Ada are there"
_OF_ONE = {"count": "count_of", "list": "list_of", "list_named": "list_of_named"}


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


def _names(askable: Askable, fields: Sequence[Field]) -> str:
    return " and ".join(askable.said(f) for f in fields)


def _select(fields: Sequence[Field], alias: str = "n") -> tuple[Attr, ...]:
    return tuple(Attr(alias, f.name) for f in fields)


def _node(askable: Askable, alias: str = "n") -> Node:
    return Node(alias, askable.entity.name)


def _noun(askable: Askable) -> str:
    return plural(words(askable.entity.name))


def _function(rng: random.Random, f: Field, ends: bool = False) -> tuple[str, Choice]:
    """An aggregate and its words. `ends`: only the least or the most, which do not mind what is met twice."""
    if f.type in DATES:
        name = rng.choice(("min", "max"))
        return name, Choice("functions", f"{name}_date")
    name = rng.choice(("min", "max") if ends else ("avg", "avg", "sum", "min", "max"))
    return name, Choice("functions", name)


def _sortable(sampler: Sampler, askable: Askable) -> Field | None:
    """A number or date that no row lacks: where nulls sort differs between databases."""
    fields = [f for f in askable.of_type(*NUMBERS, *DATES) if not f.nullable]
    return sampler.rng.choice(fields) if fields else None


def count(s: Sampler) -> Draft | None:
    askable = s.rng.choice(list(s.model.entities.values()))
    where, connective, things = s.things(askable, "n", chance=0.0 if not askable.attributes else 0.75)
    query = Query((_node(askable),), (Aggregate("count", "n"),), where=where, connective=connective)
    return Draft("filter" if where else "count", "count", query, {"things": things})


def list_fields(s: Sampler) -> Draft | None:
    askable = s.entity()
    if askable is None:
        return None
    where, connective, things = s.things(askable, "n", chance=0.7)
    fields = s.shown(askable)
    query = Query((_node(askable),), _select(fields), where=where, connective=connective)
    slots: dict[str, Slot] = {"things": things, "fields": _names(askable, fields)}
    return Draft("filter" if where else "list", _named(s, "list", askable, fields), query, slots)


def lookup(s: Sampler) -> Draft | None:
    askable = s.entity("text")
    target = s.target(askable) if askable else None
    if askable is None or target is None or askable.title is None:
        return None
    others = [f for f in askable.attributes if f is not askable.title]
    if not others:
        return None
    f = s.rng.choice(others)
    where = (Condition(Attr("n", askable.title.name), "=", (target.value,)),)
    query = Query((_node(askable),), _select([f]), where=where)
    return Draft("lookup", "lookup", query, {"field": askable.said(f), "target": target})


def distinct(s: Sampler) -> Draft | None:
    askable = s.entity("text", "integer")
    f = s.groupable(askable) if askable else None
    if askable is None or f is None or f.nullable:
        return None
    where, connective, things = s.things(askable, "n", chance=0.3)
    query = Query((_node(askable),), _select([f]), where=where, connective=connective, distinct=True)
    slots: dict[str, Slot] = {"things": things, "field": askable.said(f), "field_plural": plural(askable.said(f))}
    return Draft("distinct", "distinct", query, slots)


def top(s: Sampler) -> Draft | None:
    askable = s.entity(*NUMBERS, *DATES)
    f = _sortable(s, askable) if askable else None
    if askable is None or f is None:
        return None
    where, connective, things = s.things(askable, "n", chance=0.25)
    fields = [x for x in s.shown(askable) if x is not f] or ([askable.title] if askable.title else [])
    if not fields:
        return None
    n = 1 if s.rng.random() < 0.5 else s.rng.randint(2, 10)
    descending = s.rng.random() < 0.65
    key = ("desc" if descending else "asc") + ("_date" if f.type in DATES else "")
    query = Query(
        (_node(askable),),
        _select(fields),
        where=where,
        connective=connective,
        order=(Attr("n", f.name), descending),
        limit=n,
    )
    slots: dict[str, Slot] = {
        "things": things,
        "fields": _names(askable, fields),
        "n": n,
        "measure": askable.said(f),
        "most": Choice("most", key),
        "thing": Things(singular(things.noun), things.phrases, things.connective),
    }
    wording = "top_one" if n == 1 else "top"
    adjective = superlative(askable, f, descending)
    if adjective and s.rng.random() < 0.4:
        slots["superlative"] = adjective
        wording += "_superlative"
    return Draft("top", _named(s, wording, askable, fields), query, slots)


def _named(s: Sampler, wording: str, askable: Askable, fields: Sequence[Field]) -> str:
    """The wording that leaves unsaid what is shown, sometimes, where that is what things are called."""
    named = askable.told_apart and fields == [askable.title] and s.rng.random() < 0.4
    return f"{wording}_named" if named else wording


def ordered(s: Sampler) -> Draft | None:
    askable = s.entity(*NUMBERS, *DATES)
    f = _sortable(s, askable) if askable else None
    if askable is None or f is None:
        return None
    where, connective, things = s.things(askable, "n", chance=0.4)
    fields = s.shown(askable)
    descending = s.rng.random() < 0.5
    query = Query(
        (_node(askable),),
        _select(fields),
        where=where,
        connective=connective,
        order=(Attr("n", f.name), descending),
    )
    slots: dict[str, Slot] = {
        "things": things,
        "fields": _names(askable, fields),
        "measure": askable.said(f),
        "direction": Choice("direction", "desc" if descending else "asc"),
    }
    return Draft("order", "ordered", query, slots)


def aggregate(s: Sampler) -> Draft | None:
    askable = s.entity(*NUMBERS, *DATES)
    f = s.pick(askable, *NUMBERS, *DATES) if askable else None
    if askable is None or f is None:
        return None
    where, connective, things = s.things(askable, "n", chance=0.5)
    name, words_for = _function(s.rng, f)
    query = Query((_node(askable),), (Aggregate(name, "n", f.name),), where=where, connective=connective)
    slots: dict[str, Slot] = {"things": things, "measure": askable.said(f), "function": words_for}
    return Draft("date" if f.type in DATES else "aggregate", "aggregate", query, slots)


def group(s: Sampler) -> Draft | None:
    """Count or aggregate per value of a field."""
    askable = s.entity("text", "boolean", "integer")
    by = s.groupable(askable) if askable else None
    if askable is None or by is None:
        return None
    where, connective, things = s.things(askable, "n", chance=0.25)
    key = Attr("n", by.name)
    slots: dict[str, Slot] = {"things": things, "by": words(by.name), "by_plural": plural(words(by.name))}
    measure = s.pick(askable, *NUMBERS)
    nodes = (_node(askable),)
    if measure is not None and measure is not by and s.rng.random() < 0.5:
        name, words_for = _function(s.rng, measure)
        select: tuple[Expression, ...] = (key, Aggregate(name, "n", measure.name))
        slots |= {"measure": askable.said(measure), "function": words_for}
        wording = "group_aggregate"
    else:
        select, wording = (key, Aggregate("count", "n")), "group_count"
    query = Query(nodes, select, where=where, connective=connective, group=(key,))
    return Draft("group", wording, query, slots)


def having(s: Sampler) -> Draft | None:
    """Values of a field with more (or fewer) than n rows, or the one with the most."""
    askable = s.entity("text", "integer")
    by = s.groupable(askable) if askable else None
    if askable is None or by is None or by.nullable:
        return None
    key, number = Attr("n", by.name), Aggregate("count", "n")
    slots: dict[str, Slot] = {
        "things": Things(_noun(askable)),
        "by": words(by.name),
        "by_plural": plural(words(by.name)),
    }
    return _chosen_groups(s, (_node(askable),), (), key, number, slots, askable.entity.rows / max(1, by.distinct or 1))


def _chosen_groups(
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


def years(s: Sampler) -> Draft | None:
    askable = s.entity(*DATES)
    f = s.pick(askable, *DATES) if askable else None
    if askable is None or f is None or f.nullable:
        return None
    year = Year(Attr("n", f.name))
    query = Query((_node(askable),), (year, Aggregate("count", "n")), group=(year,))
    return Draft("date", "years", query, {"things": Things(_noun(askable)), "date": words(f.name)})


def above_average(s: Sampler) -> Draft | None:
    askable = s.entity(*NUMBERS)
    f = s.pick(askable, *NUMBERS) if askable else None
    if askable is None or f is None:
        return None
    sign = s.rng.choice((">", ">", "<"))
    phrase = Phrase("above_average" if sign == ">" else "below_average", words(f.name))
    fields = s.shown(askable)
    things = Things(_noun(askable), (phrase,))
    above = (Attr("n", f.name), sign)
    if s.rng.random() < 0.3:
        return Draft(
            "nested", "count", Query((_node(askable),), (Aggregate("count", "n"),), above=above), {"things": things}
        )
    query = Query((_node(askable),), _select(fields), above=above)
    slots: dict[str, Slot] = {"things": things, "fields": _names(askable, fields)}
    return Draft("nested", _named(s, "list", askable, fields), query, slots)


def related(s: Sampler) -> Draft | None:
    """List, count or aggregate the things that are related to one other thing, over one hop."""
    hop = s.hop()
    if hop is None:
        return None
    askable, relation, forward, other = hop
    target = s.target(other)
    if target is None or other.title is None:
        return None
    step = Step("r", relation.id, "n", "m", forward)
    where = (Condition(Attr("m", other.title.name), "=", (target.value,)),)
    phrase = Phrase("related", target=target, by=said(s.model, relation, forward, s.rng))
    things = Things(_noun(askable), (phrase,))
    draft = _about(s, askable, (_node(askable), _node(other, "m")), (step,), where, things, relation, "join")
    if draft and phrase.by is None and draft.wording in _OF_ONE and s.rng.random() < 0.4:
        slots = draft.slots | {"things": Things(things.noun), "target": target}
        return replace(draft, wording=_OF_ONE[draft.wording], slots=slots)
    return draft


def _about(
    s: Sampler,
    askable: Askable,
    nodes: tuple[Node, ...],
    steps: tuple[Step, ...],
    where: tuple[Condition, ...],
    things: Things,
    relation: Relation,
    intent: str,
) -> Draft | None:
    """What is asked of related things: their fields, their number, or an aggregate of theirs or of the relation's."""
    roll = s.rng.random()
    plain = len(steps) == 1 and relation.kind == "key" and steps[0].forward
    if roll < 0.25:
        number = Aggregate("count", "n", distinct=True)  # not needed where plain, but one rule is easier to learn
        return Draft(intent, "count", Query(nodes, (number,), steps, where), {"things": things})
    own = s.pick(askable, *NUMBERS) if plain or (relation.kind == "edge" and len(steps) == 1) else None
    carried = [f for f in relation.fields if f.type in NUMBERS] if len(steps) == 1 else []
    carried = [f for f in carried if words(f.name) not in {askable.said(own) for own in askable.attributes}]
    if roll < 0.45 and (own or carried):
        alias, f = ("n", own) if own else (steps[0].alias, s.rng.choice(carried))
        assert f is not None
        name, words_for = _function(s.rng, f, ends=own is not None and not plain)
        slots: dict[str, Slot] = {
            "things": things,
            "measure": askable.said(f) if own else words(f.name),
            "function": words_for,
        }
        return Draft(intent, "aggregate", Query(nodes, (Aggregate(name, alias, f.name),), steps, where), slots)
    fields = s.shown(askable)
    query = Query(nodes, _select(fields), steps, where, distinct=True)
    wording = _named(s, "list", askable, fields)
    return Draft(intent, wording, query, {"things": things, "fields": _names(askable, fields)})


def related_where(s: Sampler) -> Draft | None:
    """Things related to others that meet a condition which is not their name."""
    hop = s.hop()
    if hop is None:
        return None
    askable, relation, forward, other = hop
    fields = [f for f in other.attributes if f is not other.title]
    made = s.condition(other, s.rng.choice(fields), "m") if fields else None
    if made is None:
        return None
    condition, phrase = made
    step = Step("r", relation.id, "n", "m", forward)
    noun = Things(_noun(other), (phrase,))
    things = Things(_noun(askable), (RelatedTo(noun, said(s.model, relation, forward, s.rng)),))
    return _about(s, askable, (_node(askable), _node(other, "m")), (step,), (condition,), things, relation, "join")


def two_hops(s: Sampler) -> Draft | None:
    hop = s.hop()
    if hop is None:
        return None
    askable, first, forward, middle = hop
    ways = [
        (r, f)
        for r, f in s.model.from_entity(middle.entity.name)
        if r.id != first.id
        and (r.target if f else r.source) not in {askable.entity.name, middle.entity.name}
        and not (r.bridge and r.bridge == askable.entity.name)
        and not (first.bridge and first.bridge == (r.target if f else r.source))
    ]
    if not ways:
        return None
    second, onward = s.rng.choice(ways)
    last = s.model.entities[second.target if onward else second.source]
    target = s.target(last)
    if target is None or last.title is None or askable.entity.name == middle.entity.name:
        return None
    nodes = (_node(askable), _node(middle, "m"), _node(last, "k"))
    steps = (Step("r", first.id, "n", "m", forward), Step("s", second.id, "m", "k", onward))
    where = (Condition(Attr("k", last.title.name), "=", (target.value,)),)
    noun = Things(_noun(middle), (Phrase("related", target=target, by=said(s.model, second, onward, s.rng)),))
    things = Things(_noun(askable), (RelatedTo(noun, said(s.model, first, forward, s.rng)),))
    return _about(s, askable, nodes, steps, where, things, first, "join")


def count_per(s: Sampler) -> Draft | None:
    """How many of one thing each other thing has; the one with the most; those with more than n."""
    hop = s.hop()
    if hop is None:
        return None
    other, relation, forward, counted = hop
    if not other.told_apart or (relation.kind == "key" and forward) or s.model.one_of_several(relation):
        return None
    assert other.title is not None
    nodes = (_node(other), _node(counted, "m"))
    steps = (Step("r", relation.id, "n", "m", forward),)
    key, number = Attr("n", other.title.name), Aggregate("count", "m", distinct=relation.kind != "key")
    slots: dict[str, Slot] = {
        "things": Things(_noun(counted)),
        "by": singular(words(other.entity.name)),
        "by_plural": _noun(other),
    }
    if s.rng.random() < 0.45:
        return Draft("join", "group_count", Query(nodes, (key, number), steps, group=(key,)), slots)
    typical = counted.entity.rows / max(1, other.entity.rows)
    return _chosen_groups(s, nodes, steps, key, number, slots, typical)


def aggregate_per(s: Sampler) -> Draft | None:
    """An aggregate of one thing's field for each other thing that it belongs to."""
    hop = s.hop(("key", "edge"))
    if hop is None:
        return None
    other, relation, forward, counted = hop
    f = s.pick(counted, *NUMBERS)
    if not other.told_apart or f is None or (relation.kind == "key" and forward) or s.model.one_of_several(relation):
        return None
    assert other.title is not None
    nodes = (_node(other), _node(counted, "m"))
    steps = (Step("r", relation.id, "n", "m", forward),)
    name, words_for = _function(s.rng, f)
    key = Attr("n", other.title.name)
    slots: dict[str, Slot] = {
        "things": Things(_noun(counted)),
        "by": singular(words(other.entity.name)),
        "measure": counted.said(f),
        "function": words_for,
    }
    query = Query(nodes, (key, Aggregate(name, "m", f.name)), steps, group=(key,))
    return Draft("join", "group_aggregate", query, slots)


def without(s: Sampler) -> Draft | None:
    hop = s.hop()
    if hop is None:
        return None
    askable, relation, forward, other = hop
    by = said(s.model, relation, forward, s.rng) if relation.kind == "edge" else None
    if by is None and s.model.one_of_several(relation):
        return None
    step = Step("", relation.id, "n", "m", forward)
    missing = Missing(step, _node(other, "m"))
    things = Things(_noun(askable), (Phrase("no_related", others=_noun(other), by=by),))
    if s.rng.random() < 0.35:
        query = Query((_node(askable),), (Aggregate("count", "n"),), missing=missing)
        return Draft("negation", "count", query, {"things": things})
    fields = s.shown(askable)
    query = Query((_node(askable),), _select(fields), missing=missing)
    wording = _named(s, "list", askable, fields)
    return Draft("negation", wording, query, {"things": things, "fields": _names(askable, fields)})


def both(s: Sampler) -> Draft | None:
    """Things that are related to two named others."""
    hop = s.hop(("bridge", "edge"))
    if hop is None:
        return None
    askable, relation, forward, other = hop
    first, second = s.target(other), s.target(other)
    if first is None or second is None or other.title is None or first.value == second.value:
        return None
    if s.model.one_of_several(relation):
        return None
    nodes = (_node(askable), _node(other, "m"), _node(other, "k"))
    steps = (Step("r", relation.id, "n", "m", forward), Step("s", relation.id, "n", "k", forward))
    where = tuple(
        Condition(Attr(alias, other.title.name), "=", (t.value,)) for alias, t in (("m", first), ("k", second))
    )
    fields = s.shown(askable, most=1)
    slots: dict[str, Slot] = {
        "things": Things(_noun(askable)),
        "fields": _names(askable, fields),
        "joined": Choice("joined", ""),
        "value": first,
        "other": second.value,
    }
    return Draft("set", "both", Query(nodes, _select(fields), steps, where, distinct=True), slots)


def union(s: Sampler) -> Draft | None:
    named = [a for a in s.model.entities.values() if a.title is not None]
    if len(named) < 2:
        return None
    one, two = s.rng.sample(named, 2)
    assert one.title and two.title
    second = Query((_node(two),), _select([two.title]))
    query = Query((_node(one),), _select([one.title]), other=second)
    slots: dict[str, Slot] = {
        "things": Things(_noun(one)),
        "others": _noun(two),
        "fields": one.said(one.title),
        "other_fields": two.said(two.title),
    }
    return Draft("set", "union", query, slots)


Intent = Callable[[Sampler], Draft | None]

# How often each is drawn. The names that reports show are Draft.intent's.
INTENTS: tuple[tuple[Intent, float], ...] = (
    (count, 2.0),
    (list_fields, 2.5),
    (lookup, 1.5),
    (distinct, 0.8),
    (top, 1.6),
    (ordered, 0.8),
    (aggregate, 1.6),
    (group, 1.5),
    (having, 0.8),
    (years, 0.4),
    (above_average, 0.8),
    (related, 2.2),
    (related_where, 1.4),
    (two_hops, 1.0),
    (count_per, 1.5),
    (aggregate_per, 0.7),
    (without, 1.0),
    (both, 0.5),
    (union, 0.4),
)


def sample(sampler: Sampler) -> Draft | None:
    """One draft of an intent drawn by weight, None where the schema offers nothing for it."""
    functions, weights = zip(*INTENTS, strict=True)
    intent: Intent = sampler.rng.choices(functions, weights)[0]
    return intent(sampler)
