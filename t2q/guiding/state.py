"""What both languages share: how a lexeme, whole or growing, is put to the state in which the writing stands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING

from t2q.guiding.lexemes import Lexeme

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on


class State(ABC):
    """`slot` says what comes next; in "name" a word is held whose meaning the next lexeme tells. Immutable."""

    slot: str

    def step(self, lexeme: Lexeme) -> Self | None:
        """The state after a whole lexeme; None where it cannot stand here."""
        if self.slot == "name":
            return self._after_name(lexeme)
        text = lexeme.text
        match lexeme.kind:
            case "blank":
                return self if self._blank(text) else None
            case "word":
                return self._word(text)
            case "quoted":
                return self._quoted(text)
            case "symbol":
                return self._symbol(text) if text in self._symbols() else None
        return self._after_literal() if self._literal(lexeme) else None

    def begins(self, lexeme: Lexeme) -> bool:
        """Whether a lexeme that may yet grow can become one that stands here."""
        text = lexeme.text
        if self.slot == "name":
            if lexeme.kind == "symbol" and self._fits_name(text):
                return True
            settled = self._settled()
            return settled is not None and settled.begins(lexeme)
        match lexeme.kind:
            case "blank":
                return self._blank(text)
            case "word":
                return self._begins_word(text)
            case "quoted":
                return self._begins_quoted(text)
            case "symbol":
                number = text == "." and self._literal(Lexeme("number", ".5"))
                return number or any(symbol.startswith(text) for symbol in self._symbols())
            case "string" | "number":
                return self._literal(lexeme)
        return False

    @abstractmethod
    def may_end(self) -> bool:
        """Whether a whole query stands there."""

    @abstractmethod
    def _blank(self, text: str) -> bool: ...

    @abstractmethod
    def _word(self, text: str) -> Self | None: ...

    @abstractmethod
    def _begins_word(self, text: str) -> bool: ...

    @abstractmethod
    def _quoted(self, text: str) -> Self | None: ...

    @abstractmethod
    def _begins_quoted(self, text: str) -> bool: ...

    @abstractmethod
    def _symbols(self) -> Collection[str]: ...

    @abstractmethod
    def _symbol(self, text: str) -> Self | None: ...

    @abstractmethod
    def _literal(self, lexeme: Lexeme) -> bool: ...

    @abstractmethod
    def _after_literal(self) -> Self: ...

    @abstractmethod
    def _after_name(self, lexeme: Lexeme) -> Self | None: ...

    @abstractmethod
    def _fits_name(self, symbol: str) -> bool: ...

    @abstractmethod
    def _settled(self) -> Self | None: ...


def one_blank(text: str) -> bool:
    """One space; or a new line, indented."""
    return text == " " or (text[0] == "\n" and "\n" not in text[1:] and len(text) < 16)
