"""The benchmark's words are new to whoever learnt from ours."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from t2q.data.lexicon import as_lists, lexicon
from t2q.data.names import singular, words
from t2q.pretrain.worlds.words import wordnet
from t2q.pretrain.worlds.written import written_domain, written_names

FILE = Path(__file__).parents[2] / "benchmarks" / "words_held_out.yaml"
TECHNICAL = {"reserved", "alike"}  # what SQL reserves, and what means the same, is the same everywhere


def parts(entry: str) -> set[str]:
    return {singular(part.lower()) for part in re.split(r"[_,\-]", entry) if part}


def test_no_word_is_held_out_and_taught() -> None:
    held_out = as_lists(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    assert list(held_out) == list(lexicon())
    lists = [*lexicon().values(), *wordnet().values()]
    taught = {part for entries in lists for entry in entries for part in parts(entry)}
    for domain in map(written_domain, written_names()):
        names = [*domain.labels.values(), *(name for table in domain.tables.items() for name in (table[0], *table[1]))]
        taught |= {singular(word) for name in names for word in words(name).split()}
    for kind, entries in held_out.items():
        if kind not in TECHNICAL:
            assert len(entries) >= 18, kind
            assert not {part for entry in entries for part in parts(entry)} & taught, kind
