"""Arrows that the schema leaves no choice about: a query that names both ends but not the way between them."""

from __future__ import annotations

from t2q.languages.cypher_names import Ends
from t2q.languages.cypher_normal import quote
from t2q.languages.cypher_structure import Node, Relationship, Structure
from t2q.schema import Schema


def mend(query: str, s: Structure, schema: Schema) -> str:
    """The query with each arrow that leads nowhere replaced by the only one that the schema has between its two labels.

    Left alone: arrows of several steps, of several types or with properties; ends without exactly one known label;
    labels that no relationship, or more than one, connects.
    """
    ends = Ends(s)
    labels = {entity.name for entity in schema.entities}
    found: list[tuple[int, int, str]] = []
    for relationship in s.relationships:
        left, right = relationship.left, relationship.right
        if left is None or right is None or relationship.several or relationship.keys or len(relationship.types) != 1:
            continue
        one, other = ends.labels(left), ends.labels(right)
        if len(one) != 1 or len(other) != 1 or not one | other <= labels:
            continue
        arrow = _only_arrow(relationship, min(one), min(other), schema)
        if arrow:
            found.append((*_between(left, right, s), arrow))
    for start, stop, arrow in reversed(found):
        query = query[:start] + arrow + query[stop:]
    return query


def _only_arrow(relationship: Relationship, left: str, right: str, schema: Schema) -> str:
    """The arrow to write instead; "" where the written one is right, or nothing else is the only one."""
    ways = {(link.name, "->") for link in schema.links if (link.source, link.target) == (left, right)}
    ways |= {(link.name, "<-") for link in schema.links if (link.source, link.target) == (right, left)}
    (written,), direction = relationship.types, relationship.direction
    if any(name == written and direction in (way, "-") for name, way in ways):
        return ""
    if len({name for name, _ in ways}) > 1:  # the type that was written, if it is one of them, the other way round
        ways = {(name, way) for name, way in ways if name == written}
    if len(ways) > 1:  # both directions, within one label
        ways = {(name, way) for name, way in ways if way == direction}
    if len(ways) != 1:
        return ""
    ((name, way),) = ways
    inside = f"[{relationship.variable}:{quote(name)}]"
    return f"-{inside}->" if way == "->" else f"<-{inside}-"


def _between(left: Node, right: Node, s: Structure) -> tuple[int, int]:
    """The characters between two nodes."""
    return s.tokens[left.end].start + 1, s.tokens[right.start].start
