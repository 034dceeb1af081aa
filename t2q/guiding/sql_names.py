"""The names of a schema of tables, as a query that is being written may use them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from t2q.guiding.names import Spellings, folded
from t2q.guiding.sql_words import KEYWORDS
from t2q.languages.sql_quoting import reserved
from t2q.schema import Schema


class Tables:
    """Tables, columns, their types and the foreign keys; names are folded."""

    def __init__(self, schema: Schema) -> None:
        self.columns = {folded(e.name): {folded(f.name): f for f in e.fields} for e in schema.entities}
        names = [name for e in schema.entities for name in (e.name, *(f.name for f in e.fields))]
        self.spellings = Spellings(names, KEYWORDS | {folded(name) for name in names if reserved(name, schema.dialect)})
        self.joins: set[frozenset[tuple[str, str]]] = set()
        self.linked: dict[str, set[str]] = {table: set() for table in self.columns}
        for link in schema.links:
            source, target = folded(link.source), folded(link.target)
            if source in self.columns and target in self.columns:
                self.linked[source].add(target)
                self.linked[target].add(source)
                for own, other in zip(link.source_fields, link.target_fields, strict=True):
                    self.joins.add(frozenset([(source, folded(own)), (target, folded(other))]))
        self._beside: dict[frozenset[str], frozenset[str]] = {}

    @cached_property
    def every_column(self) -> frozenset[str]:
        return frozenset(name for columns in self.columns.values() for name in columns)

    def holding(self, columns: Iterable[str]) -> list[str]:
        """The tables that have all of the columns."""
        wanted = frozenset(columns)
        return [table for table, own in self.columns.items() if wanted <= own.keys()]

    def beside(self, columns: frozenset[str]) -> frozenset[str]:
        """The columns of the tables that have all of `columns`."""
        if columns not in self._beside:
            self._beside[columns] = frozenset(name for t in self.holding(columns) for name in self.columns[t])
        return self._beside[columns]

    def types(self, column: str, table: str = "") -> set[str]:
        """The types that a column of that name has, in one table or in any."""
        tables = [self.columns[table]] if table else self.columns.values()
        return {own[column].type for own in tables if column in own}


def may_abbreviate(alias: str, tables: Iterable[str]) -> bool:
    """Whether people would call a table so: a letter, t1, or some letters of its name in their order."""
    letters = alias.rstrip("0123456789")
    if len(letters) <= 1:
        return letters.islower() or letters.upper() == "T"
    return len(letters) <= 5 and any(_within(letters.lower(), table) for table in tables)


def _within(letters: str, name: str) -> bool:
    if not name.startswith(letters[0]):
        return False
    left = iter(name)
    return all(letter in left for letter in letters)
