"""Names are changed in schema, query and question alike, and values stay what they were."""

from __future__ import annotations

import random

from t2q.pretrain.worlds.graph_spelling import Spelling
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.renaming import Renaming, renaming
from t2q.pretrain.worlds.written import Domain, Draw, Style, written_domain, written_world
from tests.pretrain.test_written import TEXT

ASKED = [
    ("Which movies did Ann direct?", "MATCH (p:Person {name: 'Ann'})-[:DIRECTED]->(m:Movie) RETURN m.title"),
    ("How many movies have a budget over 30?", "MATCH (m:Movie) WHERE m.budget > 30 RETURN count(m)"),
    ("The longest movie", "MATCH (m:Movie) RETURN m.title ORDER BY m.minutes DESC LIMIT 1"),
    ("The dearest films", "MATCH (m:Movie) RETURN m.title ORDER BY m.budget DESC"),
    ("Movies about a 'movie'", "MATCH (m:Movie) WHERE m.title CONTAINS 'movie' RETURN m"),
]
NAMES = {"Movie": None, "Person": None, "title": "text", "budget": "integer", "name": "text"}


def test_what_most_of_the_questions_say_is_renamed_and_the_others_are_not_asked() -> None:
    seen = set()
    for seed in range(40):
        rng = random.Random(seed)
        anew, sound = renaming(NAMES, ASKED[:4], rng, Inventor(rng))  # type: ignore[arg-type]
        assert "person" not in anew.said and "name" not in anew.said  # nobody says them
        if "movie" in anew.said:
            assert sound == [True, True, True, False]
            assert "movie" not in anew.words(ASKED[0][0])
        seen |= anew.said.keys()
    assert seen == {"movie", "movies"}  # "budget" is said by half of those about it
    rng = random.Random(1)
    assert not any("movie" in renaming(NAMES, ASKED[4:], rng, Inventor(rng))[0].said for _ in range(20))  # type: ignore[arg-type]


def test_words_are_changed_but_not_in_values_and_slots() -> None:
    anew = Renaming({"book": "crate", "books": "crates", "book club": "hat"})
    assert (
        anew.words("Books of the book club 'book' with {books.title}") == "Crates of the hat 'book' with {books.title}"
    )
    assert anew.words("book id") == "crate id"


def test_a_graph_is_spelt_anew_in_cypher() -> None:
    labels, types = {"Movie": "Big Crate", "Person": "Owl"}, {"ACTED_IN": "SAT_IN", "KNOWS": "KNOWS"}
    spelling = Spelling(labels, types, {"title": "hatSize", "name": "name"})
    query = (
        "MATCH (a:Person {name: ':Movie.title'})-[r:ACTED_IN|KNOWS]->(m:Movie) WHERE m.title = \"a.title\" "
        "RETURN m {.title}, m:Person"
    )
    assert spelling.query(query) == (
        "MATCH (a:Owl {name: ':Movie.title'})-[r:SAT_IN|KNOWS]->(m:`Big Crate`) WHERE m.hatSize = \"a.title\" "
        "RETURN m {.hatSize}, m:Owl"
    )
    assert not Spelling({"A": "X", "B": "X"}, {}, {}).distinct


def test_a_written_domain_is_called_by_other_words_throughout() -> None:
    domain = Domain.read("library", TEXT)
    anew = Renaming({"book": "crate", "books": "crates"})
    for graph in (False, True):
        rng = random.Random(3)
        draw = Draw(domain, domain.questions, Style(rng), rng, Inventor(rng), graph, anew)
        said = " ".join(pair.question + pair.query for pair in map(draw.pair, domain.questions)) + repr(draw.schema)
        assert "crate" in said.lower() and "book" not in said.lower()
    tables = set()
    for seed in range(30):
        rng = random.Random(seed)
        world = written_world(written_domain("sailing_regattas"), 6, rng, Inventor(rng))
        tables |= {entity.name.lower() for entity in world.schema.entities}
    assert {"boat", "sailors"} <= tables and len(tables) > 25
