"""A guide lets every good query be written, and stops where the schema ends."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest
import yaml

from t2q.errors import SyntaxRefused
from t2q.guiding import Guide, cypher_words, sql_words
from t2q.guiding.names import seen
from t2q.languages import language_for
from t2q.pretrain.corpus import make_document
from t2q.prompt import refusal_reason
from t2q.schema import Entity, Field, Link, Schema

CASES = {
    dialect: {kind: [q.replace("⏎", "\n") for q in lines.splitlines()] for kind, lines in found.items()}
    for dialect, found in yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text(encoding="utf-8")).items()
}
ID = Field("id", "integer", key=True)
NAME = Field("name", "text", ("Ada",))
TABLES = (
    Entity("customers", (ID, NAME, Field("joined on", "date"), Field("city_id", "integer"))),
    Entity("cities", (ID, NAME, Field("population", "integer"))),
    Entity("orders", (ID, Field("customer_id", "integer"), Field("amount", "float"), Field("placed", "date"),
                      Field("note", "text"))),
    Entity("employees", (ID, NAME, Field("boss_id", "integer"))),
    Entity("tags", (Field("tag", "text"), Field("order_number", "integer"))),
)  # fmt: skip
KEYS = (
    Link("customers", "cities", source_fields=("city_id",), target_fields=("id",)),
    Link("orders", "customers", source_fields=("customer_id",), target_fields=("id",)),
    Link("employees", "employees", source_fields=("boss_id",), target_fields=("id",)),
)
LABELS = (
    Entity("Person", (NAME, Field("born", "integer"))),
    Entity("Movie", (Field("title", "text"), Field("released", "integer"), Field("premiere", "date"),
                     Field("box office", "float"))),
)  # fmt: skip
ARROWS = (
    Link("Person", "Movie", "ACTED_IN", fields=(Field("roles", "list"),)),
    Link("Person", "Movie", "DIRECTED"),
    Link("Person", "Person", "FOLLOWS"),
)


def schema(dialect: str) -> Schema:
    if dialect == "cypher":
        return Schema("cypher", "cypher", LABELS, ARROWS)
    return Schema("sql", dialect, TABLES, KEYS)


def stops(guide: Guide, query: str) -> int | None:
    """Where the guide stops a query that is written byte by byte, its length where it may not end; None: nowhere."""
    guided = guide.begin()
    for place, letter in enumerate(seen(query)):
        if not guided.allows(letter):
            return place
        guided.add(letter)
    return None if guided.may_end() else len(seen(query))


def cases(kind: str) -> list[tuple[str, str]]:
    return [(dialect, query) for dialect, found in CASES.items() for query in found[kind]]


@pytest.mark.parametrize(("dialect", "query"), cases("allowed"))
def test_a_good_query_may_be_written(dialect: str, query: str) -> None:
    assert stops(Guide(schema(dialect)), query) is None


@pytest.mark.parametrize(("dialect", "query"), cases("refused"))
def test_what_is_not_there_may_not(dialect: str, query: str) -> None:
    before, _, after = query.partition("¦")
    assert stops(Guide(schema(dialect)), before + after) == len(seen(before))


def test_every_query_of_the_training_may_be_written() -> None:
    rng, asked = random.Random(11), 0
    for _ in range(150):
        document = make_document(rng, 6)
        guide = Guide(document.schema)
        for pair in document.pairs:
            if pair.answerable:
                asked += 1
                assert stops(guide, pair.query) is None, pair.query
    assert asked > 600


@pytest.mark.parametrize("dialect", CASES)
def test_pieces_of_any_length_are_as_good_as_letters(dialect: str) -> None:
    guide, rng = Guide(schema(dialect)), random.Random(3)
    for query in CASES[dialect]["allowed"]:
        guided, rest = guide.begin(), seen(query)
        while rest:
            size = rng.randint(1, 9)
            assert guided.allows(rest[:size]), (query, rest)
            guided.add(rest[:size])
            rest = rest[size:]
        assert guided.may_end()


@pytest.mark.parametrize("dialect", CASES)
@pytest.mark.parametrize("remembered", [7, 100_000])
def test_what_other_answers_reached_changes_nothing(
    dialect: str, remembered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("t2q.guiding.guide.REMEMBERED", remembered)
    guide, queries = Guide(schema(dialect)), [q.replace("¦", "") for found in CASES[dialect].values() for q in found]
    alone = [stops(Guide(schema(dialect)), query) for query in queries]
    for _ in range(2):
        assert [stops(guide, query) for query in queries] == alone
    assert len(guide._reached) <= remembered


@pytest.mark.parametrize("dialect", CASES)
def test_a_verdict_does_not_depend_on_what_was_asked_before(dialect: str) -> None:
    guide, rng = Guide(schema(dialect)), random.Random(4)
    odd = [".5", "1e5", "e5", "''", "\\''", "\\'", " = 'a\\''", "<=", "..", "--", ' "', "]", "*1..2", seen("é")]
    for query in CASES[dialect]["allowed"]:
        text = seen(query)[: rng.randrange(len(seen(query)))]
        for piece in odd:
            first, later = guide.begin(text), guide.begin(text)
            later.goes_on("\0")
            assert first.goes_on(piece) == later.goes_on(piece), (text, piece)


@pytest.mark.parametrize("dialect", ["sqlite", "mysql"])
@pytest.mark.parametrize(("written", "piece"), [("'a\\", "''"), ("'a", "\\''"), ("'a", "\\'")])
def test_a_quote_behind_a_backslash_is_refused_however_it_is_cut(dialect: str, written: str, piece: str) -> None:
    guided = Guide(schema(dialect)).begin(f"SELECT name FROM customers WHERE name = {written}")
    assert not guided.goes_on(piece)


@pytest.mark.parametrize("name", ["references", "Order", "commit"])
def test_a_reserved_word_that_names_a_column_is_quoted(name: str) -> None:
    guide = Guide(Schema("sql", "sqlite", (Entity("cases", (Field(name, "text"),)),)))
    assert stops(guide, f'SELECT "{name}" FROM cases') is None
    assert stops(guide, f"SELECT {name} FROM cases") is not None


def test_an_answer_that_was_begun_goes_on() -> None:
    guided = Guide(schema("sqlite")).begin("SELECT")
    assert guided.allows(" name FROM c") and not guided.allows(" I don't know") and not guided.may_end()
    assert not guided.allows("")


@pytest.mark.parametrize(
    ("written", "piece", "name", "known"),
    [
        ("SELECT ", "nothing", True, True),  # a column that is not there
        ("SELECT customers", ".x", True, True),
        ("SELECT customers.", "x", True, True),
        ("SELECT name FROM ", "boats", True, True),
        ("SELECT name FROM customers WHERE name = 'x", "\\'", False, True),  # what a string holds
        ("SELECT name FROM customers", " PIVOT", False, False),  # more SQL than the guide knows
        ("SELECT name FROM customers", " #", False, False),
        ("SELECT name FROM customers WHERE id = 1", " HAVING", False, True),
        ("SELECT name FROM customers WHERE id = 1", " =", False, True),
    ],
)
def test_what_a_refusal_is_about(written: str, piece: str, name: bool, known: bool) -> None:
    guided = Guide(schema("sqlite")).begin(written)
    assert (guided.at_name(piece), guided.knows(piece)) == (name, known)


def test_a_name_comes_before_any_keyword() -> None:
    guided = Guide(schema("sqlite")).begin("SELECT ")
    assert guided.allows("CASE") and not guided.allows_name("CASE")
    assert guided.allows("1") and not guided.allows_name("1")
    assert guided.allows_name("amo") and guided.allows_name('"joi')


OTHERS = [
    "count(",
    "sum(",
    "(",
    ")",
    ",",
    ".",
    "=",
    "<",
    ">=",
    "*",
    "-",
    "[",
    "]",
    "{",
    "}",
    ":",
    "->",
    "<-",
    "1",
    "7.5",
]
OTHERS += ["'x'", "n", "m", "r", "T1"]


def soup(shown: Schema) -> list[str]:
    """Everything that a query about the database may hold, and names that it does not have."""
    language = language_for(shown.dialect)
    names = [n for e in shown.entities for n in (e.name, *(f.name for f in e.fields))]
    names += [link.name for link in shown.links if link.name] + ["boats", "colour"]
    keywords = [w for found in (sql_words, cypher_words)[shown.language == "cypher"].WORDS.values() for w in found]
    return sorted({*map(language.quote, names), *keywords, *OTHERS}) + [" "] * 20


@pytest.mark.parametrize("dialect", CASES)
def test_whatever_is_written_at_random_names_only_what_is_there(dialect: str) -> None:
    shown = schema(dialect)
    guide, language, pieces = Guide(shown), language_for(dialect), [seen(piece) for piece in soup(shown)]
    rng, ended = random.Random(8), 0
    whole = [q for q in CASES[dialect]["allowed"] if "WITH big" not in q and "(SELECT customer_id, " not in q]
    for query in (whole * 200)[:200]:  # of a subquery in FROM it knows no columns
        text = query[: rng.randrange(len(query))]
        guided, text = guide.begin(text), seen(text)
        while len(text) < 200 and not guided.may_end() and (allowed := [p for p in pieces if guided.allows(p)]):
            piece = rng.choice(allowed)
            guided.add(piece)
            text += piece
        if guided.may_end() and refusal_reason(text) is None:
            ended += 1
            with contextlib.suppress(SyntaxRefused):
                assert language.unknown(text.encode("latin-1").decode(), shown) == [], text
    assert ended >= 6
