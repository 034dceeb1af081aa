"""The names in a SQL query: which it uses, and which a schema does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.scope import Scope, find_all_in_scope, traverse_scope

from t2q.errors import SyntaxRefused
from t2q.languages.base import Identifiers
from t2q.languages.sql_quoting import folds_case
from t2q.languages.sql_tree import quoted_string, sqlglot_dialect, syntax_tree
from t2q.schema import Entity, Schema

_DUAL = {"mysql", "mariadb"}  # where FROM DUAL is the same as no FROM
_HIDDEN = {  # columns that every table has
    "sqlite": {"rowid", "oid", "_rowid_"},
    "postgresql": {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"},
    "oracle": {"rowid", "rownum"},
}


def identifiers(tree: exp.Expression) -> Identifiers:
    """Tables that are not CTEs, and columns; a column that only repeats an alias of the query is left out."""
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables = {t.name for t in tree.find_all(exp.Table) if _is_name(t) and (t.db or t.name.lower() not in ctes)}
    aliases = {alias.alias.lower() for alias in tree.find_all(exp.Alias)}

    columns = {
        column.name
        for column in tree.find_all(exp.Column)
        if not isinstance(column.this, exp.Star) and not (column.name.lower() in aliases and _only_sorts(column))
    }
    return Identifiers(entities=frozenset(tables), fields=frozenset(columns))


def _only_sorts(column: exp.Column) -> bool:
    """Whether an unqualified column stands in ORDER BY, HAVING or GROUP BY, where it may repeat an alias."""
    clause = column.find_ancestor(exp.Order, exp.Having, exp.Group, exp.Select)
    return not column.table and clause is not None and not isinstance(clause, exp.Select)


_COMPARISONS = (exp.EQ, exp.NEQ, exp.Like, exp.ILike, exp.In)


def sought(tree: exp.Expression) -> list[tuple[str, str]]:
    """Columns with the texts that they are compared with; a LIKE's without its percent signs."""
    return [
        (column.name, text.name.strip("%"))
        for comparison in tree.find_all(*_COMPARISONS)
        for column in [comparison.this.find(exp.Column)]
        for text in (comparison.expressions if isinstance(comparison, exp.In) else [comparison.expression])
        if column is not None and isinstance(text, exp.Literal) and text.is_string
    ]


def tables(query: str, dialect: str) -> list[tuple[str, ...]]:
    """The tables and views that the query reads: the name of each as `folded` gives it, behind those of its database
    and its schema where they are written.

    A name is a CTE's only where that CTE is in sight: `WITH a AS (SELECT 1 FROM a) SELECT 1 FROM a` reads one table.
    """
    tree = syntax_tree(query, sqlglot_dialect(dialect))
    found: list[list[Any]] = [
        table.parts
        for table in tree.find_all(exp.Table)
        if _is_name(table) and (table.db or not _is_cte(table.this, dialect))
    ]
    if dialect == "sqlite":  # x IN table
        fields = (node.args.get("field") for node in tree.find_all(exp.In))
        found += [field.parts for field in fields if isinstance(field, exp.Column)]
    if dialect in _DUAL:
        found = [parts for parts in found if len(parts) > 1 or parts[0].name.lower() != "dual"]
    return [tuple(folded(part.name, part.quoted, dialect) for part in parts) for parts in found]


def folded(name: str, quoted: bool, dialect: str) -> str:
    """What the database goes by: a quoted name as it is where letter case counts, else in lower case."""
    return name if quoted and folds_case(dialect) else name.lower()


def _is_cte(table: exp.Identifier, dialect: str) -> bool:
    name = folded(table.name, table.quoted, dialect)
    below: Any = table
    while (node := below.parent) is not None:
        ctes = node.args.get("with_")
        visible: list[exp.Expression] = ctes.expressions if ctes is not None and ctes is not below else []
        if isinstance(node, exp.With):
            visible = node.expressions
            if not node.args.get("recursive"):  # then a CTE sees those before it
                visible = visible[: next(i for i, cte in enumerate(visible) if cte is below)]
        for cte in visible:
            alias = cte.args["alias"].this
            if folded(alias.name, alias.quoted, dialect) == name:
                return True
        below = node
    return False


class _Source:
    """What a FROM or JOIN item offers: its columns (lower case), None where they cannot be known."""

    def __init__(self, title: str, columns: set[str] | None) -> None:
        self.title = title
        self.columns = columns

    def has(self, column: str) -> bool:
        return self.columns is None or column.lower() in self.columns


def unknown(tree: exp.Expression, schema: Schema, dialect: str) -> list[str]:
    """Tables and columns that `schema` lacks, in the order met; letter case does not count.

    Raises SyntaxRefused where names have no meaning, as in `t JOIN t`, which would need aliases.
    """
    try:
        return list(dict.fromkeys(_Reader(schema, dialect).read(tree)))
    except OptimizeError as error:
        raise SyntaxRefused(str(error)) from None


class _Reader:
    """Resolves the columns of one query, scope by scope (a scope is one SELECT with its FROM)."""

    def __init__(self, schema: Schema, dialect: str) -> None:
        self._dialect = dialect
        self._hidden = _HIDDEN.get(dialect, set())
        self._tables: dict[str, Entity] = {e.name.lower(): e for e in schema.entities}
        self._scopes: dict[int, Scope] = {}
        self._offered: dict[int, dict[str, _Source]] = {}

    def read(self, tree: exp.Expression) -> Iterator[str]:
        scopes = traverse_scope(tree)
        self._scopes = {id(scope.expression): scope for scope in scopes}
        for scope in scopes:
            for _, source in scope.selected_sources.values():
                if isinstance(source, exp.Table) and self._table(source) is None and _is_name(source):
                    yield f"table {source.name}"
            for name in (
                name for join in scope.expression.args.get("joins") or [] for name in join.args.get("using") or []
            ):
                yield from self._column(exp.column(name.name), scope)
            for column in find_all_in_scope(scope.expression, exp.Column):
                if not isinstance(column.this, exp.Star):
                    yield from self._column(column, scope)

    def _table(self, table: exp.Table) -> Entity | None:
        return self._tables.get(table.name.lower()) or self._tables.get(f"{table.db}.{table.name}".lower())

    def _offers(self, scope: Scope) -> dict[str, _Source]:
        """What the FROM of a scope offers, by lower-case alias."""
        if id(scope) not in self._offered:
            self._offered[id(scope)] = {}  # a recursive CTE offers itself
            self._offered[id(scope)] = {
                name.lower(): self._source(name, source) for name, (_, source) in scope.selected_sources.items()
            }
        return self._offered[id(scope)]

    def _source(self, name: str, source: exp.Expression | Scope) -> _Source:
        if isinstance(source, Scope):
            return _Source(name, self._outputs(source))
        table = self._table(source) if isinstance(source, exp.Table) else None
        if table is None:
            return _Source(source.name or name, None)
        return _Source(table.name, {f.name.lower() for f in table.fields} | self._hidden)

    def _outputs(self, scope: Scope) -> set[str] | None:
        """The names of a subquery's columns; None where a star over something unknown, or a function, hides them."""
        if _renamed(scope):
            return _renamed(scope)
        select = scope.expression
        while isinstance(select, exp.SetOperation | exp.Subquery):
            select = select.this
        if not isinstance(select, exp.Select) or id(select) not in self._scopes:
            return None
        names: set[str] = set()
        for item in select.selects:
            if not item.is_star:
                names.add(item.alias_or_name.lower())
                continue
            offers = self._offers(self._scopes[id(select)])
            table = item.table.lower() if isinstance(item, exp.Column) else ""
            for source in [offers[table]] if table in offers else offers.values():
                if source.columns is None:
                    return None
                names |= source.columns
        return names

    def _column(self, column: exp.Column, scope: Scope) -> Iterator[str]:
        name = column.name.lower()
        levels = list(_visible(scope))
        if column.table:
            for level in levels:
                source = self._offers(level).get(column.table.lower())
                if source:
                    if not source.has(name):
                        yield f"column {source.title or column.table}.{column.name}"
                    return
            yield f"table {column.table}"
            return
        sources = [source for level in levels for source in self._offers(level).values()]
        if any(source.has(name) for source in sources) or name in _aliases(scope):
            return
        if self._dialect == "sqlite" and quoted_string(column):
            return
        titles = {source.title for source in self._offers(scope).values()}
        title = titles.pop() if len(titles) == 1 else ""
        yield f"column {title}.{column.name}" if title else f"column {column.name}"


def _is_name(table: exp.Table) -> bool:
    """Whether it is a table, not the call of a function that returns one."""
    return isinstance(table.this, exp.Identifier)


def _renamed(scope: Scope) -> set[str]:
    """The columns of `WITH name(columns)` or `AS name(columns)`; they hold for the parts of a recursive CTE as well."""
    owner = scope.expression.parent
    while isinstance(owner, exp.SetOperation):
        owner = owner.parent
    alias = owner.args.get("alias") if isinstance(owner, exp.CTE | exp.Subquery) else None
    return {column.name.lower() for column in alias.columns} if isinstance(alias, exp.TableAlias) else set()


def _visible(scope: Scope) -> Iterator[Scope]:
    """The scope and those around it whose tables it sees: a subquery's, not those around a derived table or CTE."""
    yield scope
    while scope.parent is not None and not (scope.is_cte or (scope.is_derived_table and not scope.lateral_sources)):
        scope = scope.parent
        yield scope


def _aliases(scope: Scope) -> set[str]:
    """The aliases of a SELECT; of a set operation all its columns, which are what its ORDER BY can name."""
    query = scope.expression
    if isinstance(query, exp.Select):
        return {item.alias.lower() for item in query.selects if isinstance(item, exp.Alias)}
    return {name.lower() for name in query.named_selects} if isinstance(query, exp.Query) else set()
