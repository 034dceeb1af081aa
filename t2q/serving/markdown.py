"""An answer in Markdown, as chat programs show it."""

from __future__ import annotations

import json
import re
from typing import Any

from t2q.answering.answer import Answer
from t2q.prompt import refusal

SHOWN_ROWS = 20
# What would become code, emphasis, a link, an image, HTML, an entity or the next cell.
_MARKS = re.compile(r"[\\`*~|\[\]]|(?<![^\W_])_|_(?![^\W_])|<(?=[a-zA-Z/!?])|&(?=#?\w+;)")
# What would become a heading, a quotation or a list where the words begin with it.
_LINE_STARTS = re.compile(r"^(\s*(?:\d+(?=[.)](?:\s|$)))?)([#>+.)-])")


def in_words(found: Answer, language: str) -> str:
    """The answer in words, the query, the first rows. Stored text stays text: it becomes no link, image or HTML."""
    if found.abstained:
        return query_alone(found)
    number = found.words.removesuffix(".")  # "240." would become a list, without anything in it
    words = number if number.isdecimal() else _LINE_STARTS.sub(r"\1\\\2", _text(found.words))
    parts = [words, _fenced(found.query, language)]
    if found.rows:
        parts.append(_table(found))
    elif not found.words:
        parts.append("No rows.")
    more = len(found.rows) - SHOWN_ROWS
    if more > 0 or found.truncated:
        parts.append(f"… {'more than ' if found.truncated else ''}{max(more, 0)} more rows")
    return "\n\n".join(filter(None, parts))


def query_alone(found: Answer) -> str:
    return refusal(found.reason) if found.abstained else found.query


def _fenced(query: str, language: str) -> str:
    longest = max(map(len, re.findall("`+", query)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{query}\n{fence}"


def _table(found: Answer) -> str:
    lines = [found.columns, ["---"] * len(found.columns), *found.rows[:SHOWN_ROWS]]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
    return _text(text)


def _text(stored: str) -> str:
    return _MARKS.sub(r"\\\g<0>", " ".join(stored.split()))
