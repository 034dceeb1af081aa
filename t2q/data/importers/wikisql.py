"""WikiSQL's questions, asked by people about one table each, read from JSON Lines as text2sql-data publishes them.

A line: `table`, `columns`, `question`, and `query`, always `SELECT [function(]column[)] FROM t [WHERE column op value
[AND ...]]`. The queries are read into their parts, so that they can be written in either language under other names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from t2q.data.logical import Aggregate, Attr, Condition, Node, Query
from t2q.errors import RecipeError
from t2q.json_lines import json_lines
from t2q.schema import Value

_NAME = r'(?:"([^"]+)"|(\w+))'
_QUERY = re.compile(rf"SELECT (?:(\w+)\()?{_NAME}\)? FROM t(?: WHERE (.+))?", re.DOTALL)
_CONDITION = re.compile(rf"{_NAME} ([=<>]) (?:'((?:[^']|'')*)'|(-?[\d.]+))(?: AND |$)", re.DOTALL)


@dataclass(frozen=True)
class TableQuestion:
    """`function` is "" or an aggregate; `conditions` are (column, operator, value), all to be met."""

    question: str
    function: str
    column: str
    conditions: tuple[tuple[str, str, Value], ...]

    def query(self, entity: str, names: Mapping[str, str]) -> Query:
        """The logical query on an entity whose fields are called `names[column]`."""
        field = names[self.column]
        select = Aggregate(self.function, "n", field) if self.function else Attr("n", field)
        where = tuple(Condition(Attr("n", names[c]), operator, (value,)) for c, operator, value in self.conditions)
        return Query((Node("n", entity),), (select,), where=where)


@dataclass(frozen=True)
class Table:
    """A table of which nothing but its columns is known, with the questions that were asked about it."""

    id: str
    columns: tuple[str, ...]
    questions: tuple[TableQuestion, ...]


def read_wikisql(path: Path) -> Iterator[Table]:
    """The tables in the order of the file. Raises RecipeError where it is not there or a line is not of that form."""
    try:
        lines = [_line(row, f"{path}:{number}") for number, row in json_lines(path.read_text(encoding="utf-8"))]
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise RecipeError(f"{path}: {error}") from None
    for (id_, columns), group in groupby(lines, key=lambda line: line[:2]):
        yield Table(id_, columns, tuple(question for _, _, question in group))


def _line(row: Mapping[str, Any], where: str) -> tuple[str, tuple[str, ...], TableQuestion]:
    try:
        return row["table"], tuple(row["columns"]), parse_query(row["question"], row["query"])
    except (ValueError, KeyError, TypeError) as error:
        raise RecipeError(f"{where}: not a question of WikiSQL's form: {error!r}") from None


def parse_query(question: str, query: str) -> TableQuestion:
    """The question with its query in parts. Raises ValueError where the query is not of WikiSQL's form."""
    match = _QUERY.fullmatch(query)
    conditions: list[tuple[str, str, Value]] = []
    rest = match[4] or "" if match else ""
    at = 0
    while match and at < len(rest):
        found = _CONDITION.match(rest, at)
        if not found:
            match = None
            break
        value: Value = found[4].replace("''", "'") if found[4] is not None else _number(found[5])
        conditions.append((found[1] or found[2], found[3], value))
        at = found.end()
    if not match:
        raise ValueError(query)
    return TableQuestion(" ".join(question.split()), match[1] or "", match[2] or match[3], tuple(conditions))


def _number(text: str) -> int | float:
    """Raises ValueError where it is none."""
    text = text.replace(",", "")
    return float(text) if "." in text else int(text)


def as_numbers(table: Table) -> Table:
    """The table with the values of columns that are computed with or compared by size as numbers, where all are."""
    questions = table.questions
    for column in table.columns:
        sized = any(
            (q.column == column and q.function in {"sum", "avg", "min", "max"})
            or any(c == column and operator != "=" for c, operator, _ in q.conditions)
            for q in questions
        )
        if sized:
            try:
                questions = tuple(_with_numbers(q, column) for q in questions)
            except ValueError:
                continue
    return replace(table, questions=questions)


def _with_numbers(question: TableQuestion, column: str) -> TableQuestion:
    conditions = (
        (c, operator, _number(value) if c == column and isinstance(value, str) else value)
        for c, operator, value in question.conditions
    )
    return replace(question, conditions=tuple(conditions))
