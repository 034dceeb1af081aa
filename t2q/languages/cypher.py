"""Cypher, as Neo4j 5 has it: read by its words (`cypher_reader`); the database's EXPLAIN is the full parser."""

from __future__ import annotations

import re
from collections.abc import Iterator

from t2q.errors import SyntaxRefused
from t2q.languages import cypher_mending, cypher_names, cypher_normal, cypher_safety
from t2q.languages.base import Identifiers
from t2q.languages.cypher_reader import read
from t2q.languages.cypher_regex import prove_patterns_end
from t2q.languages.cypher_shape import prove_small
from t2q.languages.cypher_structure import CLAUSES, Structure
from t2q.languages.cypher_tokens import scan, where, write_string
from t2q.languages.cypher_work import prove_short
from t2q.languages.describing import one_line, show_samples
from t2q.languages.extraction import extract_query
from t2q.schema import Field, Schema, Value

_STARTS = re.compile(
    r"(?:(?:OPTIONAL\s+)?MATCH\s*(?:\(|\w+\s*=|(?:ANY|ALL|SHORTEST|shortestPath|allShortestPaths)\b)"
    r"|UNWIND\s+[\[$\w]+.{0,500}?\bAS\b|CALL\s*(?:\{|\(|\w+\.\w+)|(?-i:WITH|with)\s+(?:[\d'\"{(\[$-]|\w[\w.]*\()"
    r"|RETURN\s+(?:DISTINCT\b|[\d'\"{(\[$-]|[\w.]+\s*(?:[(,\[{<>=+*/-]|AS\b|$))"
    r"|(?:CREATE|MERGE|FOREACH)\s*\(|CREATE\s+\w+\s*=|(?:CREATE|DROP)\s+(?:\w+\s+)?(?:INDEX|CONSTRAINT|USER|DATABASE)\b"
    r"|LOAD\s+CSV\b|SHOW\s+[A-Z]+\b)",
    re.IGNORECASE | re.DOTALL,
)
_NOT_CYPHER = {"SELECT": "SELECT", "FROM": "FROM", "GROUP": "GROUP BY", "HAVING": "HAVING", "JOIN": "JOIN"}


class Cypher:
    """The language of Neo4j and of the embedded graph."""

    name = "cypher"
    opening = "MATCH"
    dialect = "cypher"
    title = "Cypher"

    def extract(self, text: str) -> str:
        return extract_query(text, _STARTS, _semicolon)

    def parse(self, query: str) -> None:
        """A quick static check: quotes, brackets, one statement, known clauses, a RETURN, no SQL.

        What passes here can still be refused by the database.
        """
        s = read(query)
        if not s.tokens:
            raise SyntaxRefused("no statement")
        for i, token in enumerate(s.tokens):
            if token.text == ";":
                raise SyntaxRefused(f"{where(query, token.start)}: several statements where one is expected")
            property_name = i > 0 and s.tokens[i - 1].text == "."
            clause = s.opener[i] < 0 and s.named(i + 1) and not property_name and token.value not in s.declared
            if token.upper in _NOT_CYPHER and clause:
                raise SyntaxRefused(f"{where(query, token.start)}: {_NOT_CYPHER[token.upper]} is not Cypher")
        first = s.tokens[0].upper
        if first not in CLAUSES | cypher_safety.ADMINISTRATION:
            raise SyntaxRefused(f"a query cannot begin with {s.text(0)!r}")
        outer = {s.word(i) for i in range(len(s.tokens)) if s.opener[i] < 0}
        if first != "CALL" and not outer & (cypher_safety.WRITES | cypher_safety.ADMINISTRATION | {"RETURN", "FINISH"}):
            raise SyntaxRefused("nothing is returned: the query has no RETURN")
        last = len(s.tokens) - 1
        if s.word(last) in CLAUSES or s.text(last) in (",", ".", "=", "-"):
            raise SyntaxRefused(f"the query breaks off after {s.text(last)!r}")

    def normalize(self, query: str) -> str:
        """As `cypher_normal.words` says: variables, aliases among them, get new names in the order of appearance."""
        structure = self._structure(query)
        return cypher_normal.spell(structure) if structure else query.strip()

    def skeleton(self, query: str) -> str:
        structure = self._structure(query)
        return cypher_normal.spell(structure, blank=True) if structure else query.strip()

    def tokens(self, query: str) -> list[str]:
        """Names, keywords, numbers, strings and parameters of the normalised query; no symbols."""
        structure = self._structure(query)
        if structure is None:
            return re.findall(r"\w+", query)
        spelled = zip(structure.tokens, cypher_normal.words(structure), strict=True)
        return [word for token, word in spelled if token.kind != "symbol"]

    def _structure(self, query: str) -> Structure | None:
        try:
            self.parse(query)
        except SyntaxRefused:
            return None
        return read(query)

    def identifiers(self, query: str) -> Identifiers:
        return cypher_names.identifiers(read(query))

    def unknown(self, query: str, schema: Schema) -> list[str]:
        return cypher_names.unknown(read(query), schema)

    def mend(self, query: str, schema: Schema) -> str:
        return cypher_mending.mend(query, read(query), schema)

    def prove_read_only(self, query: str) -> None:
        cypher_safety.prove_read_only(query)
        self.parse(query)
        structure = read(query)
        for prove in (prove_small, prove_short, prove_patterns_end):
            prove(structure)

    def ordered(self, query: str) -> bool:
        """ORDER BY behind the last RETURN; one that orders only a WITH, or a part of a UNION, promises nothing."""
        s = read(query)
        outer = [s.word(i) for i in range(len(s.tokens)) if s.opener[i] < 0]
        if "RETURN" not in outer or "UNION" in outer:
            return False
        return "ORDER" in outer[len(outer) - outer[::-1].index("RETURN") :]

    def sought(self, query: str) -> list[tuple[str, str]]:
        return cypher_names.sought(read(query))

    def quote(self, name: str) -> str:
        return cypher_normal.quote(name)

    def literal(self, value: Value) -> str:
        if isinstance(value, str):
            return write_string(value)
        return str(value).lower() if isinstance(value, bool) else repr(value)

    def describe(self, schema: Schema, samples: int = 3) -> str:
        lines = []
        for label in schema.entities:
            if one_line(label.name):
                lines.append(f"{self.quote(label.name)}: {self._fields(label.fields, samples)}".rstrip())
        lines += [line for label in schema.entities for line in self._ways(schema, label.name, samples)]
        return "\n".join(lines)

    def _ways(self, schema: Schema, label: str, samples: int) -> Iterator[str]:
        """The arrows that leave or reach a label, as a pattern that starts at it spells them.

        Both ends stand before the arrow: a model that writes from left to right then finds the arrow by what it
        knows when it has to write it, where it stands now and where the question leads.
        """
        shown = {e.name for e in schema.entities if one_line(e.name)}
        for link in schema.links:
            if not ({link.source, link.target} <= shown and one_line(link.name)):
                continue
            kind = self.quote(link.name)
            if link.source == label:
                fields = f" {self._fields(link.fields, samples)}" if link.fields else ""
                yield f"{self.quote(label)} to {self.quote(link.target)}: -[:{kind}]->{fields}"
            if link.target == label:
                yield f"{self.quote(label)} to {self.quote(link.source)}: <-[:{kind}]-"

    def _fields(self, fields: tuple[Field, ...], samples: int) -> str:
        return ", ".join(
            f"{self.quote(f.name)} {f.type}{' key' * f.key}{show_samples(f, samples, self.literal)}"
            for f in fields
            if one_line(f.name)
        )


def _semicolon(query: str) -> int | None:
    try:
        return next((token.start for token in scan(query) if token.text == ";"), None)
    except SyntaxRefused:
        return None
