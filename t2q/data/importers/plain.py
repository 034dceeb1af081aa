"""A table of questions with their queries: CSV with a header, or JSON Lines.

Columns: `question`; `query` (or `sql`, `cypher`, `answer`), empty where the database cannot answer; `reason`, why it
cannot; `split`, "train" where absent. Others are left alone.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from t2q.data.pairs import Pair
from t2q.data.wording import SPLITS
from t2q.errors import RecipeError
from t2q.json_lines import json_lines

GIVEN = "given"  # the intent of pairs that people wrote
QUERY_COLUMNS = ("query", "sql", "cypher", "answer")
NO_REASON = "the data does not say"
_SHOWN = 10  # mistakes
_EXTRA = "\0extra"  # cells beyond the header's
Row = Mapping[str, Any]


def read_plain(path: Path) -> list[tuple[str, Pair]]:
    """Each pair with its split. Raises RecipeError naming the mistakes, each with its line."""
    readers = {".csv": _csv_rows, ".jsonl": _json_rows}
    if path.suffix.lower() not in readers:
        raise RecipeError(f"{path}: pairs are read from {' and '.join(readers)} files: save it as one of them")
    pairs: list[tuple[str, Pair]] = []
    mistakes: list[str] = []
    try:
        for line, row in readers[path.suffix.lower()](_text(path)):
            try:
                pairs.append(_pair(row))
            except ValueError as error:
                mistakes.append(f"{path}:{line}: {error}")
    except (csv.Error, ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: {error}") from None
    if mistakes:
        more = [f"and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
        found = mistakes if len(mistakes) == 1 else [f"{len(mistakes)} mistakes in {path}", *mistakes[:_SHOWN], *more]
        raise RecipeError("\n".join(found))
    if not pairs:
        raise RecipeError(f"{path} holds no questions")
    return pairs


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError(f"{path} is not there") from None
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from None


def _csv_rows(text: str) -> Iterator[tuple[int, Row]]:
    """Each row, keys in lower case, with the number of its last line."""
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey=_EXTRA, strict=True)
    header = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    if "question" not in header or not set(header) & set(QUERY_COLUMNS):
        commas = ", separated by commas" if len(header) == 1 else ""
        raise ValueError(f"the header must name question and query{commas}; it names {', '.join(header) or 'nothing'}")
    if len(set(header)) < len(header):
        raise ValueError("the header names a column twice")
    reader.fieldnames = header
    for row in reader:
        yield reader.line_num, row


def _json_rows(text: str) -> Iterator[tuple[int, Row]]:
    for number, row in json_lines(text):
        yield number, {key.lower(): value for key, value in row.items()}


def _pair(row: Row) -> tuple[str, Pair]:
    """Raises ValueError saying what is wrong with the row."""
    if _EXTRA in row:
        raise ValueError("more cells than the header names: put cells with commas in quotes")
    given = [name for name in QUERY_COLUMNS if name in row]
    if any(row[name] is None for name in given) and "reason" not in row:
        raise ValueError(f'no "{given[0]}": leave it empty ("") where the database cannot answer')
    question, reason, split = (_cell(row, name) for name in ("question", "reason", "split"))
    query = next((found for name in given if (found := _cell(row, name).rstrip("; \n"))), "")
    if not question:
        raise ValueError('no "question"')
    if query and reason:
        raise ValueError('both a "query" and a "reason" why there is none')
    if not given and not reason:
        raise ValueError('no "query"')
    split = split.lower() or "train"
    if split not in SPLITS:
        raise ValueError(f'"split" must be one of {", ".join(SPLITS)}, not "{split}"')
    return split, Pair(question, query, GIVEN, "", "" if query else reason or NO_REASON)


def _cell(row: Row, name: str) -> str:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f'"{name}" must be text, not {json.dumps(value)[:40]}')
    text = (value or "").strip()
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError(f'"{name}" holds half a character (a lone surrogate)')
    return text
