"""The names in a Cypher query: which it uses, and which a schema does not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from t2q.languages.base import Identifiers
from t2q.languages.cypher_structure import Node, Relationship, Structure
from t2q.schema import Schema


def identifiers(s: Structure) -> Identifiers:
    """Labels, relationship types, and properties (of any expression, and in the maps of patterns)."""
    keys = {key for n in s.nodes for key in n.keys} | {key for r in s.relationships for key in r.keys}
    return Identifiers(
        entities=frozenset(t.value for t, role in zip(s.tokens, s.roles, strict=True) if role == "label"),
        links=frozenset(t.value for t, role in zip(s.tokens, s.roles, strict=True) if role == "type"),
        fields=frozenset(keys | {name for _, name in s.accesses}),
    )


def unknown(s: Structure, schema: Schema) -> list[str]:
    """Labels, types and properties that `schema` lacks, and relationships that it has not in that direction."""
    return list(dict.fromkeys(_Reader(s, schema).read()))


_NEXT_CONDITION = ("AND", "OR", "XOR", "NOT", "WHERE", "RETURN", "WITH", "MATCH")


def sought(s: Structure) -> list[tuple[str, str]]:
    """Properties with the texts that they are compared with: of each text, the property before it in its condition."""
    found, name = [], ""
    for i, token in enumerate(s.tokens):
        if s.roles[i] in ("property", "key"):
            name = token.value
        elif s.word(i) in _NEXT_CONDITION:
            name = ""
        elif token.kind == "string" and name:
            found.append((name, token.value))
    return found


class Ends:
    """What the nodes of a query may be, by their own labels or those of their variable."""

    def __init__(self, structure: Structure) -> None:
        self._s = structure
        self._node_labels: dict[str, set[str]] = {}
        self._link_types: dict[str, set[str]] = {}
        for name, labels in [(n.variable, n.labels) for n in structure.nodes] + structure.predicates:
            self._node_labels.setdefault(name, set()).update(labels)
        for relationship in structure.relationships:
            self._link_types.setdefault(relationship.variable, set()).update(relationship.types)
        self._node_labels.pop("", None)
        self._link_types.pop("", None)

    def labels(self, node: Node | None) -> set[str]:
        if node is None:
            return set()
        return set(node.labels) or self._node_labels.get(self._origin(node.variable), set())

    def _origin(self, variable: str) -> str:
        """The variable of a pattern behind one that WITH renamed; "" where it is something else."""
        seen = set()
        while variable in self._s.renamed and variable not in seen:
            if variable in self._node_labels or variable in self._link_types:
                break
            seen.add(variable)
            variable = self._s.renamed[variable]
        return "" if variable in self._s.aliases else variable


class _Reader(Ends):
    def __init__(self, structure: Structure, schema: Schema) -> None:
        super().__init__(structure)
        self._labels = {entity.name: {f.name for f in entity.fields} for entity in schema.entities}
        self._types: dict[str, set[str]] = {}
        for link in schema.links:
            self._types.setdefault(link.name, set()).update(f.name for f in link.fields)
        self._arrows = {(link.source, link.name, link.target) for link in schema.links}

    def read(self) -> Iterator[str]:
        for token, role in zip(self._s.tokens, self._s.roles, strict=True):
            if role == "label" and token.value not in self._labels:
                yield f"label {token.value}"
            if role == "type" and token.value not in self._types:
                yield f"relationship type {token.value}"
        for node in self._s.nodes:
            labels = set(node.labels) | self._node_labels.get(node.variable, set())
            yield from self._properties(node.keys, self._labels, labels)
        for relationship in self._s.relationships:
            yield from self._properties(relationship.keys, self._types, set(relationship.types))
            yield from self._direction(relationship)
        for variable, name in self._s.accesses:
            yield from self._access(variable, name)

    def _access(self, variable: str, name: str) -> Iterator[str]:
        variable = self._origin(variable)
        if variable in self._node_labels:
            yield from self._properties([name], self._labels, self._node_labels[variable])
        elif variable in self._link_types:
            yield from self._properties([name], self._types, self._link_types[variable])

    @staticmethod
    def _properties(names: Iterable[str], known: dict[str, set[str]], owners: set[str]) -> Iterator[str]:
        """Names that none of the owners has; anything has them where no owner, or an unknown one, is named."""
        if owners - known.keys():
            return
        offered = set().union(*(known[owner] for owner in owners or known))
        owner = f"{min(owners)}." if len(owners) == 1 else ""
        for name in names:
            if name not in offered:
                yield f"property {owner}{name}"

    def _direction(self, relationship: Relationship) -> Iterator[str]:
        """An arrow that no relationship of the schema follows; one that may be of several steps is not looked at."""
        types = [name for name in relationship.types if name in self._types]
        if relationship.several or not types or len(types) < len(relationship.types):
            return
        left, right = self.labels(relationship.left), self.labels(relationship.right)
        if (left | right) - self._labels.keys():
            return
        ways = {"->": [(left, right)], "<-": [(right, left)], "-": [(left, right), (right, left)]}
        for sources, targets in ways[relationship.direction]:
            for source, name, target in self._arrows:
                if name in types and (not sources or source in sources) and (not targets or target in targets):
                    return
        sources, targets = ways[relationship.direction][0]
        arrow = "-" if relationship.direction == "-" else "->"
        yield f"({_label(sources)})-[:{'|'.join(types)}]{arrow}({_label(targets)})"


def _label(labels: set[str]) -> str:
    return f":{'|'.join(sorted(labels))}" if labels else ""
