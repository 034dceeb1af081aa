"""One statement of SQL as sqlglot's tree, or SyntaxRefused."""

from __future__ import annotations

import logging
from functools import cache, lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from t2q.errors import SyntaxRefused

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # "Falling back to parsing as a 'Command'": we refuse those

_NAMES = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql", "awsathena": "athena"}
QUERIES = (exp.Query, exp.Values)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.Glob)
_EXPRESSIONS = (exp.Condition, exp.Alias)  # sqlglot also parses a lone expression: `hello world` is an alias


@cache
def sqlglot_dialect(dialect: str) -> str:
    """sqlglot's name for a dialect of SQLAlchemy; "" (sqlglot's own, a superset) where it has none."""
    name = _NAMES.get(dialect, dialect)
    return name if name in {d.value for d in sqlglot.Dialects} else ""


@lru_cache(maxsize=4096)
def statements(query: str, dialect: str) -> tuple[exp.Expression, ...]:
    """The trees of all statements (shared between callers: copy before changing one). Raises SyntaxRefused."""
    try:
        trees = sqlglot.parse(query, dialect=dialect or None)
    except ParseError as error:
        raise SyntaxRefused(_place(error)) from None
    except (SqlglotError, RecursionError) as error:
        raise SyntaxRefused("nested too deeply" if isinstance(error, RecursionError) else _one_line(error)) from None
    return tuple(tree for tree in trees if isinstance(tree, exp.Expression))


def syntax_tree(query: str, dialect: str) -> exp.Expression:
    """The tree of the one statement that `query` is. Raises SyntaxRefused with the place."""
    trees = statements(query, dialect)
    if len(trees) != 1:
        raise SyntaxRefused(f"{len(trees)} statements where one is expected" if trees else "no statement")
    if isinstance(trees[0], _EXPRESSIONS) and not isinstance(trees[0], QUERIES):
        raise SyntaxRefused(f"not a statement: {query.strip()[:60]!r}")
    return trees[0]


def quoted_string(column: exp.Column) -> bool:
    """Whether it stands where people write a string in double quotes: alone, as what something is compared to.

    SQLite takes a double-quoted name that is no column as a string, anywhere. Elsewhere it is a misspelt name.
    """
    parent, place = column.parent, column.arg_key
    compared = isinstance(parent, _COMPARISONS) and place == "expression"
    listed = isinstance(parent, exp.In) and place == "expressions"
    bound = isinstance(parent, exp.Between) and place in ("low", "high")
    return bool(column.this.args.get("quoted")) and not column.table and (compared or listed or bound)


def _place(error: ParseError) -> str:
    first = error.errors[0] if error.errors else {}
    if not first.get("line"):
        return _one_line(error)
    near = " ".join(f"{first.get('start_context', '')}{first.get('highlight', '')}".split())[-40:]
    return f"line {first['line']}, column {first['col']}: {str(first['description']).rstrip('.')}, near {near!r}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
