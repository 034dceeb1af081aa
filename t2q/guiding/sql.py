"""A SELECT statement while it is written: what may come next, given the schema and what stands there.

What could still become a good query may be written, but for two habits that nearly every good query has and an unsure
model has not: a column without its table's name is of one table while no join is in sight, and a join follows a
foreign key where the tables have one. What it knows nothing of (a subquery's own columns) it leaves free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from t2q.guiding import sql_words as words
from t2q.guiding.lexemes import Lexeme
from t2q.guiding.names import Functions, spelled
from t2q.guiding.sql_scope import Frame, Scope, Source
from t2q.guiding.state import one_blank


@dataclass(frozen=True, kw_only=True)
class Select(Scope):
    """Where the writing stands: `slot` says what comes next, `held` is a word whose meaning the next lexeme tells.

    `plain`: the functions that are no aggregates. `quote`: the mark that the dialect sets before a quoted name.
    """

    NAMES: ClassVar = {"table", "column"}  # slots where only a name can stand
    KEYWORDS: ClassVar = words.KEYWORDS
    UNKNOWN: ClassVar = frozenset("@#$&~^{}?\\")  # symbols that some dialects have

    functions: Functions
    plain: Functions
    quote: str
    slot: str = "start"
    held: str = ""
    compared: bool = False  # whether the condition being written has its comparison
    needed: bool = False  # whether it cannot do without one: a text or a date is no condition

    def may_end(self) -> bool:
        state = self._settled() if self.slot == "name" else self
        return state is not None and ";" in state._symbols()

    def _blank(self, text: str) -> bool:
        return one_blank(text) and self.slot != "column"

    # words

    def _begins_word(self, text: str) -> bool:
        if any(spelled(text, word) for word in self._words()) or self._names(text, whole=False):
            return True
        return self._may_call() and self._allowed_functions().begins(text)

    def _word(self, text: str) -> Select | None:
        word = text.lower()
        if self.slot in ("operand", "case") and not (self.frame.role == "extract" and word in words.UNITS):
            if self._may_call() and word in self._allowed_functions() and self.functions.begins(text):
                return replace(self, slot="name", held=word)
            if self._names(text, whole=True):
                return replace(self, slot="name", held=word)
        if word in self._words() and spelled(text, word):
            return self._keyword(word)
        return self._name(text)

    def _words(self) -> Mapping[str, str]:
        """What may stand here, and the slot after it."""
        found = words.WORDS.get(self.slot, {})
        frame = self.frames[-1] if self.frames else Frame("")
        if self.slot in ("operand", "case"):
            if self.only_names or frame.clause == "limit" or self._bound():
                return {}
            more: dict[str, str] = {}
            if frame.role not in ("select", "case"):
                more["select"] = "operand"
            if frame.role == "window":
                more |= words.IN_WINDOW
            if frame.role == "extract":
                more |= dict.fromkeys(words.UNITS, "operator")
            return found | more
        if self.slot == "operator":
            if frame.role == "case":
                return found | words.IN_CASE
            if frame.role == "extract":
                return {"from": "operand"}
            if frame.role == "window" or frame.clause == "order":
                found = found | words.SORTING
            if frame.role == "window":
                found = found | words.IN_WINDOW
            if frame.clause == "limit":
                found = {}
            if self.compared:
                found = {word: slot for word, slot in found.items() if word not in words.TESTS and word != "is"}
            if self._lacking():
                return {word: found[word] for word in ("is", *words.TESTS) if word in found}
            if frame.clause in ("select", "order"):
                found = found | words.WINDOW
            if frame.clause == "on" and len(frame.keys) != 1:
                found = found | words.JOINS
        if self.slot in ("operator", "after_table", "sorted") and frame.role == "select":
            return found | {c: words.CLAUSES[c] for c in self._clauses() if self._may_leave(c)}
        return found

    def _may_call(self) -> bool:
        return self.slot in ("operand", "case") and not (
            self.only_names or self.frame.clause == "limit" or self._bound()
        )

    def _allowed_functions(self) -> Functions:
        """Without aggregates where they may not stand: in another one, in WHERE, in ON."""
        for frame in reversed(self.frames):
            if frame.role in words.AGGREGATES or frame.clause in ("where", "on"):
                return self.plain
            if frame.role == "select":
                break
        return self.functions

    def _lacking(self) -> bool:
        return self.needed and not self.compared and self.frame.clause in ("where", "having")

    def _clauses(self) -> list[str]:
        """The clauses that may follow the present one."""
        clause = "from" if self.frame.clause in ("on", "join") else self.frame.clause
        return ["from", "union"] if clause == "select" else words.ORDER[words.ORDER.index(clause) + 1 :]

    def _keyword(self, word: str) -> Select | None:
        slot = self._words()[word]
        if slot == "set" or word in ("and", "or", "select", "when", "then", "else", *words.CLAUSES):
            self = replace(self, compared=False, needed=False)
        elif word in words.TESTS or word == "is":
            self = replace(self, compared=True)
        role = self.frame.role if self.frames else ""
        if word == "select":
            frames = self.frames[:-1] if self.slot == "set" else self.frames
            return replace(self, slot=slot, frames=(*frames, Frame("select", "select")))
        if word == "case":
            return replace(self, slot=slot, frames=(*self.frames, Frame("case")))
        if role == "case" and word == "end":
            return replace(self, slot=slot, frames=self.frames[:-1])
        if role == "select" and word in words.CLAUSES and self.slot != "operand":
            return self._with(clause=word, slot=slot)
        if word == "on":
            return self._with(clause="on", keys=(), slot=slot)
        if word == "as" and role == "cast":
            return replace(self, slot="type")
        if word in words.JOINS or self.slot == "join":
            return self._with(clause="join", slot=slot)
        return replace(self, slot=slot)

    # names

    def _names(self, text: str, whole: bool, quoted: bool = False) -> bool:
        """Whether a name can stand here, or begin so."""
        word = text.lower()
        match self.slot:
            case "operand" | "case" | "using":
                columns = self._columns()
                return self._among(text, columns, whole, quoted) or self._qualifies(text, whole, quoted)
            case "column":
                return self._among(text, self._columns_of(self.held), whole, quoted)
            case "table":
                return self._among(text, self._next_tables(), whole, quoted)
            case "joining" | "after_table" | "twice" if not quoted:  # an alias without AS
                known = word in words.KEYWORDS or word in self.tables.columns
                return not known and self._abbreviates(text)
            case "type":
                return True
        return self.slot in words.NAMED and (not whole or word not in words.KEYWORDS)

    def _name(self, text: str, quoted: bool = False) -> Select | None:
        if not self._names(text, whole=True, quoted=quoted):
            return None
        name = text.lower()
        match self.slot:
            case "operand" | "case":
                return replace(self, slot="name", held=name)
            case "column":
                return self._column(self.held, name)
            case "table":
                return self._table(name)
            case "alias" | "joining" | "after_table" | "twice":
                return self._alias(name)
            case "output" if self.frames and self.frame.role == "select":
                return self._with(outputs=self.frame.outputs | {name}, slot="operator")
            case "cte":
                return replace(self, slot="as", ctes=self.ctes | {name})
        return replace(self, slot="operator")

    def _quoted(self, text: str) -> Select | None:
        return self._name(_unquoted(text), quoted=True) if text[0] == self.quote else None

    def _begins_quoted(self, text: str) -> bool:
        """Whether a quoted name, that may be at its end or go on with a doubled mark, fits."""
        if text[0] != self.quote:
            return False
        close = "]" if text[0] == "[" else text[0]
        if len(text) > 1 and text[-1] == close and _closed(text, close):
            name = _unquoted(text)
            return bool(name) and (
                self._names(name, whole=True, quoted=True) or self._names(name + close, whole=False, quoted=True)
            )
        return self._names(text[1:].replace(close * 2, close), whole=False, quoted=True)

    def _after_name(self, lexeme: Lexeme) -> Select | None:
        if lexeme.text == "." and self._fits_name("."):
            return replace(self, slot="column")
        if lexeme.text == "(" and self._fits_name("("):
            return replace(self, slot="operand", held="", frames=(*self.frames, Frame(self.held)))
        settled = self._settled()
        return settled.step(lexeme) if settled else None

    def _fits_name(self, symbol: str) -> bool:
        operand = replace(self, slot="operand")
        if symbol == ".":
            return self.held in operand._qualifiers() or operand._stands_for_table(self.held)
        return symbol == "(" and self.held in operand._allowed_functions()

    def _settled(self) -> Select | None:
        """The state where the held word was a column."""
        operand = replace(self, slot="operand", held="")
        columns = operand._columns()
        return operand._column("", self.held) if columns is None or self.held in columns else None

    def _column(self, qualifier: str, name: str) -> Select:
        frame = self.select
        if not frame.sources:
            return self._with(slot="operator", waiting=(*frame.waiting, (qualifier, name)))
        if frame.clause == "on" and self.frame is frame:
            keys = (*frame.keys, (self._table_of(qualifier), name))
            bound = len(keys) == 1 and self._joins_of(frame)
            return self._with(slot="key" if bound else "operator", keys=keys)
        types = self.tables.types(name, self._table_of(qualifier))
        needed = bool(types) and not types & {"boolean", "integer", "other"}
        return replace(self, slot="operator", held="", needed=self.needed or needed)

    def _table(self, name: str) -> Select:
        frame = self.select
        sources = (*frame.sources, Source(name, name if name in self.tables.columns else ""))
        if any(source.name == name for source in frame.sources):
            slot = "twice"
        else:
            slot = "joining" if frame.clause == "join" else "after_table"
        return self._with(sources=sources, slot=slot)

    def _alias(self, name: str) -> Select | None:
        *others, last = self.select.sources
        if name in (source.name for source in others):
            return None
        waiting = self.select.waiting
        if last.table and any(q == name and c not in self.tables.columns[last.table] for q, c in waiting):
            return None
        slot = "joining" if self.select.clause == "join" else "after_table"
        return self._with(sources=(*others, Source(name, last.table)), slot=slot)

    # symbols and literals

    def _symbols(self) -> set[str]:
        found = set(words.SYMBOLS.get(self.slot, "").split())
        frame = self.frames[-1] if self.frames else Frame("")
        listing = frame.clause in ("select", "group", "order", "limit") or frame.role not in (
            "select", "case", "cast", "table", "cte", *words.AGGREGATES - {"group_concat", "string_agg"}
        )  # fmt: skip
        match self.slot:
            case "operand":
                if self.only_names or frame.clause == "limit" or self._bound():
                    return set()
                if frame.role == "count" or frame.clause == "select":
                    found |= {"*"}
                if frame.role in self.functions and frame.role not in words.AGGREGATES:
                    found |= {")"}
            case "operator" | "sorted":
                found |= {","} if listing else set()
                found |= set() if self._lacking() else self._closing(frame)
                found -= words.COMPARISONS if self.compared else set()
            case "after_table":
                found |= {",", *self._closing(frame)}
        return found

    def _closing(self, frame: Frame) -> set[str]:
        if frame.role == "case":
            return set()
        if frame.role != "select":
            return {")"}
        if not self._may_leave(""):
            return set()
        return {")"} if len(self.frames) > 1 else {";"}

    def _symbol(self, text: str) -> Select | None:
        if text in "(),":
            self = replace(self, compared=False, needed=False)
        elif text in words.COMPARISONS:
            self = replace(self, compared=True)
        match text:
            case "(":
                role = {"table": "table", "bracket": "cte", "window": "window"}.get(self.slot, "")
                slot = "subselect" if role in ("table", "cte") else "operand"
                return replace(self, slot=slot, frames=(*self.frames, Frame(role)))
            case ")":
                return self._close()
            case ",":
                slot = {"after_cte": "cte", "after_table": "table"}.get(self.slot, "operand")
                return replace(self, slot=slot)
            case ";":
                return replace(self, slot="ended")
            case "*" if self.slot == "operand":
                return replace(self, slot="operator")
        return replace(self, slot="operand")

    def _close(self) -> Select:
        frames = self.frames[:-1] if self.frame.role == "select" else self.frames
        bracket, frames = frames[-1], frames[:-1]
        closed = replace(self, frames=frames, slot="operator", held="")
        if bracket.role == "table":
            return closed._with(sources=(*closed.select.sources, Source("", "")), slot="after_table")
        return replace(closed, slot="after_cte") if bracket.role == "cte" else closed

    def _literal(self, lexeme: Lexeme) -> bool:
        if self.slot not in ("operand", "case") or "\\'" in lexeme.text:  # which only some databases read as a quote
            return False
        if self.only_names or self._bound():
            return False
        return self.frame.clause != "limit" or lexeme.text.isdigit()

    def _after_literal(self) -> Select:
        return replace(self, slot="operator")

    def _with(self, slot: str, **changes: object) -> Select:
        """The innermost SELECT changed."""
        at = max(i for i, frame in enumerate(self.frames) if frame.role == "select")
        changed = replace(self.frames[at], **changes)  # type: ignore[arg-type]
        return replace(self, slot=slot, held="", frames=(*self.frames[:at], changed, *self.frames[at + 1 :]))


def _closed(text: str, close: str) -> bool:
    """Whether a quoted name is at its end, unless it goes on with a doubled mark."""
    return (len(text) - 1 - len(text[1:].rstrip(close))) % 2 == 1


def _unquoted(text: str) -> str:
    mark = text[0]
    return text[1:-1] if mark == "[" else text[1:-1].replace(mark * 2, mark)
