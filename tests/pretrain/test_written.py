"""Questions written by hand: every file is sound, and a draw says the same thing in other names and values."""

from __future__ import annotations

import random
import re
from pathlib import Path
from types import ModuleType

import pytest

import t2q.pretrain.worlds.written as written
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.written import Domain, written_names, written_world

FILES = sorted((Path(written.__file__).parent / "written_files").glob("*.yaml"))
TEXT = """
tables:
  authors: {id: key, name: [Ines Duarte, Tom O'Hara, Lena Vogt], born: 1900..1990}
  books:
    {id: key, title: [The Glass Orchard, Nine Rivers], author_id: authors, price: 4.50..9.00,
     published_on: 1950-01-01..2023-12-31, rare: boolean}
graph:
  labels: {authors: Author, books: Book}
  types: {WROTE: Author books.author_id Book}
questions:
  - q: Who wrote {books.title}?
    sql: SELECT authors.name FROM books JOIN authors ON books.author_id = authors.id WHERE books.title = {books.title}
    cypher: MATCH (n:Author)-[:WROTE]->(m:Book) WHERE m.title = {books.title} RETURN n.name
  - q: How many books came out in {books.published_on%year}, or cost {books.price}?
    sql: >
      SELECT COUNT(*) FROM books
      WHERE CAST(strftime('%Y', published_on) AS INTEGER) = {books.published_on%year} OR price = {books.price}
    cypher: >
      MATCH (n:Book) WHERE n.published_on.year = {books.published_on%year} OR n.price = {books.price} RETURN count(n)
  - q: "{n} books since {books.published_on} with {books.title%word} in the title"
    sql: >
      SELECT title FROM books WHERE title LIKE '%{books.title%word}%' AND published_on >= {books.published_on} LIMIT {n}
    cypher: >
      MATCH (n:Book) WHERE n.title CONTAINS '{books.title%word}' AND n.published_on >= {books.published_on}
      RETURN n.title LIMIT {n}
  - q: the day that most books were published on
    sql: SELECT published_on FROM books GROUP BY published_on ORDER BY COUNT(*) DESC LIMIT 1
    cypher: >
      MATCH (n:Book) WITH n.published_on AS published_on, count(n) AS total ORDER BY total DESC LIMIT 1
      RETURN published_on
  - q: Which readers have a licence?
    reason: there is no licence
"""


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_file_is_sound(checker: ModuleType, file: Path) -> None:
    assert checker.problems(file, draws=1) == []


def test_the_files_are_read() -> None:
    assert list(written_names()) == [file.stem for file in FILES] and len(FILES) > 100


def test_the_checker_finds_what_is_wrong(checker: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "library.yaml"
    file.write_text(TEXT)
    assert checker.problems(file) == []
    for there, instead, said in (
        ("FROM books JOIN", "FROM bookz JOIN", "has no table bookz"),
        ("-[:WROTE]->(m:Book)", "<-[:WROTE]-(m:Book)", "the graph has no"),
        ("RETURN n.name", "RETURN n.nom", "the graph has no"),
        ("reason: there is no licence", "sql: SELECT 1", "give sql and cypher, or reason"),
        ("m.title = {books.title}", "m.title = {authors.name}", "are not those of"),
        ("labels: {authors: Author, books: Book}", "labels: {authors: Author}", "not of the form"),
        ("rare: boolean", "authors: boolean", "authors is a table and a column"),
        ("rare: boolean", "lent_to_diplomats: boolean", "diplomat is held out"),
    ):
        file.write_text(TEXT.replace(there, instead))
        assert any(said in line for line in checker.problems(file)), (said, checker.problems(file))


def test_a_draw_spells_names_and_fills_in_values() -> None:
    domain = Domain.read("library", TEXT)
    queries, questions, refused = set(), set(), set()
    for seed in range(40):
        rng = random.Random(seed)
        world = written_world(domain, 5, rng, Inventor(rng))
        for pair in world.pairs:
            assert "{" not in pair.question + pair.query
            queries.add(pair.query)
            questions.add(pair.question)
            if not pair.answerable:
                refused.add(pair.reason)
    assert refused == {"there is no licence"}
    aliases = {found for query in queries for found in re.findall(r"WITH n\.(\S+) AS (\S+), .* RETURN (\S+)", query)}
    assert len(aliases) > 1 and all(len(set(names)) == 1 for names in aliases), aliases
    assert any("date('" in query for query in queries if query.startswith("MATCH"))
    assert len(queries) > 60 and len(questions) > 40
