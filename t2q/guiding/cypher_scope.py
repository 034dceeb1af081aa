"""What a Cypher query may name where the writing stands: its variables, and what the graph has for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from t2q.guiding import cypher_words as words
from t2q.guiding.cypher_names import Graph, Labels, fits
from t2q.guiding.state import State
from t2q.schema import Field


@dataclass(frozen=True)
class Variable:
    """`kind`: node, relationship or value; `names`: its labels or types, None where they are not known."""

    kind: str
    names: Labels = None


@dataclass(frozen=True)
class Frame:
    """A bracket; `role`: a function's name, node, relationship, map, list, sub, case or "". `clause`: of a sub."""

    role: str
    clause: str = ""
    slot: str = ""


@dataclass(frozen=True, kw_only=True)
class Scope(State):
    """The brackets that are open, the variables, and the pattern that is being written.

    `slot` says what comes next, `held` is a word whose meaning the next lexeme tells.
    """

    graph: Graph
    slot: str = "start"
    clause: str = ""
    frames: tuple[Frame, ...] = ()
    variables: tuple[tuple[str, Variable], ...] = ()
    held: str = ""
    node: Labels = None  # of the last node
    named: str = ""  # the variable of the node or relationship that is open
    names: Labels = None  # its labels or types so far
    direction: str = ""  # of the arrow: in, out, or "" where it is not known
    arrow: bool = False  # whether an arrow leads to the node that is open
    expected: Labels = None  # labels that it leads to
    only_names: bool = False

    @property
    def _role(self) -> str:
        """Of the innermost bracket, "" outside of all."""
        return self.frames[-1].role if self.frames else ""

    def _names(self, text: str, whole: bool, quoted: bool = False) -> bool:
        """Whether a name can stand here, or begin so."""
        match self.slot:
            case "operand" | "projection" | "case":
                role = self._role
                if role in words.BINDING or role == "new list":
                    return True
                if self.clause in ("limit", "skip"):
                    return False
                return fits(text, self._taken(role), whole, quoted)
            case "property":
                return fits(text, self._properties(), whole, quoted)
            case "label":
                return fits(text, self._labels(), whole, quoted)
            case "type":
                return fits(text, self.graph.touching(self.node), whole, quoted)
            case "map":
                return fits(text, self._own_properties(), whole, quoted)
            case "node":
                known = [
                    name for name, variable in self.variables if variable.kind == "node" and self._may_be(variable)
                ]
                return fits(text, known, whole, quoted) or self._new(text, whole)
            case "rel":
                return self._new(text, whole)
            case "pattern" | "output":
                return self._new(text, whole)
            case "namespace":
                return True
            case "part":
                return fits(text, words.PARTS, whole, quoted)
        return False

    def _may_be(self, variable: Variable) -> bool:
        return variable.names is None or bool(variable.names & frozenset(self._labels()))

    def _new(self, text: str, whole: bool) -> bool:
        if not whole or self.slot == "output":
            return not whole or text.lower() not in words.CLAUSES
        known = text in self.graph.labels or text in dict(self.variables)
        return text.lower() not in words.KEYWORDS and not known

    def _labels(self) -> Collection[str]:
        """Where an arrow leads, also the labels that only one type joins with its start: the type may be mended."""
        if not self.arrow or self.expected is None:
            return self.graph.labels
        return self.expected | self.graph.joined(self.node)

    def _own_properties(self) -> Mapping[str, Field]:
        if self.frames[-2].role == "relationship":
            return self.graph.of_types(self.names)
        return self.graph.properties(self.names if self.names is not None else self.expected if self.arrow else None)

    def _properties(self) -> Mapping[str, Field]:
        return self._of(dict(self.variables)[self.held], self._role)

    def _of(self, variable: Variable, role: str) -> Mapping[str, Field]:
        """Properties of a variable that may stand in such a bracket."""
        of = self.graph.of_types if variable.kind == "relationship" else self.graph.properties
        found = of(variable.names)
        if role not in words.OF_NUMBERS:
            return found
        return {name: field for name, field in found.items() if field.type not in words.NO_NUMBERS}

    def _taken(self, role: str) -> list[str]:
        """Variables that may stand in such a bracket."""
        numbers = role in words.OF_NUMBERS
        return [name for name, v in self.variables if not numbers or v.kind == "value" or self._of(v, role)]
