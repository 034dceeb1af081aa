"""Stored values and names as a prompt shows them: shared by both languages."""

from __future__ import annotations

import re
from collections.abc import Callable

from t2q.schema import Field, Value

SCHEMA_LAYOUT = 2  # raised whenever the languages show a schema in another way: older runs and bases read the old one
MAX_SAMPLE = 40  # characters; a longer value says little about how to write one, and costs tokens in every prompt
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
_SHOWN = {"text": None, "date": 1, "datetime": 1, "time": 1}


def one_line(name: str) -> bool:
    """Whether a name can be shown: one that holds a line break would read as an entity of its own."""
    return not re.search(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", name)


def show_samples(field: Field, samples: int, literal: Callable[[Value], str]) -> str:
    """The field's stored values as literals, each behind a space; "" where its type shows none.

    White space inside a value is folded to one space: a stored value must never look like a line of the prompt.
    """
    if field.type not in _SHOWN:
        return ""
    count = min(samples, _SHOWN[field.type] or samples)
    values = [_BLANKS.sub(" ", str(v)).strip() for v in field.samples]
    shown = [v for v in values if v and len(v) <= MAX_SAMPLE]
    return "".join(f" {literal(v)}" for v in shown[:count])
