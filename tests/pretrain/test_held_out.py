"""The benchmark's words are new to whoever learnt from ours, and its databases stay as they are."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from t2q.data.lexicon import as_lists, lexicon
from t2q.pretrain.worlds.words import wordnet

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_no_word_is_held_out_and_taught(checker: ModuleType) -> None:
    """Of the word lists; the names in written questions are held against them by their checker."""
    held_out, parts = as_lists(yaml.safe_load(checker.HELD_OUT.read_text(encoding="utf-8"))), checker.word_parts
    assert list(held_out) == list(lexicon())
    lists = [*lexicon().values(), *wordnet().values()]
    taught = {part for entries in lists for entry in entries for part in parts(entry)}
    for kind, entries in held_out.items():
        if kind not in checker.TECHNICAL:
            assert len(entries) >= 18, kind
            assert not {part for entry in entries for part in parts(entry)} & taught, kind


def content(url: str) -> str:
    """Of a database's file, as text."""
    if url.startswith("graph:"):
        return Path(url.removeprefix("graph:")).read_text(encoding="utf-8")
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        tables = list(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"))
        rows = (list(database.execute(f'SELECT * FROM "{name}"')) for name, _ in tables)
        return repr(list(zip(tables, rows, strict=True)))


@pytest.mark.parametrize(("language", "digest"), [("SQL", "8b1c82834aebff5c"), ("Cypher", "c010eb21e42f91a7")])
def test_the_benchmarks_databases_are_those_that_bases_were_measured_on(
    language: str, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes how databases are made up changes them too, and must measure every figure of the cards anew."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    contents = [content(url) for url in itertools.islice(importlib.import_module("pico").made_databases(language), 3)]
    assert hashlib.sha256("\n".join(contents).encode()).hexdigest().startswith(digest)
