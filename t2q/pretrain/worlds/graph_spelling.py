"""New names for a graph's labels, relationship types and properties, in its schema and in Cypher alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from t2q.languages import language_for
from t2q.schema import Field, Schema

STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
# a string; a label or a type, behind a colon or a bar; a property, behind a dot or as a key of a map
_TOKEN = re.compile(rf"{STRING}|(?<=[(\w\[])([:|])`?(\w+)`?|\.`?([A-Za-z_]\w*)`?|(?<=[{{,])(\s*)(\w+)(?=\s*:)")


@dataclass(frozen=True)
class Spelling:
    """New names by the old ones, of all that the graph has."""

    labels: Mapping[str, str]
    types: Mapping[str, str]
    properties: Mapping[str, str]

    @property
    def distinct(self) -> bool:
        """Whether no two have become one."""
        return all(len(set(new.values())) == len(new) for new in (self.labels, self.types, self.properties))

    def schema(self, schema: Schema) -> Schema:
        def fields(old: Iterable[Field]) -> tuple[Field, ...]:
            return tuple(replace(field, name=self.properties[field.name]) for field in old)

        entities = (replace(e, name=self.labels[e.name], fields=fields(e.fields)) for e in schema.entities)
        links = (
            replace(
                link,
                name=self.types[link.name],
                source=self.labels[link.source],
                target=self.labels[link.target],
                fields=fields(link.fields),
            )
            for link in schema.links
        )
        return replace(schema, entities=tuple(entities), links=tuple(links))

    def query(self, query: str) -> str:
        """The Cypher in the new names; a name that the graph does not have stays."""
        quote = language_for("cypher").quote

        def spell(token: re.Match[str]) -> str:
            mark, kind, of_variable, space, key = token.groups()
            if new := self.labels.get(kind) or self.types.get(kind):
                return f"{mark}{quote(new)}"
            if of_variable in self.properties:
                return f".{quote(self.properties[of_variable])}"
            return f"{space}{quote(self.properties[key])}" if key in self.properties else token[0]

        return _TOKEN.sub(spell, query)
