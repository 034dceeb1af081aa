"""What people ask of things that are related to others, or of two kinds of things at once."""

from __future__ import annotations

from dataclasses import replace

from t2q.data.logical import Aggregate, Attr, Condition, Missing, Node, Query, Step
from t2q.data.model import NUMBERS, Askable, Relation
from t2q.data.names import singular, words
from t2q.data.phrases import Choice, Phrase, RelatedTo, Slot, Things
from t2q.data.relating import said
from t2q.data.sampling import (
    Draft,
    Sampler,
    chosen_groups,
    draw_function,
    name_unsaid,
    node_of,
    noun_of,
    said_fields,
    select_of,
)

# "how many orders does Ada have" beside "how many orders of Ada are there"
_OF_ONE = {"count": "count_of", "list": "list_of", "list_named": "list_of_named"}


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
    things = Things(noun_of(askable), (phrase,))
    draft = _about(s, askable, (node_of(askable), node_of(other, "m")), (step,), where, things, relation, "join")
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
        name, words_for = draw_function(s.rng, f, ends=own is not None and not plain)
        slots: dict[str, Slot] = {
            "things": things,
            "measure": askable.said(f) if own else words(f.name),
            "function": words_for,
        }
        return Draft(intent, "aggregate", Query(nodes, (Aggregate(name, alias, f.name),), steps, where), slots)
    fields = s.shown(askable)
    query = Query(nodes, select_of(fields), steps, where, distinct=True)
    wording = name_unsaid(s, "list", askable, fields)
    return Draft(intent, wording, query, {"things": things, "fields": said_fields(askable, fields)})


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
    noun = Things(noun_of(other), (phrase,))
    things = Things(noun_of(askable), (RelatedTo(noun, said(s.model, relation, forward, s.rng)),))
    return _about(s, askable, (node_of(askable), node_of(other, "m")), (step,), (condition,), things, relation, "join")


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
    nodes = (node_of(askable), node_of(middle, "m"), node_of(last, "k"))
    steps = (Step("r", first.id, "n", "m", forward), Step("s", second.id, "m", "k", onward))
    where = (Condition(Attr("k", last.title.name), "=", (target.value,)),)
    noun = Things(noun_of(middle), (Phrase("related", target=target, by=said(s.model, second, onward, s.rng)),))
    things = Things(noun_of(askable), (RelatedTo(noun, said(s.model, first, forward, s.rng)),))
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
    nodes = (node_of(other), node_of(counted, "m"))
    steps = (Step("r", relation.id, "n", "m", forward),)
    key, number = Attr("n", other.title.name), Aggregate("count", "m", distinct=relation.kind != "key")
    slots: dict[str, Slot] = {
        "things": Things(noun_of(counted)),
        "by": singular(words(other.entity.name)),
        "by_plural": noun_of(other),
    }
    if s.rng.random() < 0.45:
        return Draft("join", "group_count", Query(nodes, (key, number), steps, group=(key,)), slots)
    typical = counted.entity.rows / max(1, other.entity.rows)
    return chosen_groups(s, nodes, steps, key, number, slots, typical)


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
    nodes = (node_of(other), node_of(counted, "m"))
    steps = (Step("r", relation.id, "n", "m", forward),)
    name, words_for = draw_function(s.rng, f)
    key = Attr("n", other.title.name)
    slots: dict[str, Slot] = {
        "things": Things(noun_of(counted)),
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
    missing = Missing(step, node_of(other, "m"))
    things = Things(noun_of(askable), (Phrase("no_related", others=noun_of(other), by=by),))
    if s.rng.random() < 0.35:
        query = Query((node_of(askable),), (Aggregate("count", "n"),), missing=missing)
        return Draft("negation", "count", query, {"things": things})
    fields = s.shown(askable)
    query = Query((node_of(askable),), select_of(fields), missing=missing)
    wording = name_unsaid(s, "list", askable, fields)
    return Draft("negation", wording, query, {"things": things, "fields": said_fields(askable, fields)})


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
    nodes = (node_of(askable), node_of(other, "m"), node_of(other, "k"))
    steps = (Step("r", relation.id, "n", "m", forward), Step("s", relation.id, "n", "k", forward))
    where = tuple(
        Condition(Attr(alias, other.title.name), "=", (t.value,)) for alias, t in (("m", first), ("k", second))
    )
    fields = s.shown(askable, most=1)
    slots: dict[str, Slot] = {
        "things": Things(noun_of(askable)),
        "fields": said_fields(askable, fields),
        "joined": Choice("joined", ""),
        "value": first,
        "other": second.value,
    }
    return Draft("set", "both", Query(nodes, select_of(fields), steps, where, distinct=True), slots)


def union(s: Sampler) -> Draft | None:
    named = [a for a in s.model.entities.values() if a.title is not None]
    if len(named) < 2:
        return None
    one, two = s.rng.sample(named, 2)
    assert one.title and two.title
    second = Query((node_of(two),), select_of([two.title]))
    query = Query((node_of(one),), select_of([one.title]), other=second)
    slots: dict[str, Slot] = {
        "things": Things(noun_of(one)),
        "others": noun_of(two),
        "fields": one.said(one.title),
        "other_fields": two.said(two.title),
    }
    return Draft("set", "union", query, slots)
