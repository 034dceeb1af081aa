"""WikiSQL's questions, asked by people about one table each, read from JSON Lines as text2sql-data publishes them.

A line: `table`, `columns`, `question`, and `query`, always `SELECT [function(]column[)] FROM t [WHERE column op value
[AND ...]]`. The queries are read into their parts, so that they can be written in either language under other names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from t2q.data.logical import Aggregate, Attr, Condition, Node, Query
from t2q.errors import RecipeError
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
    """The tables in the order of the file. Raises RecipeError where a line is not of that form."""
    with path.open(encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        for (id_, columns), group in groupby(rows, key=lambda row: (row["table"], tuple(row["columns"]))):
            yield Table(id_, columns, tuple(_question(row, path) for row in group))


def _question(row: Mapping[str, str], path: Path) -> TableQuestion:
    match = _QUERY.fullmatch(row["query"])
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
        raise RecipeError(f"{path}: not a query of WikiSQL's form: {row['query']}")
    return TableQuestion(row["question"], match[1] or "", match[2] or match[3], tuple(conditions))


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)
