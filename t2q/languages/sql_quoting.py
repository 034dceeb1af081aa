"""How a dialect writes names, from SQLAlchemy's knowledge of dialects."""

from __future__ import annotations

import re
from functools import lru_cache

import sqlglot
from sqlalchemy.engine import make_url
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.sql.compiler import IdentifierPreparer
from sqlglot import exp
from sqlglot.errors import SqlglotError

from t2q.languages.sql_tree import sqlglot_dialect

# Unquoted names keep their case, or compare without it, in these; elsewhere unquoted upper case is folded away.
_CASE_KEPT = {"sqlite", "mysql", "mariadb", "mssql", "duckdb", "bigquery", "clickhouse"}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(maxsize=16)
def _preparer(dialect: str) -> IdentifierPreparer:
    try:
        return make_url(f"{dialect}://").get_dialect()().identifier_preparer
    except (NoSuchModuleError, ImportError):  # a dialect of a package that is not installed here: standard quoting
        return make_url("postgresql://").get_dialect()().identifier_preparer


def reserved(name: str, dialect: str) -> bool:
    return name.lower() in _preparer(dialect).reserved_words


@lru_cache(maxsize=65536)
def _understood(name: str, dialect: str) -> bool:
    """Whether sqlglot takes the bare name for a name wherever one may stand; else a good query would be refused."""
    query = (
        f"SELECT {name}, t.{name} AS {name} FROM {name} JOIN {name} AS {name} ON t.a = {name}.a "
        f"WHERE {name} = 1 GROUP BY {name}.a, {name} ORDER BY {name}"
    )
    try:
        tree = sqlglot.parse_one(query, dialect=dialect or None)
    except SqlglotError:
        return False
    columns = sorted((column.table, column.name) for column in tree.find_all(exp.Column))
    tables = [table.name for table in tree.find_all(exp.Table)]
    bare, of_t, of_it = ("", name), ("t", name), (name, "a")
    return columns == sorted([bare] * 4 + [of_t, ("t", "a")] + [of_it] * 2) and tables == [name, name]


def folds_case(dialect: str) -> bool:
    """Whether an unquoted `Name` is another name than the quoted one."""
    return dialect not in _CASE_KEPT


def quote(name: str, dialect: str) -> str:
    """The name as it is stored, in the dialect's quotes unless it is plain and not reserved."""
    kept = not folds_case(dialect) or name == name.lower()
    if kept and _PLAIN.fullmatch(name) and not reserved(name, dialect) and _understood(name, sqlglot_dialect(dialect)):
        return name
    return _preparer(dialect).quote_identifier(name)
