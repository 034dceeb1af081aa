"""The names in a SQL query: which it uses, and which a schema does not have."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.scope import Scope, find_all_in_scope, traverse_scope

from t2q.errors import SyntaxRefused
from t2q.languages.base import Identifiers
from t2q.languages.sql_tree import quoted_string
from t2q.schema import Entity, Schema

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
