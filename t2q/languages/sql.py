"""SQL in one dialect: parsed by sqlglot, cut into words by sqlparse, quoted by SQLAlchemy's knowledge of dialects."""

from __future__ import annotations

import re

import sqlparse
from sqlglot import exp
from sqlparse import tokens as sqlparse_tokens

from t2q.errors import SyntaxRefused
from t2q.languages import sql_names, sql_normal, sql_quoting, sql_safety
from t2q.languages.base import Identifiers
from t2q.languages.describing import one_line, show_samples
from t2q.languages.extraction import extract_query
from t2q.languages.sql_tree import sqlglot_dialect, syntax_tree
from t2q.schema import Entity, Schema, Value

TITLES = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "mssql": "SQL Server",
    "duckdb": "DuckDB",
    "bigquery": "BigQuery",
    "clickhouse": "ClickHouse",
}
_STARTS = re.compile(
    r"\(*\s*(?:SELECT\b|WITH\s+(?:RECURSIVE\s+)?[\w\"`\[\]]+\s*(?:\([^)]*\)\s*)?AS\b|VALUES\s*\("
    r"|INSERT\s+INTO\b|UPDATE\s+\S+\s+SET\b|DELETE\s+FROM\b|(?:DROP|CREATE|ALTER|TRUNCATE)\s+\w+\s+\S+|PRAGMA\s+\w+"
    r"|ATTACH\s+\S+|EXPLAIN\s+(?:QUERY\s+PLAN\s+)?SELECT\b)",
    re.IGNORECASE,
)
_WORDS = (sqlparse_tokens.Name, sqlparse_tokens.Keyword, sqlparse_tokens.Literal)


class Sql:
    """The language of a database that SQLAlchemy calls `dialect` (a driver behind a plus sign is ignored)."""

    name = "sql"
    opening = "SELECT"

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect.split("+")[0]
        self.title = TITLES.get(self.dialect, self.dialect.title())
        self._sqlglot = sqlglot_dialect(self.dialect)

    def extract(self, text: str) -> str:
        return extract_query(text, _STARTS, self._semicolon)

    @staticmethod
    def _semicolon(query: str) -> int | None:
        """Where the first semicolon outside strings, quoted names and comments stands."""
        place = 0
        for kind, value in sqlparse.lexer.tokenize(query):
            if kind is sqlparse_tokens.Punctuation and value == ";":
                return place
            place += len(value)
        return None

    def parse(self, query: str) -> None:
        syntax_tree(query, self._sqlglot)

    def normalize(self, query: str) -> str:
        return self._spell(query)

    def skeleton(self, query: str) -> str:
        return self._spell(query, blank=True)

    def _spell(self, query: str, blank: bool = False) -> str:
        try:
            tree = syntax_tree(query, self._sqlglot)
        except SyntaxRefused:
            return query.strip()
        return sql_normal.spell(tree, self.dialect, self._sqlglot, blank)

    def tokens(self, query: str) -> list[str]:
        """Names, keywords, numbers and strings; no operators, no punctuation."""
        return [
            value
            for kind, value in sqlparse.lexer.tokenize(self.normalize(query))
            if any(kind in word for word in _WORDS)
        ]

    def identifiers(self, query: str) -> Identifiers:
        return sql_names.identifiers(syntax_tree(query, self._sqlglot))

    def unknown(self, query: str, schema: Schema) -> list[str]:
        return sql_names.unknown(syntax_tree(query, self._sqlglot), schema, self.dialect)

    def mend(self, query: str, schema: Schema) -> str:  # noqa: ARG002
        return query

    def prove_read_only(self, query: str) -> None:
        sql_safety.prove_read_only(query, self.dialect, self._sqlglot)

    def ordered(self, query: str) -> bool:
        tree = syntax_tree(query, self._sqlglot)
        while isinstance(tree, exp.Subquery) and not tree.args.get("order"):
            tree = tree.this
        return bool(tree.args.get("order"))

    def sought(self, query: str) -> list[tuple[str, str]]:
        return sql_names.sought(syntax_tree(query, self._sqlglot))

    def quote(self, name: str) -> str:
        return sql_quoting.quote(name, self.dialect)

    def literal(self, value: Value) -> str:
        if isinstance(value, bool) and self.dialect in ("mssql", "oracle"):
            value = int(value)  # neither has a literal for it
        return exp.convert(value).sql(dialect=self._sqlglot)

    def describe(self, schema: Schema, samples: int = 3) -> str:
        return "\n".join(
            line for entity in schema.entities if one_line(entity.name) for line in self._table(entity, schema, samples)
        )

    def _table(self, table: Entity, schema: Schema, samples: int) -> list[str]:
        """The line of a table, and one more for each of its foreign keys over several columns."""
        arrows: dict[str, str] = {}
        composite = []
        for link in (link for link in schema.links if link.source == table.name):
            if len(link.source_fields) == 1:
                column = link.source_fields[0]
                target = ".".join(self.quote(name) for name in (link.target, *link.target_fields[:1]))
                arrows[column] = arrows.get(column, "") + f" -> {target}"
            else:
                own, other = (", ".join(map(self.quote, names)) for names in (link.source_fields, link.target_fields))
                composite.append(f"{self.quote(table.name)}({own}) -> {self.quote(link.target)}({other})")
        columns = [
            f"{self.quote(field.name)} {field.type}{' key' * field.key}"
            f"{show_samples(field, samples, self.literal)}{arrows.get(field.name, '')}"
            for field in table.fields
            if one_line(field.name)
        ]
        return [f"{self.quote(table.name)}: {', '.join(columns)}", *composite]
