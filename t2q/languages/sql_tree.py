"""One statement of SQL as sqlglot's tokens and tree, or SyntaxRefused."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokens import Token, TokenType

from t2q.errors import SyntaxRefused

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # "Falling back to parsing as a 'Command'": we refuse those

LONGEST_QUERY = 20_000  # characters: models write a few hundred
DEEPEST = 25  # brackets within brackets; sqlglot itself runs out of stack at 35
# How often the parser may move on, for a query of some tokens. Real queries need 1.5 times a token; on some nested
# brackets, such as `DATE(DATE(…`, it tries two readings on each level, and so takes longer than anyone will wait.
_STEPS_A_TOKEN, _STEPS = 20, 500

_NAMES = {"postgresql": "postgres", "mssql": "tsql", "mariadb": "mysql", "awsathena": "athena"}
QUERIES = (exp.Query, exp.Values)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.Glob)
_EXPRESSIONS = (exp.Condition, exp.Alias)  # sqlglot also parses a lone expression: `hello world` is an alias
OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}


@dataclass(frozen=True)
class Parsed:
    """A text's tokens, and the trees of its statements. Shared between callers: copy a tree before changing it."""

    tokens: tuple[Token, ...]
    trees: tuple[exp.Expression, ...]


@cache
def sqlglot_dialect(dialect: str) -> str:
    """sqlglot's name for a dialect of SQLAlchemy; "" (sqlglot's own, a superset) where it has none."""
    name = _NAMES.get(dialect, dialect)
    return name if name in {d.value for d in sqlglot.Dialects} else ""


@cache
def _patient_parser(dialect: str) -> Any:
    """The dialect's parser, as a class that gives up after `steps_left`."""
    parser_class: Any = Dialect.get_or_raise(dialect or None).parser_class

    class Patient(parser_class):  # type: ignore[misc]
        steps_left = 0

        def _advance(self, times: int = 1) -> None:
            self.steps_left -= 1
            if self.steps_left < 0:
                raise SyntaxRefused("too entangled: write it with fewer brackets")  # no ParseError: it would try again
            super()._advance(times)

    return Patient


@lru_cache(maxsize=4096)
def parsed(query: str, dialect: str) -> Parsed:
    """Raises SyntaxRefused where the text does not parse, or is too long or too deeply nested to be looked at."""
    if len(query) > LONGEST_QUERY:
        raise SyntaxRefused(f"{len(query):,} characters long: no more than {LONGEST_QUERY:,} are read")
    of = Dialect.get_or_raise(dialect or None)
    try:
        tokens = of.tokenize(query)
        _refuse_depth(tokens)
        parser = _patient_parser(dialect)(dialect=of)
        parser.steps_left = _STEPS_A_TOKEN * len(tokens) + _STEPS
        trees = parser.parse(tokens, query)
    except ParseError as error:
        raise SyntaxRefused(_place(error)) from None
    except (SqlglotError, RecursionError) as error:
        raise SyntaxRefused("nested too deeply" if isinstance(error, RecursionError) else _one_line(error)) from None
    return Parsed(tuple(tokens), tuple(tree for tree in trees if isinstance(tree, exp.Expression)))


def _refuse_depth(tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        if token.token_type in OPENING:
            depth += 1
            if depth > DEEPEST:
                raise SyntaxRefused(f"more than {DEEPEST} brackets within each other")
        elif token.token_type in CLOSING:
            depth -= 1


def syntax_tree(query: str, dialect: str) -> exp.Expression:
    """The tree of the one statement that `query` is. Raises SyntaxRefused with the place."""
    trees = parsed(query, dialect).trees
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
