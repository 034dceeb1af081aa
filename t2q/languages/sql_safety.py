"""The proof that a SQL query only reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.tokens import Token, TokenType

from t2q.errors import NotReadOnly
from t2q.languages.sql_quoting import reserved
from t2q.languages.sql_text import prove_same_pieces
from t2q.languages.sql_tree import CLOSING, OPENING, QUERIES, parsed, sqlglot_dialect, syntax_tree
from t2q.package_data import read_yaml

# Anything of these, on any level, writes, locks, or reaches or tells of what is not data.
_REFUSED = (
    exp.DML,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.Command,
    exp.Into,
    exp.Lock,
    exp.Pragma,
    exp.Attach,
    exp.Detach,
    exp.Set,
    exp.Use,
    exp.Copy,
    exp.TruncateTable,
    exp.Transaction,
    exp.Commit,
    exp.Rollback,
    exp.NextValueFor,
    exp.Parameter,
    exp.SessionParameter,  # MySQL's @@setting
    exp.Hint,  # one of MySQL's takes back the time limit
    exp.CurrentUser,
    exp.SessionUser,
    exp.CurrentRole,
)
# Bare words that are no columns there, but who asks.
_ACCOUNT = {
    "postgresql": {"user", "current_role", "system_user"},
    "duckdb": {"user", "current_role"},
    "mysql": {"current_role"},
    "mariadb": {"current_role"},
}
_BUILT_IN_SCHEMAS = {"pg_catalog", "sys"}
LONGEST_MADE = 1000  # characters, where a function makes text of a length that it is told
_FORMATTING = {"format", "printf"}
_FORMATTED = {"sqlite", "postgresql", "duckdb"}  # elsewhere `format` writes a number
_SERIES = {"range", "generate_series"}  # DuckDB makes lists of them, in memory that it does not count
_QUOTED = (TokenType.IDENTIFIER, TokenType.STRING)
_NESTED = (exp.CTE, exp.Subquery)
_SOURCES = (*QUERIES, exp.Table, exp.Join)


@cache
def _data() -> dict[str, Any]:
    return read_yaml("t2q.languages", "sql_functions.yaml")


@cache
def _words(*path: str) -> frozenset[str]:
    """A list of words in the file; none where there is no such list."""
    found: Any = _data()
    for key in path:
        found = found.get(key, "")
    return frozenset(found.split())


def known_functions(dialect: str) -> frozenset[str]:
    """Names, in lower case, of the functions that a query of the dialect may call."""
    return _words("allowed", "any") | _words("allowed", dialect)


@cache
def _before_bracket(dialect: str, sqlglot_dialect: str) -> frozenset[str]:
    words = known_functions(dialect) | _words("syntax") | _words("types")
    if not _words("allowed", dialect):
        of_sqlglot = Dialect.get_or_raise(sqlglot_dialect or None).parser_class.FUNCTIONS
        words |= {name.lower() for name in of_sqlglot} - _words("refused")
    return words


def prove_read_only(query: str, dialect: str, sqlglot_dialect: str) -> None:
    """Raises NotReadOnly with the reason; SyntaxRefused where the query does not parse.

    Proven means: one statement; a SELECT, VALUES or set operation on every level; no writing CTE, INTO or lock; before
    every opening bracket a word of the language, or a function that is known to read its arguments and nothing else
    (`sql_functions.yaml`); no text that databases cut into other pieces than sqlglot does (`sql_text.py`).
    """
    read = parsed(query, sqlglot_dialect)
    if len(read.trees) > 1:
        raise NotReadOnly(f"{len(read.trees)} statements where one may run")
    tree = syntax_tree(query, sqlglot_dialect)
    if not isinstance(tree, QUERIES):
        raise NotReadOnly(f"only SELECT may run, not {_verb(query)}")
    prove_same_pieces(query, read.tokens, dialect)
    named = set[int]()  # where names with columns behind them begin: WITH name (columns), AS name (columns)
    sources = set[int]()  # where functions in FROM begin
    for node in tree.walk():
        if isinstance(node, _REFUSED):
            raise NotReadOnly(f"{node.key.upper()} inside the query")
        if isinstance(node, _NESTED) and not isinstance(node.this, _SOURCES):
            raise NotReadOnly(f"{node.this.key.upper()} inside the query")
        if isinstance(node, exp.TableAlias) and node.columns and node.this:
            named.add(node.this.meta.get("start", -1))
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Func):
            sources.add(node.this.meta.get("start", -1))
        elif isinstance(node, exp.Identifier):
            _prove_name(node, dialect)
    _prove_calls(read.tokens, named, sources, dialect, _before_bracket(dialect, sqlglot_dialect))


def _verb(query: str) -> str:
    words = re.findall(r"[A-Za-z]+", query)
    return words[0].upper() if words else "this"


def _prove_calls(
    tokens: Sequence[Token], named: set[int], sources: set[int], dialect: str, allowed: frozenset[str]
) -> None:
    """By the words as they are written, which are what the database goes by."""
    for place, (word, bracket) in enumerate(pairwise(tokens)):
        if bracket.token_type != TokenType.L_PAREN or not _is_word(word) or word.start in named:
            continue
        name = word.text.lower() if word.token_type in _QUOTED else word.text.lower().split()[-1]  # GROUP BY
        if place and tokens[place - 1].token_type == TokenType.DOT:
            owner = tokens[place - 2].text if place > 1 else ""
            if owner.lower() not in _BUILT_IN_SCHEMAS or (place > 2 and tokens[place - 3].token_type == TokenType.DOT):
                raise NotReadOnly(f"the function {owner}.{word.text} is not built in")
        if name not in allowed:
            raise NotReadOnly(f"the function {word.text[:60]} is not on the list of functions that only read")
        if name in _data()["sized"]:
            _prove_size(name, _argument(tokens, place + 2, _data()["sized"][name]))
        elif name in _SERIES and dialect == "duckdb" and word.start not in sources:
            raise NotReadOnly(f"{name} makes a list of any length: write it behind FROM")
        elif name in _FORMATTING and dialect in _FORMATTED:
            _prove_format(name, _argument(tokens, place + 2, 0))


def _prove_size(name: str, length: Sequence[Token]) -> None:
    written = "".join(token.text for token in length)
    if not (written.isdigit() and int(written) <= LONGEST_MADE):
        raise NotReadOnly(f"{name} to any length: write a number of at most {LONGEST_MADE:,}")


def _prove_format(name: str, template: Sequence[Token]) -> None:
    if [token.token_type for token in template] != [TokenType.STRING] or re.search(r"\d{4}|\*", template[0].text):
        raise NotReadOnly(f"{name} to any length: write out its text, with widths below 1,000")


def searches(query: str, dialect: str) -> bool:
    """Whether it looks in a value for another one that is not written out: that takes the product of their sizes."""
    tokens = parsed(query, sqlglot_dialect(dialect)).tokens
    for place, word in enumerate(tokens[:-1]):
        if word.text.lower() in _words("searching") and tokens[place + 1].token_type == TokenType.L_PAREN:
            needle = _argument(tokens, place + 2, 1)
            if needle and [token.token_type for token in needle] != [TokenType.STRING]:
                return True
    return False


def _argument(tokens: Sequence[Token], start: int, number: int) -> list[Token]:
    """The tokens of a call's argument, counted from 0; `start` is the place behind the call's bracket."""
    depth, found, at = 0, list[Token](), 0
    for token in tokens[start:]:
        depth += (token.token_type in OPENING) - (token.token_type in CLOSING)
        if depth < 0 or at > number:
            break
        if depth == 0 and token.token_type == TokenType.COMMA:
            at += 1
        elif at == number:
            found.append(token)
    return found


def _is_word(token: Token) -> bool:
    """A name, a keyword or a string (which some databases take for a name), not a sign or a number."""
    return token.token_type in _QUOTED or token.text[:1].isalpha() or token.text[:1] == "_"


def _prove_name(name: exp.Identifier, dialect: str) -> None:
    """T-SQL needs no semicolon, so that `FROM t SHUTDOWN` is two statements; and some names are not data."""
    if dialect == "mssql" and not name.quoted and reserved(name.name, dialect):
        raise NotReadOnly(f"{name.name.upper()} inside the query")
    if dialect == "oracle" and isinstance(name.parent, exp.Column) and name.name.lower() == "nextval":
        raise NotReadOnly("a sequence is moved on inside the query")
    if dialect == "duckdb" and isinstance(name.parent, exp.Table) and re.search(r"[./*?:]", name.name):
        raise NotReadOnly(f"the file {name.name} is read inside the query")
    if not name.quoted and name.name.lower() in _ACCOUNT.get(dialect, ()):
        column = name.parent
        if isinstance(column, exp.Column) and not column.table and name.arg_key == "this":
            raise NotReadOnly(f"{name.name.upper()} is the account, not a column, unless it is quoted")
