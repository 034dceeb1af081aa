"""What a question says and its query does not: a value, a column, a condition that a model passed over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from t2q.data.names import singular
from t2q.data.pairs import Pair

SEEN = 5  # questions that a word must stand in before anything is said of it
SHARE = 0.9  # of them that have it in their query as well
_WORD = re.compile(r"\d+(?:[.,:-]\d+)*|[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NUMBER = "0"  # stands for all numbers and dates: what is true of one is true of any


@dataclass(frozen=True)
class Carried:
    """Words that a query has whenever its question has them, as learnt from pairs: names and values of one database."""

    words: frozenset[str]

    @classmethod
    def learn(cls, pairs: Iterable[Pair]) -> Carried:
        said: Counter[str] = Counter()
        kept: Counter[str] = Counter()
        for pair in pairs:
            if pair.answerable:
                there = _words(pair.query)
                question = _words(pair.question)
                said.update({_kind(word) for word in question})
                kept.update({_kind(word) for word in question} - {_kind(word) for word in question - there})
        return cls(frozenset(word for word, times in said.items() if times >= SEEN and kept[word] >= SHARE * times))

    def unsaid(self, question: str, query: str) -> int:
        """How many of a question's words the query lacks that one should expect there."""
        return sum(_kind(word) in self.words for word in _words(question) - _words(query))


def _words(text: str) -> set[str]:
    """In lower case and in the singular; names are cut into their words, numbers and dates stay whole."""
    return {singular(word.lower()) or word.lower() for word in _WORD.findall(_HUMP.sub(" ", text))}


def _kind(word: str) -> str:
    return _NUMBER if word[0].isdigit() else word
