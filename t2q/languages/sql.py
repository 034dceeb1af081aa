"""SQL in one dialect: parsed by sqlglot, cut into words by sqlparse, quoted by SQLAlchemy's knowledge of dialects."""

from __future__ import annotations

import re
from functools import lru_cache

import sqlparse
from sqlalchemy.engine import Dialect as SqlAlchemyDialect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import NoSuchModuleError
from sqlglot import exp
from sqlparse import tokens as sqlparse_tokens

from t2q.errors import SyntaxRefused
from t2q.languages import sql_names, sql_safety
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
# Unquoted names keep their case, or compare without it, in these; elsewhere unquoted upper case is folded away.
_CASE_KEPT = {"sqlite", "mysql", "mariadb", "mssql", "duckdb", "bigquery", "clickhouse"}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STARTS = re.compile(
    r"\(*\s*(?:SELECT\b|WITH\s+(?:RECURSIVE\s+)?[\w\"`\[\]]+\s*(?:\([^)]*\)\s*)?AS\b|VALUES\s*\("
    r"|INSERT\s+INTO\b|UPDATE\s+\S+\s+SET\b|DELETE\s+FROM\b|(?:DROP|CREATE|ALTER|TRUNCATE)\s+\w+\s+\S+|PRAGMA\s+\w+"
    r"|ATTACH\s+\S+|EXPLAIN\s+(?:QUERY\s+PLAN\s+)?SELECT\b)",
    re.IGNORECASE,
)
_WORDS = (sqlparse_tokens.Name, sqlparse_tokens.Keyword, sqlparse_tokens.Literal)


@lru_cache(maxsize=16)
def _sqlalchemy_dialect(dialect: str) -> SqlAlchemyDialect:
    try:
        return make_url(f"{dialect}://").get_dialect()()
    except (NoSuchModuleError, ImportError):  # a dialect of a package that is not installed here: standard quoting
        return make_url("postgresql://").get_dialect()()


class Sql:
    """The language of a database that SQLAlchemy calls `dialect` (a driver behind a plus sign is ignored)."""

    name = "sql"

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect.split("+")[0]
        self.title = TITLES.get(self.dialect, self.dialect.title())
        self._sqlglot = sqlglot_dialect(self.dialect)
        self._preparer = _sqlalchemy_dialect(self.dialect).identifier_preparer

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
        try:
            tree = syntax_tree(query, self._sqlglot)
        except SyntaxRefused:
            return query.strip()
        return self._canonical(tree).sql(dialect=self._sqlglot, normalize_functions="upper", comments=False)

    def skeleton(self, query: str) -> str:
        try:
            tree = syntax_tree(query, self._sqlglot)
        except SyntaxRefused:
            return query.strip()

        def blank(node: exp.Expression) -> exp.Expression:
            signed = isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal)
            return exp.var("?") if signed or isinstance(node, exp.Literal | exp.Boolean) else node

        blanked = self._canonical(tree).transform(blank)
        return blanked.sql(dialect=self._sqlglot, normalize_functions="upper", comments=False)

    def _canonical(self, tree: exp.Expression) -> exp.Expression:
        """A copy with names in the dialect's own letter case, and quotes only where they are needed."""
        tree = sql_names.fold_case(tree, self._sqlglot)
        for name in tree.find_all(exp.Identifier):
            name.set("quoted", self.quote(name.name) != name.name)
        return tree

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

    def prove_read_only(self, query: str) -> None:
        sql_safety.prove_read_only(query, self.dialect, self._sqlglot)

    def ordered(self, query: str) -> bool:
        tree = syntax_tree(query, self._sqlglot)
        while isinstance(tree, exp.Subquery) and not tree.args.get("order"):
            tree = tree.this
        return bool(tree.args.get("order"))

    def quote(self, name: str) -> str:
        kept = self.dialect in _CASE_KEPT or name == name.lower()
        if _PLAIN.fullmatch(name) and kept and name.lower() not in self._preparer.reserved_words:
            return name
        return self._preparer.quote_identifier(name)

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
