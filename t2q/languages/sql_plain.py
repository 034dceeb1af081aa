"""A query as this project's own are written: tables by their names, and names in the spelling of the schema.

People write `SELECT T1.Name FROM Head AS T1 JOIN ...`; a model that learns from both ways learns each half as well.
"""

from __future__ import annotations

from collections import Counter

from sqlglot import exp

from t2q.languages.sql_normal import spell
from t2q.languages.sql_quoting import quote
from t2q.languages.sql_tree import sqlglot_dialect, syntax_tree
from t2q.schema import Schema


def plain(query: str, schema: Schema) -> str:
    """The query without aliases of tables that stand once in their SELECT, and without needless table names.

    Raises SyntaxRefused. That it still means the same is for the caller to prove: an alias may hide another.
    """
    dialect = sqlglot_dialect(schema.dialect)
    tree = syntax_tree(spell(syntax_tree(query, dialect), schema.dialect, dialect), dialect).copy()
    for select in reversed(list(tree.find_all(exp.Select))):  # the inner ones first: they may use the same aliases
        _by_name(select)
    _as_in_schema(tree, schema)
    return tree.sql(dialect=dialect or None, normalize_functions="upper", comments=False)


def _by_name(select: exp.Select) -> None:
    tables = [table for table in select.find_all(exp.Table) if table.parent_select is select]
    times = Counter(table.name for table in tables)
    names = {table.alias: table.name for table in tables if table.alias and times[table.name] == 1}
    for table in tables:
        if table.alias in names:
            table.set("alias", None)
    own = {column for column in select.find_all(exp.Column) if column.parent_select is select}
    for column in select.find_all(exp.Column):
        if column.table in names:
            column.set("table", exp.to_identifier(names[column.table]))
    derived = any(subquery.parent_select is select for subquery in select.find_all(exp.Subquery))
    if len(tables) == 1 and not derived:
        for column in own:
            if column.table == tables[0].alias_or_name:
                column.set("table", None)


def _as_in_schema(tree: exp.Expression, schema: Schema) -> None:
    tables = {entity.name.lower(): entity.name for entity in schema.entities}
    columns = {field.name.lower(): field.name for entity in schema.entities for field in entity.fields}
    for name in tree.find_all(exp.Identifier):
        of_table = isinstance(name.parent, exp.Table) or name.arg_key == "table"
        known = tables if of_table else columns if isinstance(name.parent, exp.Column) else {}
        spelt = known.get(name.name.lower(), name.name)
        name.set("this", spelt)
        name.set("quoted", quote(spelt, schema.dialect) != spelt)
