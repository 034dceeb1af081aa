"""One spelling for SQL queries that differ in nothing that counts."""

from __future__ import annotations

from sqlglot import exp

from t2q.languages.sql_quoting import folds_case, quote
from t2q.languages.sql_tree import quoted_string

# Table names are files, and mind the letter case, where these run on Linux.
_TABLES_MIND_CASE = {"mysql", "mariadb"}


def spell(tree: exp.Expression, dialect: str, sqlglot_dialect: str, blank: bool = False) -> str:
    """The query on one line: keywords and functions in upper case, names in lower case where the dialect does not tell
    the two apart, quotes only where they are needed, every alias behind AS, no comments; literals as `?` if `blank`."""
    tree = tree.copy()
    if dialect == "sqlite":
        _write_strings(tree)
    _write_names(tree, dialect)
    if blank:
        tree = tree.transform(_blank)
    return tree.sql(dialect=sqlglot_dialect or None, normalize_functions="upper", comments=False)


def _blank(node: exp.Expression) -> exp.Expression:
    signed = isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal)
    return exp.var("?") if signed or isinstance(node, exp.Literal | exp.Boolean) else node


def _write_strings(tree: exp.Expression) -> None:
    """Without a schema it cannot be told for sure which double-quoted names SQLite takes as strings."""
    for column in list(tree.find_all(exp.Column)):
        if quoted_string(column):
            column.replace(exp.Literal.string(column.name))


def _write_names(tree: exp.Expression, dialect: str) -> None:
    aliases = {node.alias.lower() for node in tree.find_all(exp.Alias, exp.TableAlias) if node.alias}
    for name in tree.find_all(exp.Identifier):
        lower = name.name.lower()
        if lower in aliases or not _minds_case(name, dialect):
            name.set("this", lower)
        name.set("quoted", quote(name.name, dialect) != name.name)


def _minds_case(name: exp.Identifier, dialect: str) -> bool:
    if dialect in _TABLES_MIND_CASE:
        return isinstance(name.parent, exp.Table) or name.arg_key == "table"
    return bool(name.args.get("quoted")) and folds_case(dialect)
