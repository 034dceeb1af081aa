"""Intents: what people ask of a database, sampled from a schema and its stored values.

Each intent is a function that takes a Sampler and returns a Draft (the logical query and what its question must say)
or None where the schema offers nothing for it. `INTENTS` is the table of all of them.
"""

from __future__ import annotations

from collections.abc import Callable

from t2q.data.intents_one import (
    above_average,
    aggregate,
    aggregates,
    count,
    count_distinct,
    distinct,
    group,
    having,
    list_fields,
    lookup,
    ordered,
    top,
    years,
)
from t2q.data.intents_related import aggregate_per, both, count_per, related, related_where, two_hops, union, without
from t2q.data.sampling import Draft, Sampler

PLAIN = ("count", "list")  # the names of drafts about all there is of a thing

Intent = Callable[[Sampler], Draft | None]


# How often each is drawn. The names that reports show are Draft.intent's.
INTENTS: tuple[tuple[Intent, float], ...] = (
    (count, 2.6),
    (list_fields, 3.0),
    (lookup, 1.5),
    (distinct, 0.8),
    (count_distinct, 0.5),
    (top, 1.6),
    (ordered, 0.8),
    (aggregate, 1.6),
    (aggregates, 0.6),
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
