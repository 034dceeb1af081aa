"""A schema that people asked about, with their questions."""

from __future__ import annotations

from dataclasses import dataclass

from t2q.data.pairs import Pair
from t2q.schema import Schema, Value

REAL = "real"  # the intent of questions that people asked


@dataclass(frozen=True)
class RealWorld:
    """The schema, values to ask for (by entity and field), and the questions as pairs."""

    schema: Schema
    values: dict[tuple[str, str], tuple[Value, ...]]
    pairs: list[Pair]
