"""Keeps what a model writes within its database: no table, column, label, type or property that is not there, no arrow
in a direction that it does not have.

A guide follows an answer token by token and says of each next one whether the answer may go on so. It reads only as
much of SQL or Cypher as that needs, looks at no database, and leaves free what it cannot know. A refusal may always be
written, and says what it likes.
"""

from __future__ import annotations

import re
from dataclasses import replace

from t2q.guiding import cypher, sql
from t2q.guiding.cypher_names import Graph
from t2q.guiding.lexemes import cut
from t2q.guiding.names import Functions, seen
from t2q.guiding.sql_names import Tables
from t2q.guiding.sql_words import AGGREGATES
from t2q.languages import language_for
from t2q.languages.sql_safety import known_functions
from t2q.prompt import REFUSAL
from t2q.schema import Schema

State = sql.Select | cypher.Match
Reached = tuple[State, str]  # what stands there, and what of it may still grow
REMEMBERED = 4096  # texts
_WORD = re.compile("[A-Za-z_]+")


class Guide:
    """What may be written about one database."""

    def __init__(self, schema: Schema) -> None:
        self._first: State
        self._language = schema.language
        self._reached: dict[str, Reached] = {}
        if schema.language == "sql":
            quote = language_for(schema.dialect).quote("a b")[0]
            functions = Functions(known_functions(schema.dialect))
            self._first = sql.Select(
                tables=Tables(schema), functions=functions, plain=functions.without(AGGREGATES), quote=quote
            )
        else:
            self._first = cypher.Match(graph=Graph(schema))

    def begin(self, opening: str = "") -> Guided:
        """For one answer, of which the beginning may be given."""
        guided = Guided(self._first, self._language, self._reached)
        if opening:
            guided.add(seen(opening))
        return guided


class Place:
    """Where an answer stands: what is there so far, of which `rest` may still grow, and what may follow.

    The first piece that is asked for is mostly right. Where it is not, all of a vocabulary may be: they share few
    beginnings, so that most are refused by one of these.
    """

    def __init__(self, state: State | None, rest: str, language: str) -> None:
        self.state, self.rest = state, rest
        self._language = language
        self._found: dict[str, Reached | None] = {}

    def after(self, piece: str) -> Reached | None:
        """Where a piece leads; None where it cannot stand here."""
        if piece not in self._found:
            parts = (piece[:1], piece[:2], piece) if self._found else (piece,)
            if any(self._walked(part) is None for part in parts):
                self._found[piece] = None
        return self._found[piece]

    def _walked(self, piece: str) -> Reached | None:
        if piece not in self._found:
            self._found[piece] = self._walk(piece)
        return self._found[piece]

    def _walk(self, piece: str) -> Reached | None:
        state = self.state
        for lexeme in cut(self.rest + piece, self._language):
            if state is None:
                return None
            if lexeme.open:
                return (state, lexeme.text) if state.begins(lexeme) else None
            state = state.step(lexeme)
        return None if state is None else (state, "")


class Guided:
    """One answer on its way, a query or a refusal. Text is UTF-8 seen as Latin-1: a token may end within a letter.

    `reached` remembers where the beginnings of answers led, for others that begin alike.
    """

    def __init__(self, first: State, language: str, reached: dict[str, Reached]) -> None:
        self._language = language
        self._first = first
        self._reached = reached
        self._text = ""
        self._refusal: str | None = ""  # None: it is no refusal any more
        self._names: Place | None = None  # where it stands, if only a name may come
        self._stand(first, "")

    def allows(self, piece: str) -> bool:
        """Whether the answer may go on so."""
        return bool(piece) and (self._refuses(piece) or self.goes_on(piece))

    def goes_on(self, piece: str) -> bool:
        """Whether a query, and no refusal, may go on so."""
        return bool(piece) and self._after(piece) is not None

    def _after(self, piece: str) -> Reached | None:
        known = self._here.state and self._reached.get(self._text + piece)
        return known or self._here.after(piece)

    def allows_name(self, piece: str) -> bool:
        """Whether it may, with a name where one could stand: no keyword, no literal."""
        if not piece or self._here.state is None:
            return False
        if self._names is None:
            self._names = Place(replace(self._here.state, only_names=True), self._here.rest, self._language)
        return self._names.after(piece) is not None

    def at_name(self, piece: str) -> bool:
        """Whether a name is being written, or was to begin with a piece that is refused."""
        word = piece.lstrip()
        blank = piece[: len(piece) - len(word)]
        after = self._here.after(blank) if blank else (self._here.state, self._here.rest)
        if after is None or after[0] is None or after[1][:1] == "'":
            return False
        state, rest = after[0], after[1].strip()
        if state.slot in state.NAMES or rest in (".", ":"):
            return True
        return state.slot in ("operand", "projection") and (bool(rest) or word[:1].isalpha() or word[:1] in ('"', "`"))

    def knows(self, piece: str) -> bool:
        """Whether a piece is refused for where it stands; else a guide knows nothing of such a word or symbol."""
        rest = self._here.rest
        if rest[:1] == "'":
            return True
        begun = rest if rest[-1:].isalpha() and piece[:1].isalpha() else ""
        word = _WORD.match(begun + piece.lstrip())
        if word is None:
            return piece.lstrip()[:1] not in self._first.UNKNOWN
        said = word[0].lower()
        return self.at_name(piece) or any(w.startswith(said) or said.startswith(w) for w in self._first.KEYWORDS)

    def add(self, piece: str) -> None:
        """Takes a piece that is allowed."""
        self._refusal = self._refusal + piece if self._refusal is not None and self._refuses(piece) else None
        found = self._after(piece)
        self._text += piece
        if found:
            if len(self._reached) >= REMEMBERED:
                self._reached.clear()
            self._reached[self._text] = found
        self._stand(*(found or (None, "")))

    def may_end(self) -> bool:
        """Whether the answer is whole."""
        if self._refusal is not None and self._refusal.lstrip().startswith(REFUSAL):
            return True
        state = self._here.state
        for lexeme in cut(self._here.rest, self._language):
            state = state and state.step(lexeme)
        return state is not None and state.may_end()

    def _refuses(self, piece: str) -> bool:
        if self._refusal is None:
            return False
        text = (self._refusal + piece).lstrip()
        return REFUSAL.startswith(text) or text.startswith(REFUSAL)

    def _stand(self, state: State | None, rest: str) -> None:
        """`state` None: it is no query any more."""
        self._here = Place(state, rest, self._language)
        self._names = None
