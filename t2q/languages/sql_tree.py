"""One statement of SQL as sqlglot's tree, or SyntaxRefused."""

from __future__ import annotations

import logging
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from t2q.errors import SyntaxRefused

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # "Falling back to parsing as a 'Command'": we refuse those

_NAMES = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql", "trino": "trino", "awsathena": "athena"}
_STATEMENTS = (exp.Query, exp.DML, exp.DDL, exp.Command, exp.Drop, exp.Alter, exp.Pragma, exp.Attach, exp.Detach)


def sqlglot_dialect(dialect: str) -> str:
    """sqlglot's name for a dialect of SQLAlchemy; "" (sqlglot's own, a superset) where it has none."""
    name = _NAMES.get(dialect, dialect)
    return name if name in {d.value for d in sqlglot.Dialects} else ""


@lru_cache(maxsize=4096)
def syntax_tree(query: str, dialect: str) -> exp.Expression:
    """The tree of one statement (shared between callers: copy before changing it)."""
    try:
        statements = [tree for tree in sqlglot.parse(query, dialect=dialect or None) if tree is not None]
    except ParseError as error:
        raise SyntaxRefused(_place(error)) from None
    except (SqlglotError, RecursionError) as error:
        raise SyntaxRefused(" ".join(str(error).split()) or "nested too deeply") from None
    if len(statements) != 1:
        raise SyntaxRefused(f"{len(statements)} statements where one is expected" if statements else "no statement")
    if not isinstance(statements[0], _STATEMENTS):
        raise SyntaxRefused(f"not a statement: {query.strip()[:60]!r}")
    return statements[0]


def _place(error: ParseError) -> str:
    first = error.errors[0] if error.errors else {}
    if not first.get("line"):
        return " ".join(str(error).split())
    near = " ".join(f"{first.get('start_context', '')}{first.get('highlight', '')}".split())[-40:]
    return f"line {first['line']}, column {first['col']}: {first['description'].rstrip('.')}, near {near!r}"
