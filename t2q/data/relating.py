"""How a question says by what two things are related: "orders that Ada placed", "games whose home team is Ajax"."""

from __future__ import annotations

import random

from t2q.data.model import Model, Relation
from t2q.data.names import singular, words
from t2q.data.phrases import By

SHARES = {"edge": 0.4, "key": 0.15, "bridge": 0.1}  # of questions that say it where "related to" would be enough
_PREPOSITIONS = {"in", "of", "on", "at", "for", "from", "to", "with", "by", "about", "under", "within", "part"}
_STATES = {  # participles that say what is, not what was done: "located in", but not "acted in"
    *("located", "born", "based", "stored", "assigned", "enrolled", "married", "certified", "tagged", "nominated"),
    *("diagnosed", "connected", "linked", "related", "delivered", "shipped", "situated", "employed", "named"),
}
_OF_MANY = {"is": "are", "was": "were", "has": "have", "does": "do", "uses": "use", "focuses": "focus"}


def said(model: Model, relation: Relation, forward: bool, rng: random.Random) -> By | None:
    """The words for a way from one thing to another. None: it is enough to say that they are related."""
    if not relation.words:
        return None
    if not model.one_of_several(relation):
        plain = relation.kind == "key" and relation.words == singular(words(relation.target))
        if (plain and not forward) or rng.random() >= SHARES[relation.kind]:
            return None
    return by(relation, forward)


def by(relation: Relation, forward: bool) -> By:
    """The words for a relation that is walked forward (from its source) or back."""
    verb = relation.words.removeprefix("is ")
    first, last = verb.split()[0], verb.split()[-1]
    back = "" if forward else "_back"
    if relation.kind == "bridge":
        return By("bridge", verb)
    if first == "has" and first != last:
        return By("has" if forward else "key_back", verb.removeprefix("has "))
    if relation.kind == "key" and not (first != last and last in _PREPOSITIONS):
        return By("key" + back, verb)
    if first in _PREPOSITIONS | _STATES or last in {"by", "of"}:
        return By("state" + back, verb)
    if forward:
        return By("verb", _of_many(verb))
    return By("past_back" if first.endswith("ed") else "verb_back", verb)


def _of_many(verb: str) -> str:
    """The verb as it goes with a plural: "reports to" is "report to"."""
    first, space, rest = verb.partition(" ")
    if first in _OF_MANY:
        first = _OF_MANY[first]
    elif first.endswith("ies"):
        first = first[:-3] + "y"
    elif first.endswith(("shes", "ches", "sses", "xes", "oes")):
        first = first[:-2]
    elif first.endswith("s") and not first.endswith(("ss", "us", "is")):
        first = first[:-1]
    return first + space + rest
