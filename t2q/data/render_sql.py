"""A logical query as SQL. Tables are named in full; an alias is used only where a table occurs twice."""

from __future__ import annotations

from dataclasses import dataclass

from t2q.data.logical import Attr, Condition, Expression, Query, Step, Year
from t2q.data.model import Model
from t2q.languages.base import Language
from t2q.schema import Link

_CASE_BLIND = {"postgresql": "ILIKE"}
_YEAR = {
    "sqlite": "CAST(strftime('%Y', {}) AS INTEGER)",
    "mssql": "YEAR({})",
    "mysql": "YEAR({})",
    "mariadb": "YEAR({})",
}


@dataclass
class _Scope:
    """What each alias is called in the SELECT being written."""

    model: Model
    language: Language
    tables: dict[str, str]  # alias -> entity or bridge table
    names: dict[str, str]  # alias -> name to qualify columns with
    qualify: bool

    def column(self, alias: str, field: str) -> str:
        quoted = self.language.quote(field)
        return f"{self.names[alias]}.{quoted}" if self.qualify else quoted


def render_sql(query: Query, model: Model, language: Language) -> str:
    """The query as one SELECT statement (two, combined by UNION, where it has another)."""
    text = _select(query, model, language)
    if query.other is not None:
        text = f"{text} UNION {_select(query.other, model, language)}"
    return text


def _select(query: Query, model: Model, language: Language) -> str:
    scope = _scope(query, model, language)
    select = ", ".join(_expression(e, scope, query) for e in query.select)
    parts = [f"SELECT {'DISTINCT ' if query.distinct else ''}{select}", f"FROM {_from(query, scope)}"]
    where = _where(query, scope)
    if where:
        parts.append(f"WHERE {where}")
    if query.group:
        parts.append("GROUP BY " + ", ".join(_expression(e, scope, query) for e in query.group))
    if query.having:
        parts.append("HAVING " + _condition(query.having, scope, query))
    if query.order:
        expression, descending = query.order
        parts.append(f"ORDER BY {_expression(expression, scope, query)} {'DESC' if descending else 'ASC'}")
    if query.limit is not None:
        parts.append(f"LIMIT {query.limit}")
    return " ".join(parts)


def _scope(query: Query, model: Model, language: Language) -> _Scope:
    tables: dict[str, str] = {node.alias: node.entity for node in query.nodes}
    for step in query.steps:
        relation = model.relations[step.relation]
        if relation.bridge:
            tables[step.alias] = relation.bridge
    names: dict[str, str] = {}
    seen: set[str] = set()
    for alias, table in tables.items():
        names[alias] = alias if table in seen else language.quote(table)
        seen.add(table)
    return _Scope(model, language, tables, names, qualify=len(tables) > 1)


def _reference(alias: str, scope: _Scope) -> str:
    quoted = scope.language.quote(scope.tables[alias])
    return quoted if scope.names[alias] == quoted else f"{quoted} AS {scope.names[alias]}"


def _on(link: Link, source: str, target: str, language: Language) -> str:
    pairs = zip(link.source_fields, link.target_fields, strict=True)
    return " AND ".join(f"{source}.{language.quote(s)} = {target}.{language.quote(t)}" for s, t in pairs)


def _from(query: Query, scope: _Scope) -> str:
    text = _reference(query.nodes[0].alias, scope)
    for step in query.steps:
        relation = scope.model.relations[step.relation]
        source, target = (step.start, step.end) if step.forward else (step.end, step.start)
        ends = (scope.names[source], scope.names[target])
        if relation.kind == "key":
            on = _on(relation.links[0], *ends, scope.language)
            text += f" JOIN {_reference(step.end, scope)} ON {on}"
            continue
        bridge = scope.names[step.alias]
        to_source, to_target = (
            _on(link, bridge, end, scope.language) for link, end in zip(relation.links, ends, strict=True)
        )
        near, far = (to_source, to_target) if step.forward else (to_target, to_source)
        text += f" JOIN {_reference(step.alias, scope)} ON {near} JOIN {_reference(step.end, scope)} ON {far}"
    return text


def _key(alias: str, scope: _Scope) -> str | None:
    entity = scope.model.schema.entity(scope.tables[alias])
    keys = [f.name for f in entity.fields if f.key] if entity else []
    return scope.column(alias, keys[0]) if len(keys) == 1 else None


def _expression(expression: Expression, scope: _Scope, query: Query) -> str:
    if isinstance(expression, Attr):
        return scope.column(expression.alias, expression.field)
    if isinstance(expression, Year):
        template = _YEAR.get(scope.language.dialect, "EXTRACT(YEAR FROM {})")
        return template.format(_expression(expression.of, scope, query))
    if expression.field:
        distinct = "DISTINCT " if expression.distinct else ""
        return f"{expression.function.upper()}({distinct}{scope.column(expression.alias, expression.field)})"
    key = _key(expression.alias, scope)
    return f"COUNT(DISTINCT {key})" if expression.distinct and key else "COUNT(*)"


def _condition(condition: Condition, scope: _Scope, query: Query) -> str:
    left = _expression(condition.left, scope, query)
    values = [scope.language.literal(v) for v in condition.values]
    match condition.operator:
        case "null":
            return f"{left} IS NULL"
        case "not null":
            return f"{left} IS NOT NULL"
        case "between":
            return f"{left} BETWEEN {values[0]} AND {values[1]}"
        case "in":
            return f"{left} IN ({', '.join(values)})"
        case "contains" | "starts" as operator:
            like = _CASE_BLIND.get(scope.language.dialect, "LIKE")
            pattern = f"{'%' if operator == 'contains' else ''}{condition.values[0]}%"
            return f"{left} {like} {scope.language.literal(pattern)}"
        case operator:
            return f"{left} {operator} {values[0]}"


def _where(query: Query, scope: _Scope) -> str:
    parts = [f" {query.connective} ".join(_condition(c, scope, query) for c in query.where)] if query.where else []
    if query.above:
        attr, sign = query.above
        column, table = scope.language.quote(attr.field), scope.language.quote(scope.tables[attr.alias])
        parts.append(f"{scope.column(attr.alias, attr.field)} {sign} (SELECT AVG({column}) FROM {table})")
    if query.missing:
        parts.append(_missing(query, scope))
    if query.connective == "OR" and len(parts) > 1 and len(query.where) > 1:
        parts[0] = f"({parts[0]})"
    return " AND ".join(parts)


def _missing(query: Query, scope: _Scope) -> str:
    """NOT EXISTS over the step's table; the outer table is named in full so that the inner query can refer to it."""
    missing = query.missing
    assert missing is not None
    step: Step = missing.step
    relation = scope.model.relations[step.relation]
    outer = scope.names[step.start]
    tables = {step.start: scope.tables[step.start], missing.target.alias: missing.target.entity}
    inner_name = scope.language.quote(missing.target.entity)
    reference = inner_name
    if missing.target.entity == scope.tables[step.start]:
        inner_name = missing.target.alias
        reference = f"{reference} AS {inner_name}"
    inner = _Scope(scope.model, scope.language, tables, {step.start: outer, missing.target.alias: inner_name}, True)
    conditions = [_condition(c, inner, query) for c in missing.conditions]
    if relation.kind == "key":
        ends = (outer, inner_name) if step.forward else (inner_name, outer)
        source = f"{reference} WHERE {_on(relation.links[0], *ends, scope.language)}"
    else:
        bridge = scope.language.quote(relation.bridge)
        near, far = relation.links if step.forward else relation.links[::-1]
        source = bridge
        if conditions:
            source += f" JOIN {reference} ON {_on(far, bridge, inner_name, scope.language)}"
        source += f" WHERE {_on(near, bridge, outer, scope.language)}"
    return f"NOT EXISTS (SELECT 1 FROM {source}{''.join(f' AND {c}' for c in conditions)})"
