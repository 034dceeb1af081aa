"""What people ask of one kind of thing: lists, counts, ends of a scale, groups."""

from __future__ import annotations

from t2q.data.logical import Aggregate, Attr, Condition, Expression, Query, Year
from t2q.data.model import DATES, NUMBERS
from t2q.data.names import plural, singular, words
from t2q.data.phrases import Choice, Phrase, Slot, Things
from t2q.data.sampling import (
    Draft,
    Sampler,
    chosen_groups,
    draw_function,
    draw_sortable,
    name_unsaid,
    node_of,
    noun_of,
    said_fields,
    select_of,
)
from t2q.data.superlatives import superlative

# Of counts and lists. Nearly as many are plain: "how many orders are there" is what people ask first, and a model that
# meets such short questions mostly about what is not there learns to decline them.
CONDITIONED = 0.55


def count(s: Sampler) -> Draft | None:
    askable = s.rng.choice(list(s.model.entities.values()))
    where, connective, things = s.things(askable, "n", chance=CONDITIONED if askable.attributes else 0.0)
    query = Query((node_of(askable),), (Aggregate("count", "n"),), where=where, connective=connective)
    return Draft("filter" if where else "count", "count", query, {"things": things})


def list_fields(s: Sampler) -> Draft | None:
    askable = s.entity()
    if askable is None:
        return None
    where, connective, things = s.things(askable, "n", chance=CONDITIONED)
    fields = s.shown(askable)
    query = Query((node_of(askable),), select_of(fields), where=where, connective=connective)
    slots: dict[str, Slot] = {"things": things, "fields": said_fields(askable, fields)}
    return Draft("filter" if where else "list", name_unsaid(s, "list", askable, fields), query, slots)


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
    query = Query((node_of(askable),), select_of([f]), where=where)
    return Draft("lookup", "lookup", query, {"field": askable.said(f), "target": target})


def distinct(s: Sampler) -> Draft | None:
    askable = s.entity("text", "integer")
    f = s.groupable(askable) if askable else None
    if askable is None or f is None or f.nullable:
        return None
    where, connective, things = s.things(askable, "n", chance=0.3)
    query = Query((node_of(askable),), select_of([f]), where=where, connective=connective, distinct=True)
    slots: dict[str, Slot] = {"things": things, "field": askable.said(f), "field_plural": plural(askable.said(f))}
    return Draft("distinct", "distinct", query, slots)


def top(s: Sampler) -> Draft | None:
    found = draw_sortable(s)
    if found is None:
        return None
    askable, f = found
    where, connective, things = s.things(askable, "n", chance=0.25)
    fields = [x for x in s.shown(askable) if x is not f] or ([askable.title] if askable.title else [])
    if not fields:
        return None
    n = 1 if s.rng.random() < 0.5 else s.rng.randint(2, 10)
    descending = s.rng.random() < 0.65
    key = ("desc" if descending else "asc") + ("_date" if f.type in DATES else "")
    query = Query(
        (node_of(askable),),
        select_of(fields),
        where=where,
        connective=connective,
        order=(Attr("n", f.name), descending),
        limit=n,
    )
    slots: dict[str, Slot] = {
        "things": things,
        "fields": said_fields(askable, fields),
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
    return Draft("top", name_unsaid(s, wording, askable, fields), query, slots)


def ordered(s: Sampler) -> Draft | None:
    found = draw_sortable(s)
    if found is None:
        return None
    askable, f = found
    where, connective, things = s.things(askable, "n", chance=0.4)
    fields = s.shown(askable)
    descending = s.rng.random() < 0.5
    query = Query(
        (node_of(askable),),
        select_of(fields),
        where=where,
        connective=connective,
        order=(Attr("n", f.name), descending),
    )
    slots: dict[str, Slot] = {
        "things": things,
        "fields": said_fields(askable, fields),
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
    name, words_for = draw_function(s.rng, f)
    query = Query((node_of(askable),), (Aggregate(name, "n", f.name),), where=where, connective=connective)
    slots: dict[str, Slot] = {"things": things, "measure": askable.said(f), "function": words_for}
    return Draft("date" if f.type in DATES else "aggregate", "aggregate", query, slots)


def aggregates(s: Sampler) -> Draft | None:
    """Two or three functions of one field: "the average, minimum and maximum age of all singers"."""
    askable = s.entity(*NUMBERS, *DATES)
    f = s.pick(askable, *NUMBERS, *DATES) if askable else None
    if askable is None or f is None:
        return None
    where, connective, things = s.things(askable, "n")
    dated = f.type in DATES
    names = ["min", "max"] if dated else s.rng.sample(("avg", "min", "max", "sum"), s.rng.choice((2, 2, 3)))
    s.rng.shuffle(names)
    select = tuple(Aggregate(name, "n", f.name) for name in names)
    query = Query((node_of(askable),), select, where=where, connective=connective)
    slots: dict[str, Slot] = {"things": things, "measure": askable.said(f)}
    for slot, name in zip(("function", "second", "third"), names, strict=False):
        slots[slot] = Choice("functions_short", f"{name}_date" if dated else name)
    return Draft("aggregate", "aggregates" if len(names) == 2 else "aggregates_three", query, slots)


def count_distinct(s: Sampler) -> Draft | None:
    askable = s.entity("text", "integer")
    f = s.groupable(askable) if askable else None
    if askable is None or f is None:
        return None
    where, connective, things = s.things(askable, "n", chance=0.2)
    select = (Aggregate("count", "n", f.name, distinct=True),)
    query = Query((node_of(askable),), select, where=where, connective=connective)
    slots: dict[str, Slot] = {"things": things, "field_plural": plural(askable.said(f))}
    return Draft("distinct", "count_distinct", query, slots)


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
    nodes = (node_of(askable),)
    if measure is not None and measure is not by and s.rng.random() < 0.5:
        name, words_for = draw_function(s.rng, measure)
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
        "things": Things(noun_of(askable)),
        "by": words(by.name),
        "by_plural": plural(words(by.name)),
    }
    return chosen_groups(s, (node_of(askable),), (), key, number, slots, askable.entity.rows / max(1, by.distinct or 1))


def years(s: Sampler) -> Draft | None:
    askable = s.entity(*DATES)
    f = s.pick(askable, *DATES) if askable else None
    if askable is None or f is None or f.nullable:
        return None
    year = Year(Attr("n", f.name))
    query = Query((node_of(askable),), (year, Aggregate("count", "n")), group=(year,))
    return Draft("date", "years", query, {"things": Things(noun_of(askable)), "date": words(f.name)})


def above_average(s: Sampler) -> Draft | None:
    askable = s.entity(*NUMBERS)
    f = s.pick(askable, *NUMBERS) if askable else None
    if askable is None or f is None:
        return None
    sign = s.rng.choice((">", ">", "<"))
    phrase = Phrase("above_average" if sign == ">" else "below_average", words(f.name))
    fields = s.shown(askable)
    things = Things(noun_of(askable), (phrase,))
    above = (Attr("n", f.name), sign)
    if s.rng.random() < 0.3:
        return Draft(
            "nested", "count", Query((node_of(askable),), (Aggregate("count", "n"),), above=above), {"things": things}
        )
    query = Query((node_of(askable),), select_of(fields), above=above)
    slots: dict[str, Slot] = {"things": things, "fields": said_fields(askable, fields)}
    return Draft("nested", name_unsaid(s, "list", askable, fields), query, slots)
