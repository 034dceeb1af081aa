"""A Cypher query while it is written: what may come next, given the graph and what stands there.

Labels, types and properties are the schema's; variables are known before they are used. An arrow the wrong way round,
or of another type where only one can be meant, may stand: the query is mended afterwards, and small models know the
labels better than what lies between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from t2q.guiding import cypher_words as words
from t2q.guiding.cypher_scope import Frame, Scope, Variable
from t2q.guiding.lexemes import Lexeme
from t2q.guiding.names import Functions, spelled
from t2q.guiding.state import one_blank

_NUMBERS = {"integer", "float"}


@dataclass(frozen=True, kw_only=True)
class Match(Scope):
    """Where the writing stands: `slot` says what comes next, `held` is a word whose meaning the next lexeme tells."""

    NAMES: ClassVar = {"label", "type", "property", "map"}  # slots where only a name can stand
    KEYWORDS: ClassVar = words.KEYWORDS
    UNKNOWN: ClassVar = frozenset("$&!%{")  # symbols of which it knows nothing, or little

    against: str = ""  # the type of the property that is compared
    compared: bool = False
    last: str = ""  # the last of WITH and RETURN
    item: str = ""  # the variable that an item of WITH consists of
    projected: tuple[tuple[str, Variable], ...] = ()
    aggregated: bool = False

    def may_end(self) -> bool:
        state = self._settled() if self.slot == "name" else self
        return (
            state is not None
            and not state.frames
            and state.slot in ("operator", "sorted")
            and state.last == "return"
            and state.clause in ("return", "order", "skip", "limit")
        )

    def _blank(self, text: str) -> bool:
        if self.slot in ("property", "label", "type", "key_done", "arrow", "rel", "node", "next_node", "arrow_in"):
            return False
        return one_blank(text)

    # words

    def _begins_word(self, text: str) -> bool:
        return self._begins_known(text) or self._names(text, whole=False)

    def _begins_known(self, text: str) -> bool:
        if any(spelled(text, word) for word in self._words()):
            return True
        return self._may_call() and (self._functions().begins(text) or words.SPACES.begins(text))

    def _may_call(self) -> bool:
        barred = self.only_names or self.clause in ("limit", "skip")
        return self.slot in ("operand", "projection", "case") and not barred

    def _word(self, text: str) -> Match | None:
        word = text.lower()
        if self.slot in ("operand", "projection", "case"):
            if text in dict(self.variables):
                return replace(self, slot="name", held=text)
            if word in self._words() and spelled(text, word):
                return self._keyword(word)
            if self._may_call() and (word in self._functions() or word in words.SPACES) and self._begins_known(text):
                return replace(self, slot="name", held=text)
            return self._name(text)
        if word in self._words() and spelled(text, word):
            return self._keyword(word)
        return self._name(text)

    def _words(self) -> Mapping[str, str]:
        """What may stand here, and the slot after it."""
        slot = self.slot
        found = words.WORDS.get(slot, {})
        role = self._role
        if slot in ("operand", "projection", "case"):
            if self.only_names or self.clause in ("limit", "skip"):
                return {}
            base = dict(words.WORDS["operand"])
            if slot == "operand" and role not in words.AGGREGATES:
                base.pop("distinct", None)
            return found | base
        if slot in ("operator", "sorted", "after_node"):
            if role == "case":
                return found | words.IN_CASE
            if slot == "after_node" and role not in ("", "sub"):
                return {}
            if slot == "after_node" and self.clause == "match":
                found = {}
            elif slot == "after_node":
                found = {"and": "operand", "or": "operand"}
            if slot == "operator":
                if self.clause == "order":
                    found = found | words.SORTING
                if self.compared:
                    found = {w: s for w, s in found.items() if w not in words.TESTS}
                if role in words.BINDING or role == "new list":
                    found = found | {"where": "operand"}
                if self._lacking():
                    return {w: found[w] for w in words.TESTS if w in found}
                if self.clause not in ("with", "return", "unwind") or self.frames:
                    found = {w: s for w, s in found.items() if w != "as"}
            if not self.frames or role == "sub":
                clauses = words.AFTER.get(self.clause, {})
                if self.clause in words.TAIL and self.last == "with":
                    clauses = clauses | words.READING
                if role == "sub":
                    clauses = {w: s for w, s in clauses.items() if w == "where"}
                return found | clauses
        return found

    def _lacking(self) -> bool:
        """Whether a condition is begun that is none yet: a text or a number."""
        wants = self.against not in ("", "boolean", "other", "list") and self.clause == "where"
        return wants and not self.compared and not (self.frames and self.frames[-1].role not in ("", "sub"))

    def _functions(self) -> Functions:
        inside = any(frame.role in words.AGGREGATES for frame in self.frames)
        barred = self.clause in ("where", "match") or (self.clause == "order" and not self.aggregated)
        return words.PLAIN if inside or barred else words.CALLED

    def _keyword(self, word: str) -> Match | None:
        slot = self._words()[word]
        role = self._role
        state = self
        if word in ("and", "or", "xor", "when", "then", "else", "where"):
            state = replace(state, against="", compared=False)
        elif word in words.TESTS:
            state = replace(state, compared=True)
        if word == "case":
            return replace(state, slot="case", frames=(*self.frames, Frame("case")))
        if word == "end" and role == "case":
            return replace(state, slot="operator", frames=self.frames[:-1])
        if self.slot == "match_with":
            return replace(state, slot=slot)
        if self.slot in ("operand", "projection") and word in ("exists", "count"):
            return replace(state, slot=word, held=word)
        if word == "where" and self.frames and role != "sub":
            return replace(state, slot=slot)
        if word == "where":
            return replace(state._close_projection(), clause="where", slot=slot)
        if word in words.READING or word in words.TAIL or word == "union":
            return state._enter(word, slot)
        return replace(state, slot=slot)

    def _enter(self, word: str, slot: str) -> Match:
        state = self._close_projection()
        if word == "optional":
            return replace(state, slot=slot)
        state = replace(state, clause=word, slot=slot, against="", compared=False, item="")
        if word == "union":
            return replace(state, variables=(), aggregated=False)
        if word in ("with", "return"):
            return replace(state, projected=(), aggregated=False, last=word)
        return state

    def _close_projection(self) -> Match:
        """The names that WITH, or RETURN for its ORDER BY, leaves."""
        if self.clause == "with" and self.slot in ("operator", "sorted"):
            found = dict(self.projected)
            if self.item:
                found[self.item] = dict(self.variables)[self.item]
            return replace(self, variables=tuple(found.items()))
        if self.clause == "return":
            return replace(self, variables=tuple((dict(self.variables) | dict(self.projected)).items()))
        return self

    # names

    def _name(self, text: str, quoted: bool = False) -> Match | None:
        if not self._names(text, whole=True, quoted=quoted):
            return None
        match self.slot:
            case "operand" | "projection" | "case":
                state = self
                if text not in dict(self.variables):
                    state = self._bind(text, Variable("value"))
                return replace(state, slot="name", held=text)
            case "property":
                field = self._properties().get(text)
                return self._operand_done(field.type if field else "")
            case "label":
                names = frozenset([text]) if self.names is None else self.names | {text}
                return replace(self, slot="label_done", names=names)
            case "type":
                names = frozenset([text]) if self.names is None else self.names | {text}
                return replace(self, slot="type_done", names=names)
            case "map":
                field = self._own_properties().get(text)
                return replace(self, slot="key_done", against=field.type if field else "", compared=True)
            case "node":
                variable = dict(self.variables).get(text)
                return replace(self, slot="node_named", named=text, names=variable.names if variable else None)
            case "rel":
                return replace(self, slot="rel_named", named=text)
            case "pattern":
                return replace(self._bind(text, Variable("value")), slot="path")
            case "output":
                variable = dict(self.variables).get(self.item, Variable("value"))
                if self.clause == "unwind":
                    return replace(self._bind(text, Variable("value")), slot="operator")
                projected = (*self.projected, (text, variable))
                return replace(self, slot="operator", projected=projected, item="")
            case "namespace":
                return replace(self, slot="name", held=f"{self.held}.{text}")
            case "part":
                return self._operand_done("integer")
        return None

    def _bind(self, name: str, variable: Variable) -> Match:
        return replace(self, variables=tuple((dict(self.variables) | {name: variable}).items()))

    def _quoted(self, text: str) -> Match | None:
        return self._name(text[1:-1].replace("``", "`"), quoted=True)

    def _begins_quoted(self, text: str) -> bool:
        closed = len(text) > 1 and text.endswith("`")
        return self._names(text[1:-1] if closed else text[1:], whole=closed, quoted=True)

    def _after_name(self, lexeme: Lexeme) -> Match | None:
        if self._fits_name(lexeme.text):
            if lexeme.text == ".":
                return replace(self, slot="property" if self.held in dict(self.variables) else "namespace")
            return self._open_function(self.held.lower())
        settled = self._settled()
        return settled.step(lexeme) if settled else None

    def _open_function(self, name: str) -> Match:
        aggregated = self.aggregated or name in words.AGGREGATES
        return replace(self, slot="operand", held="", aggregated=aggregated, frames=(*self.frames, Frame(name)))

    def _fits_name(self, symbol: str) -> bool:
        variable = dict(self.variables).get(self.held)
        space, _, within = self.held.partition(".")
        if symbol == ".":
            return variable.kind != "value" if variable else space.lower() in words.SPACES
        return symbol == "(" and variable is None and (bool(within) or self.held.lower() in words.FUNCTIONS)

    def _settled(self) -> Match | None:
        """The state where the held word was a variable."""
        variable = dict(self.variables).get(self.held)
        if variable is None:
            return None
        if variable.kind != "value" and self._role in words.OF_NUMBERS:
            return None
        item = self.held if not self.frames and self.clause in ("with", "return") else self.item
        return replace(self._operand_done(""), item=item, held=self.held)

    def _operand_done(self, kind: str) -> Match:
        return replace(self, slot="operator", held="", item="", against=kind or self.against)

    # symbols and literals

    def _symbols(self) -> set[str]:
        found = set(words.SYMBOLS.get(self.slot, "").split())
        role = self._role
        match self.slot:
            case "operand" | "projection" | "case":
                if self.only_names or self.clause in ("limit", "skip"):
                    return set()
                found |= set(words.SYMBOLS["operand"].split())
                if role == "count":
                    found |= {"*"}
                if role in words.FUNCTIONS - words.AGGREGATES:
                    found |= {")"}
                if role == "new list":
                    found |= {"]"}
                if role == "":
                    found |= {":", ")"} if self.frames else set()
            case "operator" | "sorted":
                if self.slot == "sorted":
                    found |= {","}
                if self.compared:
                    found -= words.COMPARISONS - {"<", "<=", ">", ">="}
                if role == "list" or role == "new list":
                    found |= {"]"}
                elif role == "map":
                    found |= {"}"}
                elif role == "sub":
                    found |= set() if self._lacking() else {"}"}
                elif role not in ("", "case") or self.frames:
                    found |= {")"} if role != "case" else set()
                if self.against in ("date", "datetime", "time"):
                    found |= {"."}
                if not self.frames and self.clause not in ("with", "return", "order"):
                    found -= {","}
                if role in ("sub", "case", *words.AGGREGATES):
                    found -= {","}
                if self.held and dict(self.variables).get(self.held, Variable("")).kind == "value":
                    found |= {"["}
                if role == "new list":
                    found |= {"|"}
            case "count" if "count" not in self._functions():
                found -= {"("}
            case "node_named":
                found |= {":", ")", "{"}
            case "rel_named":
                found |= {":", "]", "{"}
            case "node" | "label_done":
                if self.slot == "label_done":
                    found -= {":"}
                if not self.frames:
                    found -= {")"}
            case "after_node":
                found |= {"-", "<"}
                if role == "sub":
                    found |= {"}"}
                if self.clause == "match" and role in ("", "sub"):
                    found |= {","}
                if self.frames and role not in ("sub", "node"):
                    found |= {")"}
            case "rel_dash":
                found = {"("} if self.direction == "in" else {">", "("}
            case "arrow":
                found = {"[", "-"}
            case "bare":
                found = {"(", ">"} if self.direction != "in" else {"("}
            case "length":
                found = {"]", "..", "{"}
        return found

    def _symbol(self, text: str) -> Match | None:
        slot, frames = self.slot, self.frames
        state = self
        if slot in ("operand", "operator", "projection", "case", "sorted"):
            if text == "(" or (text == "," and not (frames and frames[-1].role == "list")):
                state = replace(state, against="", compared=False)
            elif text in words.COMPARISONS:
                state = replace(state, compared=True)
            elif text in "+-*/%^" and slot == "operator":
                state = replace(state, against="" if text == "+" else self.against)  # + also joins texts
        match slot, text:
            case (("operand" | "projection" | "case"), "("):
                return replace(state, slot="operand", frames=(*frames, Frame("")))
            case (("operand" | "projection" | "case"), "["):
                role = "list" if self.against or self.compared else "new list"
                return replace(state, slot="operand", frames=(*frames, Frame(role)))
            case "projection", "*":
                return replace(state, slot="operator", projected=self.variables)
            case "operand", "*":
                return self._operand_done("")
            case "operand", ":":  # a pattern that begins with a node without a name
                return replace(
                    state, slot="label", frames=(*frames[:-1], Frame("node")), arrow=False, named="", names=None
                )
            case ("operand", ")") if frames and frames[-1].role == "":
                return replace(state, slot="after_node", frames=frames[:-1], node=None)
            case "operand", "-":
                return state
            case (("operand" | "operator" | "sorted"), (")" | "]")):
                return self._close_bracket()
            case (("operator" | "map" | "after_node"), "}"):
                return self._close_brace()
            case "operator", "[":
                return replace(state, slot="operand", frames=(*frames, Frame("list")))
            case "operator", "|":
                return replace(state, slot="operand")
            case "operator", ".":
                return replace(state, slot="part")
            case (("operator" | "sorted"), ","):
                if self.clause == "with" and self.item and not frames:
                    projected = (*self.projected, (self.item, dict(self.variables)[self.item]))
                    state = replace(state, projected=projected)
                return replace(state, slot="operand", item="")
            case (("exists" | "count"), "{"):
                return replace(state, slot="sub", frames=(*frames, Frame("sub", clause=self.clause)), clause="match")
            case (("exists" | "count"), "("):
                return self._open_function(slot)
            case (("pattern" | "sub" | "next_node"), "("):
                return self._open_node(arrow=slot == "next_node")
            case "path", "=":
                return replace(state, slot="pattern")
            case (("node" | "node_named"), ":"):
                return replace(state, slot="label", names=None)
            case (("node" | "node_named" | "label_done"), ")"):
                return self._close_node()
            case (("node" | "node_named" | "label_done" | "rel" | "rel_named" | "type_done"), "{"):
                return replace(state, slot="map", frames=(*frames, Frame("map", slot=slot)))
            case "key_done", ":":
                return replace(state, slot="operand")
            case "after_node", "-":
                return replace(state, slot="arrow", direction="")
            case "after_node", "<":
                return replace(state, slot="arrow_in", direction="in")
            case "after_node", ",":
                return replace(state, slot="pattern")
            case "after_node", ")":
                return self._close_bracket()
            case "arrow_in", "-":
                return replace(state, slot="arrow")
            case "arrow", "[":
                return replace(state, slot="rel", named="", names=None, frames=(*frames, Frame("relationship")))
            case "arrow", "-":
                return replace(state, slot="bare", named="", names=None)
            case (("rel" | "rel_named"), ":"):
                return replace(state, slot="type")
            case "type_done", "|":
                return replace(state, slot="type")
            case (("rel" | "type_done"), "*"):
                return replace(state, slot="length")
            case "length", "..":
                return state
            case (("rel" | "rel_named" | "type_done" | "length"), "]"):
                done = replace(state, slot="rel_closed", frames=frames[:-1])
                if slot == "length":
                    done = replace(done, named="")
                return done
            case "rel_closed", "-":
                return replace(state, slot="rel_dash")
            case (("rel_dash" | "bare"), ">"):
                return replace(state, slot="next_node", direction="out")
            case (("rel_dash" | "bare"), "("):
                return self._open_node(arrow=True)
        return replace(state, slot="operand")

    def _open_node(self, arrow: bool) -> Match:
        """The node in a bracket; where an arrow leads to it, the relationship is known by now."""
        state, expected = self, None
        if arrow:
            types = self.names
            expected = self.graph.reached(self.node, types, self.direction)
            if self.named:
                state = state._bind(self.named, Variable("relationship", types))
        return replace(
            state,
            slot="node",
            named="",
            names=None,
            arrow=arrow,
            expected=expected,
            frames=(*self.frames, Frame("node")),
        )

    def _close_node(self) -> Match:
        names = self.names
        if names is None and self.arrow:
            names = self.expected
        state = self._bind(self.named, Variable("node", names)) if self.named else self
        return replace(state, slot="after_node", node=names, frames=self.frames[:-1], named="", names=None, arrow=False)

    def _close_bracket(self) -> Match:
        role = self.frames[-1].role
        closed = replace(self, frames=self.frames[:-1], slot="operator", held="", item="")
        if role == "":
            variable = dict(self.variables).get(self.held)
            if variable is not None and variable.kind == "node" and self.slot == "operator":
                return replace(closed, slot="after_node", node=variable.names)
        return replace(closed, against="", compared=False) if role == "" or role in words.FUNCTIONS else closed

    def _close_brace(self) -> Match:
        frame = self.frames[-1]
        closed = replace(self, frames=self.frames[:-1], against="", compared=False)
        if frame.role == "sub":
            return replace(closed, slot="operator", clause=frame.clause)
        return replace(closed, slot="type_done" if frame.slot in ("rel", "rel_named", "type_done") else "label_done")

    def _literal(self, lexeme: Lexeme) -> bool:
        if self.slot == "length":
            return lexeme.kind == "number"
        if self.slot not in ("operand", "projection", "case") or self.only_names:
            return False
        if self.clause in ("limit", "skip"):
            return lexeme.text.isdigit()
        if self.compared and self.against in _NUMBERS:
            return lexeme.kind == "number"
        if self.compared and self.against == "text":
            return lexeme.kind == "string"
        return True

    def _after_literal(self) -> Match:
        return self if self.slot == "length" else self._operand_done("")
