"""Stored values made plain, and which of them may be shown in a prompt."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import singledispatch
from typing import Any

from t2q.schema import Value

SAMPLE_LENGTH = 60  # characters; a longer text says little about its column and takes the prompt's room
# Rows of one table, or nodes of one label, that samples and distinct counts are taken from: more take minutes.
SCANNED_ROWS = 100_000
OBSERVED_VALUES = 50  # the most frequent values of a field, from which samples (and SQLite's real types) are read


@singledispatch
def plain(value: object) -> Any:
    """The value as str, int, float, bool, None, list or dict. Dates and times become ISO strings, bytes their text
    (hexadecimal where they are not UTF-8), what is unknown its `str`. Databases register their own types."""
    return str(value)


@plain.register(type(None))
@plain.register(bool)
@plain.register(int)
@plain.register(float)
@plain.register(str)
def _(value: Value | None) -> Any:
    return value


@plain.register
def _(value: Decimal) -> Any:
    return float(value)


@plain.register(bytes)
@plain.register(bytearray)
@plain.register(memoryview)
def _(value: bytes) -> Any:
    data = bytes(value)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.hex()


@plain.register(datetime.date)
@plain.register(datetime.time)
def _(value: datetime.date | datetime.time) -> Any:
    return value.isoformat()


@plain.register(list)
@plain.register(tuple)
@plain.register(set)
@plain.register(frozenset)
def _(value: Iterable[object]) -> Any:
    return [plain(item) for item in value]


@plain.register
def _(value: Mapping) -> Any:
    return {str(key): plain(item) for key, item in value.items()}


def findable(values: Iterable[object]) -> list[Value]:
    """Those values, made plain, that a query can name and find again: scalars, without bytes and undecodable text."""
    scalars = (plain(value) for value in values if not isinstance(value, bytes | bytearray | memoryview))
    return [
        value
        for value in scalars
        if isinstance(value, str | int | float)
        and not (isinstance(value, str) and "\N{REPLACEMENT CHARACTER}" in value)
    ]


def showable(values: Iterable[object], limit: int) -> tuple[Value, ...]:
    """The first `limit` findable values that are short and printable: text over several lines in a stored value could
    pass for a part of the prompt."""
    fit = [v for v in findable(values) if not isinstance(v, str) or (len(v) <= SAMPLE_LENGTH and v.isprintable())]
    return tuple(fit[:limit])


def one_line(error: object, length: int = 300) -> str:
    """A database's message for our errors: without line breaks and cut at `length` characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= length else f"{text[:length]}…"
