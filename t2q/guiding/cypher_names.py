"""The names of a graph's schema, as a query that is being written may use them."""

from __future__ import annotations

from collections.abc import Collection

from t2q.guiding.names import PLAIN, seen
from t2q.schema import Field, Schema

Labels = frozenset[str] | None  # None: any


class Graph:
    """Labels, relationship types, properties and the arrows between labels; letter case counts."""

    def __init__(self, schema: Schema) -> None:
        self.labels = {seen(e.name): {seen(f.name): f for f in e.fields} for e in schema.entities}
        self.arrows = {(seen(link.source), seen(link.name), seen(link.target)) for link in schema.links}
        self.types: dict[str, dict[str, Field]] = {}
        for link in schema.links:
            self.types.setdefault(seen(link.name), {}).update({seen(f.name): f for f in link.fields})

    def properties(self, labels: Labels) -> dict[str, Field]:
        found: dict[str, Field] = {}
        for label in self.labels if labels is None else labels:
            found |= self.labels.get(label, {})
        return found

    def of_types(self, types: Labels) -> dict[str, Field]:
        found: dict[str, Field] = {}
        for name in self.types if types is None else types:
            found |= self.types.get(name, {})
        return found

    def touching(self, labels: Labels) -> set[str]:
        """Types of the relationships of such nodes, at either end."""
        return {kind for source, kind, target in self.arrows if labels is None or source in labels or target in labels}

    def joined(self, labels: Labels) -> frozenset[str]:
        """Labels that exactly one type joins with these, whichever way round."""
        kinds: dict[str, set[str]] = {}
        for source, kind, target in self.arrows:
            for one, other in ((source, target), (target, source)):
                if labels is not None and one in labels:
                    kinds.setdefault(other, set()).add(kind)
        return frozenset(label for label, found in kinds.items() if len(found) == 1)

    def reached(self, labels: Labels, types: Labels, direction: str) -> frozenset[str]:
        """Labels at the other end; an arrow that leads nowhere counts as the other way round."""
        found = set()
        for source, kind, target in self.arrows:
            if types is None or kind in types:
                if direction != "in" and (labels is None or source in labels):
                    found.add(target)
                if direction != "out" and (labels is None or target in labels):
                    found.add(source)
        return frozenset(found) if found or not direction else self.reached(labels, types, "")


def fits(text: str, names: Collection[str], whole: bool, quoted: bool) -> bool:
    """Whether the text is one of the names, or begins so."""
    if whole:
        return text in names and (quoted or PLAIN.fullmatch(text) is not None)
    return any(name.startswith(text) and (quoted or PLAIN.fullmatch(name)) for name in names)
