"""A table of questions with their queries: CSV with a header, or JSON Lines.

Columns: `question`; `query` (or `sql`, `cypher`, `answer`), empty where the database cannot answer; `reason`, why it
cannot; `split`, "train" where absent. Others are left alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from t2q.data.pairs import Pair
from t2q.data.wording import SPLITS
from t2q.errors import RecipeError

GIVEN = "given"  # the intent of pairs that people wrote
QUERY_COLUMNS = ("query", "sql", "cypher", "answer")
NO_REASON = "the data does not say"
_SHOWN = 10  # mistakes


def read_plain(path: Path) -> list[tuple[str, Pair]]:
    """Each pair with its split. Raises RecipeError naming the mistakes, each with its line."""
    pairs: list[tuple[str, Pair]] = []
    mistakes: list[str] = []
    for line, row in _rows(path):
        try:
            pairs.append(_pair(row))
        except ValueError as error:
            mistakes.append(f"{path}:{line}: {error}")
    if mistakes:
        more = [f"and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
        raise RecipeError("\n".join([f"{len(mistakes)} mistakes in {path}", *mistakes[:_SHOWN], *more]))
    if not pairs:
        raise RecipeError(f"{path} holds no questions")
    return pairs


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row, keys in lower case, with the number of its last line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError(f"{path} is not there") from None
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    if path.suffix == ".csv":
        reader = csv.DictReader(text.splitlines(keepends=True))
        header = {(name or "").strip().lower() for name in reader.fieldnames or ()}
        if "question" not in header or not header & set(QUERY_COLUMNS):
            raise RecipeError(f"{path}:1: the header must name question and query; it names {_names(header)}")
        for row in reader:
            yield reader.line_num, {str(k).strip().lower(): v for k, v in row.items() if k}
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise RecipeError(f"{path}:{number}: not JSON: {error.msg}") from None
            yield number, row if isinstance(row, dict) else {}


def _pair(row: Mapping[str, Any]) -> tuple[str, Pair]:
    question, reason, split = (_text(row, name) for name in ("question", "reason", "split"))
    query = next((found for name in QUERY_COLUMNS if (found := _text(row, name))), "")
    if not question:
        raise ValueError('no "question"')
    if query and reason:
        raise ValueError('both a "query" and a "reason" why there is none')
    if (split or "train") not in SPLITS:
        raise ValueError(f'"split" must be one of {", ".join(SPLITS)}, not {split!r}')
    if not query and not any(name in row for name in (*QUERY_COLUMNS, "reason")):
        raise ValueError('no "query"')
    return split or "train", Pair(question, query.rstrip("; \n"), GIVEN, "", "" if query else reason or NO_REASON)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _names(header: set[str]) -> str:
    return ", ".join(sorted(header - {""})) or "nothing"
