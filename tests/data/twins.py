"""Carries a logical query from the shop's tables over to its graph: same words, other names."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from t2q.data.logical import Aggregate, Attr, Node, Query, Step
from t2q.data.model import Model, Relation
from t2q.data.names import singular, words


class NoTwin(Exception):
    """The graph has no counterpart: a table that only joins two others is no node there."""


def carry(query: Query, tables: Model, graph: Model) -> Query:
    """The query in the graph's names."""
    return _Carrier(tables, graph, _entities(query)).over(query)


def _entities(query: Query) -> dict[str, str]:
    nodes = {n.alias: n.entity for n in query.nodes}
    if query.missing:
        nodes[query.missing.target.alias] = query.missing.target.entity
    return nodes


class _Carrier:
    def __init__(self, tables: Model, graph: Model, entities: dict[str, str]) -> None:
        self.tables, self.graph, self.entities = tables, graph, entities
        self.relations: dict[str, str] = {}  # step alias -> the graph's relation

    def entity(self, table: str) -> str:
        wanted = singular(words(table))
        found = [name for name in self.graph.entities if words(name) == wanted]
        if not found:
            raise NoTwin(table)
        return found[0]

    def relation(self, relation: Relation) -> tuple[Relation, bool]:
        """The graph's relation between the same two, and whether its arrow goes the same way."""
        ends = (self.entity(relation.source), self.entity(relation.target))
        for candidate in self.graph.relations.values():
            if (candidate.source, candidate.target) == ends:
                return candidate, True
            if (candidate.target, candidate.source) == ends:
                return candidate, False
        raise NoTwin(relation.id)

    def field(self, alias: str, name: str) -> str:
        if alias in self.entities:
            found = self.graph.entities[self.entity(self.entities[alias])].attributes
        else:
            found = self.graph.relations[self.relations[alias]].fields
        return next(f.name for f in found if words(f.name) == words(name))

    def over(self, part: Any) -> Any:
        if isinstance(part, Query):
            self.entities = {**self.entities, **_entities(part)}
            steps = tuple(self.over(s) for s in part.steps)
            rest = {f.name: self.over(getattr(part, f.name)) for f in fields(part) if f.name not in {"steps", "other"}}
            other = carry(part.other, self.tables, self.graph) if part.other else None
            return replace(part, steps=steps, other=other, **rest)
        if isinstance(part, Node):
            return Node(part.alias, self.entity(part.entity))
        if isinstance(part, Step):
            relation, same = self.relation(self.tables.relations[part.relation])
            self.relations[part.alias] = relation.id
            return replace(part, relation=relation.id, forward=part.forward == same)
        if isinstance(part, Attr):
            return Attr(part.alias, self.field(part.alias, part.field))
        if isinstance(part, Aggregate) and part.field:
            return replace(part, field=self.field(part.alias, part.field))
        if isinstance(part, tuple):
            return tuple(self.over(x) for x in part)
        if is_dataclass(part) and not isinstance(part, Aggregate):
            return replace(part, **{f.name: self.over(getattr(part, f.name)) for f in fields(part)})
        return part
