"""English words by kind: what made-up schemas are named with, and what real ones are asked for in vain."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from t2q.data.words import load_words


@cache
def lexicon() -> dict[str, list[str]]:
    """Word lists by kind, underscores as written in the file."""
    return as_lists(load_words("lexicon.yaml"))


def as_lists(lines: Mapping[str, str]) -> dict[str, list[str]]:
    """Each kind's one string of words as a list."""
    return {kind: line.split() for kind, line in lines.items()}
