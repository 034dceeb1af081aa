"""How names and words may be spelled while they are written."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable
from itertools import takewhile

PLAIN = re.compile(r"[A-Za-z_\x80-\xff][\w$\x80-\xff]*")


def seen(text: str) -> str:
    """UTF-8 seen as Latin-1, one character a byte: a token may end within a letter, and so may what is written."""
    return text.encode().decode("latin-1")


def folded(name: str) -> str:
    return seen(name).lower()


def spelled(text: str, word: str) -> bool:
    """Whether the text is the beginning of a word that is written wholly in one case."""
    return text in (word[: len(text)].lower(), word[: len(text)].upper())


class Functions:
    """Names of functions, by their folded form as people spell them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._spelt = {name.lower(): name for name in names}
        self._sorted = sorted(self._spelt)

    def __contains__(self, folded_name: str) -> bool:
        return folded_name in self._spelt

    def without(self, names: Collection[str]) -> Functions:
        return Functions(name for folded_name, name in self._spelt.items() if folded_name not in names)

    def begins(self, text: str) -> bool:
        """Whether one of them begins so: as it is spelt, or wholly in one case."""
        part = text.lower()
        at = bisect_left(self._sorted, part)
        if at == len(self._sorted) or not self._sorted[at].startswith(part):
            return False
        if text in (part, text.upper()):
            return True
        found = takewhile(lambda name: name.startswith(part), self._sorted[at:])
        return any(self._spelt[name].startswith(text) for name in found)


class Spellings:
    """Names as they are stored, by their folded form; `reserved` ones need quotes."""

    def __init__(self, names: Iterable[str], reserved: Collection[str]) -> None:
        self._stored: dict[str, set[str]] = {}
        for name in names:
            self._stored.setdefault(folded(name), set()).add(seen(name))
        self._plain = {name for name in self._stored if PLAIN.fullmatch(name) and name not in reserved}

    def fits(self, text: str, name: str, whole: bool, quoted: bool) -> bool:
        """Whether the text is a name as people spell it, or begins so: as stored, or wholly in one case."""
        if whole and len(text) != len(name):
            return False
        if not name.startswith(text.lower()):
            return False
        stored = self._stored.get(name)
        if stored is None:
            return not quoted  # an alias
        if not quoted and name not in self._plain:
            return False
        return spelled(text, name) or any(spelling.startswith(text) for spelling in stored)
