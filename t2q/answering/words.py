"""An answer in a sentence, told from its rows alone."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from t2q.answering.answer import Answer
from t2q.databases.base import Database
from t2q.errors import QueryError
from t2q.prompt import REFUSAL
from t2q.schema import FieldType, Schema

LISTED = 5  # values that are named one by one
LOOKED_AT = 2000  # stored values of a field, the most frequent ones
NEAR = 3
ALIKE = 0.6  # of difflib's ratio
_TEXT: FieldType = "text"


def in_words(found: Answer, schema: Schema, database: Database) -> str:
    """What was found, in one sentence; where nothing was, also which text of the query is not stored, and which like it
    are."""
    if found.abstained:
        return f"{REFUSAL}: {found.reason}"
    if not found.rows:
        return f"Nothing was found. {not_stored(found.query, schema, database)}".strip()
    count = f"{'More than ' if found.truncated else ''}{len(found.rows):,}"
    if len(found.columns) == 1:
        values = [_said(row[0]) for row in found.rows]
        if len(values) <= LISTED:
            told = f"{_and(values)}." if values != ["nothing"] else "There is no value."
            nothing = len(values) == 1 and found.rows[0][0] in (None, 0)  # counted, or summed up
            return f"{told} {not_stored(found.query, schema, database)}".strip() if nothing else told
        return f"{count} values, the first {_and(values[:LISTED])}."
    if len(found.rows) == 1:
        said = [f"{column}: {_said(value)}" for column, value in zip(found.columns, found.rows[0], strict=True)]
        return f"{', '.join(said)}."
    return f"{count} rows of {_and(list(found.columns))}."


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _and(values: list[str]) -> str:
    *first, last = values
    return f"{', '.join(first)} and {last}" if first else last


def not_stored(query: str, schema: Schema, database: Database) -> str:
    """A sentence for each text that a query looks for and that no field of that name holds; "" where all are there."""
    try:
        used = {name.lower() for name in database.language.identifiers(query).entities}
        sought = dict.fromkeys(database.language.sought(query))
        sentences = [_unknown(name, text, used, schema, database) for name, text in sought if text]
    except QueryError:  # a hint is no reason to fail
        return ""
    return " ".join(filter(None, sentences))


def _unknown(name: str, text: str, used: set[str], schema: Schema, database: Database) -> str:
    """ "" where the text is stored, or where there are too many values to tell."""
    stored: list[str] = []
    for entity in schema.entities:
        for field in entity.fields:
            if field.name.lower() == name.lower() and field.type == _TEXT:
                values = [str(value) for value in database.values(entity.name, field.name, LOOKED_AT)]
                if len(values) == LOOKED_AT or any(text.lower() in value.lower() for value in values):
                    return ""
                stored += values if entity.name.lower() in used else []
    if not stored:
        return ""
    spelt = {value.lower(): value for value in stored}
    near = [spelt[value] for value in get_close_matches(text.lower(), list(spelt), NEAR, ALIKE)]
    return f"No {name} is {text!r}{f'; there is {_and([repr(one) for one in near])}' if near else ''}."
