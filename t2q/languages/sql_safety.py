"""The proof that a SQL query only reads."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import sqlglot
import yaml
from sqlglot import exp
from sqlglot.errors import SqlglotError

from t2q.errors import NotReadOnly
from t2q.languages.sql_tree import syntax_tree

# Anything of these, on any level, writes, locks or reaches outside of the data.
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
)


@lru_cache(maxsize=16)
def _functions(dialect: str) -> tuple[re.Pattern[str], frozenset[str] | None]:
    """What a dialect's functions are refused by (a pattern), and its allow-list where there is one (lower case)."""
    rules = yaml.safe_load((Path(__file__).parent / "sql_functions.yaml").read_text(encoding="utf-8"))
    refused = [*rules["refused"]["any"], *rules["refused"].get(dialect, [])]
    allowed = rules["allowed"].get(dialect)
    return re.compile("|".join(refused), re.IGNORECASE), frozenset(allowed.split()) if allowed else None


def prove_read_only(query: str, dialect: str, sqlglot_dialect: str) -> None:
    """Raises NotReadOnly with the reason; SyntaxRefused where the query does not parse.

    Proven means: one statement; a SELECT, VALUES or set operation on every level; no writing CTE, INTO or lock; no
    function that writes, sleeps or reaches files or the network; and no comment that another parser may read as code.
    """
    _refuse_several(query, sqlglot_dialect)
    tree = syntax_tree(query, sqlglot_dialect)
    if not isinstance(tree, exp.Query):
        raise NotReadOnly(f"only SELECT may run, not {_verb(query)}")
    _refuse_comments(query, sqlglot_dialect)
    refused, allowed = _functions(dialect)
    for node in tree.walk():
        if isinstance(node, _REFUSED):
            raise NotReadOnly(f"{node.key.upper()} inside the query")
        if isinstance(node, exp.Func):
            name = _function_name(node)
            if refused.fullmatch(name) or (
                allowed is not None and isinstance(node, exp.Anonymous) and name.lower() not in allowed
            ):
                raise NotReadOnly(f"the function {name} is not on the list of functions that only read")


def _function_name(node: exp.Func) -> str:
    return node.name if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) else node.sql_name()


def _verb(query: str) -> str:
    words = re.findall(r"[A-Za-z]+", query)
    return words[0].upper() if words else "nothing"


def _refuse_several(query: str, sqlglot_dialect: str) -> None:
    try:
        statements = [s for s in sqlglot.parse(query, dialect=sqlglot_dialect or None) if s is not None]
    except (SqlglotError, RecursionError):
        return
    if len(statements) > 1:
        raise NotReadOnly(f"{len(statements)} statements where one may run")


def _refuse_comments(query: str, sqlglot_dialect: str) -> None:
    """MySQL runs `/*! … */`, takes `--1` as arithmetic, and databases differ on comments inside comments."""
    tokens = sqlglot.tokenize(query, dialect=sqlglot_dialect or None)
    for comment in (text for token in tokens for text in token.comments):
        if comment.startswith("!") or "/*" in comment or "*/" in comment:
            raise NotReadOnly("a comment that some databases run as code")
    if sqlglot_dialect in ("mysql", "singlestore", "doris", "starrocks") and re.search(r"--\S", query):
        raise NotReadOnly("`--` without a space behind it, which MySQL does not take as a comment")
