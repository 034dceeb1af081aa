"""Words, names and sentences for made-up schemas: from the lexicon, and such as no list has."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache

from t2q.data.lexicon import as_lists, lexicon
from t2q.package_data import read_yaml

_ONSETS = (
    *"bcdfghjklmnprstvwz",
    *("br", "ch", "cl", "dr", "fl", "gr", "kr", "pl", "qu", "sh", "sk", "st", "th", "tr"),
    "",
)
_VOWELS = (*"aeiou", *"aeiou", "ai", "ea", "ee", "ie", "io", "oa", "oo", "ou", "y", "é", "ü", "ø")
_CODAS = ("", "", "n", "r", "s", "x", "l", "ck", "ld", "lt", "m", "mp", "nd", "ng", "nt", "rd", "rk", "rt", "sh", "t")
_SMALL_WORDS = ("of", "and", "in", "from", "to", "for", "with", "without", "on", "at", "under", "by", "or", "the")

WORDNET_SHARE = 0.55  # of words, where WordNet has any of the kind
REAL_NAMES = 0.4  # of names, where those of real things are at hand
_MARKS = ("2", "7", "X", "Pro", "II", "& Sons", "& Co")
_TITLES = {  # how things are called, and how often; {kind}: see Words.part
    "{adjectives} {nouns}": 27,
    "{invented}": 6,
    "{invented} {mark}": 4,
    "{invented} {nouns}": 4,
    "{nouns} {organisations}": 10,
    "{nouns} {small} {nouns}": 9,
    "{last_names} {organisations}": 8,
    "{last_names} {mark}": 3,
    "{last_names} & {last_names}": 2,
    "{last_names} & {invented}": 1,
    "{nouns}": 6,
    "The {nouns} of {cities}": 5,
    "{adjectives} {invented} {nouns}": 5,
    "{adjectives}-{nouns} {invented}": 5,
    "{invented}'s {nouns}": 4,
    "O'{invented} {organisations}": 2,
    "D'{invented} {organisations}": 1,
}


@cache
def wordnet() -> dict[str, list[str]]:
    """Thousands of words of the lexicon's kinds: who has read few of them learns them by heart, and not to copy."""
    return as_lists(read_yaml("t2q.pretrain.worlds", "wordnet.yaml"))


class Words:
    """Draws from a seeded generator.

    `names` and `columns`: what real things, and columns of real tables, are called, where such names are at hand.
    `words`: other word lists than the lexicon's and WordNet's.
    """

    def __init__(
        self,
        rng: random.Random,
        names: Sequence[str] = (),
        columns: Sequence[str] = (),
        words: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.rng, self.lexicon, self.names, self.columns = rng, words or lexicon(), names, columns
        self.wordnet: Mapping[str, Sequence[str]] = {} if words else wordnet()

    def word(self, kind: str) -> str:
        wide = kind in self.wordnet and self.rng.random() < WORDNET_SHARE
        return self.rng.choice((self.wordnet if wide else self.lexicon)[kind]).replace("_", " ")

    def pseudo_word(self) -> str:
        """A word that no list has, so that names and values must be copied, not recalled."""
        rng = self.rng
        if rng.random() < 0.5:
            return self.blend()
        syllables = (rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.choice((1, 2, 2, 3))))
        return "".join(syllables) + rng.choice(_CODAS)

    def blend(self) -> str:
        """The head of one word with the tail of another: pieces of words that no syllables make, in new company."""
        rng = self.rng
        head, tail = (self.word(rng.choice(("nouns", "last_names", "adjectives", "things", "cities"))) for _ in "ht")
        word = head[: rng.randint(2, 5)] + tail[-rng.randint(2, 5) :]
        return "".join(filter(str.isalpha, word)).lower()

    def letters(self, number: int) -> str:
        return "".join(self.rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(number))

    def real_name(self) -> str:
        """As it stands, with capitals as names have them, or in pieces with another's."""
        name = self.rng.choice(self.names)
        if self.rng.random() < 0.3:
            other = self.rng.choice(self.names)
            name = f"{name.split()[0]} {other.split()[-1]}"
        return name.title() if self.rng.random() < 0.7 and "'" not in name else name

    def person(self) -> str:
        first = self.word("first_names") if self.rng.random() < 0.9 else self.pseudo_word().capitalize()
        last = self.word("last_names") if self.rng.random() < 0.85 else self.pseudo_word().capitalize()
        return f"{first} {last}"

    def title(self) -> str:
        if self.names and self.rng.random() < REAL_NAMES:
            return self.real_name()
        form = self.rng.choices(tuple(_TITLES), tuple(_TITLES.values()))[0]
        return re.sub(r"\{(\w+)\}", lambda part: self.part(part[1]), form)

    def part(self, kind: str) -> str:
        """A word for a title: of one of the lexicon's kinds, or invented, or small, or a mark such as "II"."""
        if kind == "small":
            return self.rng.choice(_SMALL_WORDS)
        if kind == "mark":
            return self.rng.choice(_MARKS)
        word = self.pseudo_word() if kind == "invented" else self.word(kind)
        return word[:1].upper() + word[1:]

    def sentence(self) -> str:
        """Three to seven words, not all of them rare: a longer text must be copied to its end, and no further."""
        rng = self.rng
        kinds = ("nouns", "nouns", "adjectives", "things", "people")
        words = [
            rng.choice(_SMALL_WORDS) if rng.random() < 0.35 else self.word(rng.choice(kinds))
            for _ in range(rng.randint(3, 7))
        ]
        return " ".join(words).capitalize() + rng.choice(("", ".", ".", "!"))
