"""How a dialect writes names, from SQLAlchemy's knowledge of dialects."""

from __future__ import annotations

import re
from functools import lru_cache

from sqlalchemy.engine import make_url
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.sql.compiler import IdentifierPreparer

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


def folds_case(dialect: str) -> bool:
    """Whether an unquoted `Name` is another name than the quoted one."""
    return dialect not in _CASE_KEPT


def quote(name: str, dialect: str) -> str:
    """The name as it is stored, in the dialect's quotes unless it is plain and not reserved."""
    kept = not folds_case(dialect) or name == name.lower()
    if kept and _PLAIN.fullmatch(name) and not reserved(name, dialect):
        return name
    return _preparer(dialect).quote_identifier(name)
