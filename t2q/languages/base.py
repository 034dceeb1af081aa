"""What the rest of t2q asks of a query language. SQL and Cypher are its two implementations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from t2q.schema import Schema, Value


@dataclass(frozen=True)
class Identifiers:
    """Names that a query uses: tables or labels, relationship types, columns or properties (as written, unquoted)."""

    entities: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()


class Language(Protocol):
    """One query language, in one dialect where it has several."""

    name: str  # "sql" or "cypher"
    dialect: str  # "sqlite", "postgresql", ..., "cypher"
    title: str  # as a person writes it: "SQLite", "PostgreSQL", "Cypher"
    opening: str  # the word that nearly every query begins with

    def extract(self, text: str) -> str:
        """The query in a model's text (code fences, prose and a trailing semicolon removed); "" where there is none."""
        ...

    def parse(self, query: str) -> None:
        """Raises SyntaxRefused, with the place, where the query does not parse or is not one statement."""
        ...

    def normalize(self, query: str) -> str:
        """One spelling for queries that differ in case of keywords, white space, quotes and aliases' letter case only.

        Returns the query unchanged (stripped) where it does not parse.
        """
        ...

    def skeleton(self, query: str) -> str:
        """The normalised query with every literal replaced by `?`."""
        ...

    def tokens(self, query: str) -> list[str]:
        """Word tokens of the normalised query, for token match."""
        ...

    def identifiers(self, query: str) -> Identifiers: ...

    def unknown(self, query: str, schema: Schema) -> list[str]:
        """Names in the query that the schema does not have (for Cypher also a relationship in the wrong direction),
        each as a short phrase such as "table staff", "column customers.salary", "(:Order)-[:PLACED]->(:Customer)"."""
        ...

    def mend(self, query: str, schema: Schema) -> str:
        """The query, that parses, with what the schema leaves no choice about put right: in Cypher a relationship that
        is not there between two labels, where only one is; in SQL nothing."""
        ...

    def prove_read_only(self, query: str) -> None:
        """Raises NotReadOnly with the reason unless the query is proven to only read; SyntaxRefused where it does not
        parse; TooCostly where it asks for what no time limit of a database would break off."""
        ...

    def ordered(self, query: str) -> bool:
        """Whether the query asks for an order of its rows (ORDER BY at the outermost level)."""
        ...

    def sought(self, query: str) -> list[tuple[str, str]]:
        """(field, text) pairs: the texts that a query, that parses, compares with fields; a pattern without its
        wildcards."""
        ...

    def quote(self, name: str) -> str:
        """The identifier as it must be written in a query: quoted only where needed."""
        ...

    def literal(self, value: Value) -> str:
        """The value as a literal of the language; strings in single quotes, escaped."""
        ...

    def describe(self, schema: Schema, samples: int = 3) -> str:
        """The schema as the prompt shows it, names written as a query must write them, one entity a line.

        Tables:  customers: id integer key, name text 'Ada' 'Bob', joined date '2024-01-02', city integer -> cities.id
        Graphs:  Customer: name text 'Ada' 'Bob', joined date '2024-01-02'
                 Order to Customer: <-[:PLACED]-
                 Order to Product: -[:CONTAINS]-> quantity integer
                 (each relationship twice, once from either end)

        Text fields show at most `samples` stored values, dates and times one (none where samples is 0), others none.
        """
        ...
