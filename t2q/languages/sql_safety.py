"""The proof that a SQL query only reads."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import sqlglot
import yaml
from sqlglot import exp

from t2q.errors import NotReadOnly
from t2q.languages.sql_quoting import reserved
from t2q.languages.sql_tree import QUERIES, statements, syntax_tree

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
    exp.PropertyEQ,  # MySQL's @variable := value
)
_DASHES_WANT_BLANK = {"mysql", "mariadb"}
_BUILT_IN_SCHEMAS = {"pg_catalog", "sys"}


@lru_cache(maxsize=1)
def _rules() -> dict[str, frozenset[str]]:
    """Names of functions: `refused`, and allowed by dialect and for `any`."""
    data = yaml.safe_load((Path(__file__).parent / "sql_functions.yaml").read_text(encoding="utf-8"))
    return {name: frozenset(names.split()) for name, names in {**data["allowed"], "refused": data["refused"]}.items()}


def known_functions(dialect: str) -> frozenset[str]:
    """Names, in lower case, of the functions that a query of the dialect may call."""
    rules = _rules()
    return rules["any"] | rules.get(dialect, frozenset())


def prove_read_only(query: str, dialect: str, sqlglot_dialect: str) -> None:
    """Raises NotReadOnly with the reason; SyntaxRefused where the query does not parse.

    Proven means: one statement; a SELECT, VALUES or set operation on every level; no writing CTE, INTO or lock; only
    functions that are known to read their arguments and nothing else (`sql_functions.yaml`); no comment that a database
    may run as code.
    """
    count = len(statements(query, sqlglot_dialect))
    if count > 1:
        raise NotReadOnly(f"{count} statements where one may run")
    tree = syntax_tree(query, sqlglot_dialect)
    if not isinstance(tree, QUERIES):
        raise NotReadOnly(f"only SELECT may run, not {_verb(query)}")
    _prove_comments(query, dialect, sqlglot_dialect)
    for node in tree.walk():
        if isinstance(node, _REFUSED):
            raise NotReadOnly(f"{node.key.upper()} inside the query")
        if isinstance(node, exp.Func):
            _prove_function(node, dialect)
        elif isinstance(node, exp.Identifier):
            _prove_name(node, dialect)


def _verb(query: str) -> str:
    words = re.findall(r"[A-Za-z]+", query)
    return words[0].upper() if words else "this"


def _prove_function(node: exp.Func, dialect: str) -> None:
    own = isinstance(node, exp.Anonymous | exp.AnonymousAggFunc)  # not known to sqlglot
    name = node.name if own else node.sql_name()
    schema = node.parent.this if isinstance(node.parent, exp.Dot) and node.arg_key == "expression" else None
    rules = _rules()
    known = rules["any"] | rules.get(dialect, frozenset()) if own else None
    if schema is not None and schema.sql().lower() not in _BUILT_IN_SCHEMAS:
        raise NotReadOnly(f"the function {schema.sql()}.{name} is not built in")
    if name.lower() in rules["refused"] or (known is not None and name.lower() not in known):
        raise NotReadOnly(f"the function {name} is not on the list of functions that only read")


def _prove_name(name: exp.Identifier, dialect: str) -> None:
    """T-SQL needs no semicolon, so that `FROM t SHUTDOWN` is two statements; and some names are not data."""
    if dialect == "mssql" and not name.quoted and reserved(name.name, dialect):
        raise NotReadOnly(f"{name.name.upper()} inside the query")
    if dialect == "oracle" and isinstance(name.parent, exp.Column) and name.name.lower() == "nextval":
        raise NotReadOnly("a sequence is moved on inside the query")
    if dialect == "duckdb" and isinstance(name.parent, exp.Table) and re.search(r"[./*?:]", name.name):
        raise NotReadOnly(f"the file {name.name} is read inside the query")


def _prove_comments(query: str, dialect: str, sqlglot_dialect: str) -> None:
    """MySQL runs `/*! … */`, MariaDB `/*M! … */` too, and to both `--` is a comment only before a blank of ASCII; and
    databases differ on comments inside comments."""
    tokens = sqlglot.tokenize(query, dialect=sqlglot_dialect or None)
    comments = [text for token in tokens for text in token.comments]
    run = any(re.match("[mM]?!", text) or "/*" in text or "*/" in text for text in comments)
    if run or (comments and dialect in _DASHES_WANT_BLANK and re.search(r"--(?![\x00-\x20]|$)", query)):
        raise NotReadOnly("a comment that some databases run as code")
