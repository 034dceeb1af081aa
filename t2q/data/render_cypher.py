"""A logical query as Cypher."""

from __future__ import annotations

import re

from t2q.data.logical import Aggregate, Attr, Condition, Expression, Node, Query, Step, Year
from t2q.data.model import Model
from t2q.languages.base import Language
from t2q.schema import FieldType, Value

_TEMPORAL = {"date": "date", "datetime": "datetime", "time": "time"}


def render_cypher(query: Query, model: Model, language: Language) -> str:
    """The query as one statement (two, combined by UNION, where it has another)."""
    text = _Writer(query, model, language).statement()
    if query.other is not None:
        text = f"{text} UNION {_Writer(query.other, model, language, combined=True).statement()}"
    return text


class _Writer:
    def __init__(self, query: Query, model: Model, language: Language, combined: bool = False) -> None:
        self.query, self.model, self.language, self.combined = query, model, language, combined
        self.nodes = {node.alias: node for node in query.nodes}
        if query.missing:
            self.nodes[query.missing.target.alias] = query.missing.target
        self.steps = {step.alias: step for step in query.steps}

    def statement(self) -> str:
        query = self.query
        parts = []
        if query.above:
            attr = query.above[0]
            entity = self.language.quote(self.nodes[attr.alias].entity)
            parts.append(f"MATCH (x:{entity}) WITH avg(x.{self.language.quote(attr.field)}) AS average")
        parts.append(f"MATCH {self.pattern()}")
        where = self.where()
        if where:
            parts.append(f"WHERE {where}")
        parts.append(self.returning())
        return " ".join(parts)

    def node(self, node: Node) -> str:
        return f"({node.alias}:{self.language.quote(node.entity)})"

    def arrow(self, step: Step) -> str:
        kind = self.language.quote(self.model.relations[step.relation].links[0].name)
        named = step.alias if self.uses(step.alias) else ""
        return f"-[{named}:{kind}]->" if step.forward else f"<-[{named}:{kind}]-"

    def uses(self, alias: str) -> bool:
        """Whether an expression speaks of the alias (steps are named only where they are used)."""
        query = self.query
        expressions: list[Expression] = [*query.select, *query.group, *(c.left for c in query.where)]
        expressions += [query.having.left] if query.having else []
        expressions += [query.order[0]] if query.order else []
        return any((e.of if isinstance(e, Year) else e).alias == alias for e in expressions)

    def pattern(self) -> str:
        text = self.node(self.query.nodes[0])
        end = self.query.nodes[0].alias
        for step in self.query.steps:
            if step.start != end:
                text += f", ({step.start})"
            text += self.arrow(step) + self.node(self.nodes[step.end])
            end = step.end
        return text

    def type_of(self, alias: str, name: str) -> FieldType:
        if alias in self.steps:
            fields = self.model.relations[self.steps[alias].relation].fields
        else:
            entity = self.model.schema.entity(self.nodes[alias].entity)
            fields = entity.fields if entity else ()
        return next((f.type for f in fields if f.name == name), "other")

    def expression(self, expression: Expression) -> str:
        if isinstance(expression, Attr):
            return f"{expression.alias}.{self.language.quote(expression.field)}"
        if isinstance(expression, Year):
            return f"{self.expression(expression.of)}.year"
        distinct = "DISTINCT " if expression.distinct else ""
        if expression.field:
            return f"{expression.function}({distinct}{self.expression(Attr(expression.alias, expression.field))})"
        return f"count({distinct}{expression.alias})"

    def literal(self, value: Value, left: Expression) -> str:
        text = self.language.literal(value)
        if isinstance(left, Attr | Aggregate) and left.field and isinstance(value, str):
            function = _TEMPORAL.get(self.type_of(left.alias, left.field))
            return f"{function}({text})" if function else text
        return text

    def condition(self, condition: Condition, left: str = "") -> str:
        left = left or self.expression(condition.left)
        values = [self.literal(v, condition.left) for v in condition.values]
        match condition.operator:
            case "null":
                return f"{left} IS NULL"
            case "not null":
                return f"{left} IS NOT NULL"
            case "between":
                return f"{values[0]} <= {left} <= {values[1]}"
            case "in":
                return f"{left} IN [{', '.join(values)}]"
            case "contains" | "starts" as operator:
                word = "CONTAINS" if operator == "contains" else "STARTS WITH"
                return f"toLower({left}) {word} toLower({values[0]})"
            case operator:
                return f"{left} {operator} {values[0]}"

    def where(self) -> str:
        query = self.query
        parts = []
        if query.where:
            parts.append(f" {query.connective} ".join(self.condition(c) for c in query.where))
        if query.above:
            parts.append(f"{self.expression(query.above[0])} {query.above[1]} average")
        if query.missing:
            step, target = query.missing.step, query.missing.target
            conditions = [self.condition(c) for c in query.missing.conditions]
            end = self.node(target) if conditions else f"(:{self.language.quote(target.entity)})"
            pattern = f"({step.start}){self.arrow(step)}{end}"
            if conditions:
                parts.append(f"NOT EXISTS {{ MATCH {pattern} WHERE {' AND '.join(conditions)} }}")
            else:
                parts.append(f"NOT {pattern}")
        if query.connective == "OR" and len(parts) > 1 and len(query.where) > 1:
            parts[0] = f"({parts[0]})"
        return " AND ".join(parts)

    def returning(self) -> str:
        """RETURN; where rows are chosen or ordered by an aggregate that is not returned, a WITH computes it first."""
        query = self.query
        measure = query.having.left if query.having else query.order[0] if query.order else None
        tail = ""
        if query.order:
            tail = f" ORDER BY {{}} {'DESC' if query.order[1] else 'ASC'}"
        if query.limit is not None:
            tail += f" LIMIT {query.limit}"
        if measure is not None and isinstance(measure, Aggregate) and (query.having or measure not in query.select):
            group = ", ".join(f"{self.expression(e)} AS {self.name(e)}" for e in query.group)
            test = f" WHERE {self.condition(query.having, 'total')}" if query.having else ""
            shown = ", ".join("total" if e == measure else self.name(e) for e in query.select)
            return f"WITH {group}, {self.expression(measure)} AS total{tail.format('total')}{test} RETURN {shown}"
        named = " AS value" if query.other or self.combined else ""
        shown = ", ".join(self.expression(e) + named for e in query.select)
        order = self.expression(query.order[0]) if query.order else ""
        return f"RETURN {'DISTINCT ' if query.distinct else ''}{shown}{tail.format(order)}"

    def name(self, expression: Expression) -> str:
        if isinstance(expression, Year):
            return "year"
        return re.sub(r"\W+", "_", expression.field) or "item"
