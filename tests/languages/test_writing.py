"""Schemas, names and literals as prompts and queries show them."""

import hashlib
import sqlite3

import pytest
from sqlalchemy.dialects.mysql.reserved_words import RESERVED_WORDS_MYSQL
from sqlalchemy.dialects.postgresql.base import RESERVED_WORDS as RESERVED_WORDS_POSTGRESQL
from sqlalchemy.dialects.sqlite.base import SQLiteIdentifierPreparer

from t2q.languages import language_for
from t2q.languages.cypher_tokens import tokenize
from t2q.languages.describing import SCHEMA_LAYOUT
from t2q.schema import Entity, Field, Link, Schema, Value

SHOP = Schema(
    "sql",
    "sqlite",
    (
        Entity(
            "customers",
            (
                Field("id", "integer", (1, 2), key=True),
                Field("Full Name", "text", ("Ada", "O'Neil", "Bob", "Cy")),
                Field("joined", "date", ("2024-01-02", "2024-01-03")),
                Field("vip", "boolean", (True,)),
                Field("city_id", "integer", (7,)),
            ),
        ),
        Entity("order", (Field("Nr", "integer", key=True), Field("part", "integer", key=True))),
        Entity(
            "lines", (Field("order_nr", "integer"), Field("order_part", "integer"), Field("at", "time", ("08:00",)))
        ),
        Entity("cities", (Field("id", "integer", key=True),)),
    ),
    (
        Link("customers", "cities", source_fields=("city_id",), target_fields=("id",)),
        Link("lines", "order", source_fields=("order_nr", "order_part"), target_fields=("Nr", "part")),
    ),
)
GRAPH = Schema(
    "cypher",
    "cypher",
    (
        Entity(
            "Customer",
            (Field("name", "text", ("Ada", "O'Neil")), Field("joined", "datetime", ("2024-01-02T00:00:00",))),
        ),
        Entity("Big Order", ()),
        Entity("Order", (Field("set", "list"),)),
    ),
    (
        Link("Customer", "Order", "PLACED"),
        Link(
            "Order", "Big Order", "PART OF", fields=(Field("quantity", "integer", (3,)), Field("note", "text", ("x",)))
        ),
    ),
)


def test_tables() -> None:
    assert language_for("sqlite").describe(SHOP).splitlines() == [
        """customers: id integer key, "Full Name" text 'Ada' 'O''Neil' 'Bob', joined date '2024-01-02', """
        "vip boolean, city_id integer -> cities.id",
        '"order": Nr integer key, part integer key',
        "lines: order_nr integer, order_part integer, at time '08:00'",
        'lines(order_nr, order_part) -> "order"(Nr, part)',
        "cities: id integer key",
    ]


def test_tables_in_other_dialects() -> None:
    assert "`Full Name` text 'Ada' 'O\\'Neil'" not in language_for("mysql").describe(SHOP)
    assert "`Full Name` text 'Ada' 'O''Neil'" in language_for("mysql").describe(SHOP)
    assert '"order": "Nr" integer key' in language_for("postgresql").describe(SHOP)
    assert "[order]: Nr integer key" in language_for("mssql").describe(SHOP)


def test_graph() -> None:
    assert language_for("cypher").describe(GRAPH).splitlines() == [
        "Customer: name text 'Ada' 'O\\'Neil', joined datetime '2024-01-02T00:00:00'",
        "`Big Order`:",
        "Order: set list",
        "Customer to Order: -[:PLACED]->",
        "`Big Order` to Order: <-[:`PART OF`]-",
        "Order to Customer: <-[:PLACED]-",
        "Order to `Big Order`: -[:`PART OF`]-> quantity integer, note text 'x'",
    ]


def test_another_layout_has_another_number() -> None:
    """Runs and bases are made for one layout; whoever changes it here raises the number, so that keys change too."""
    shown = "\n".join(language_for(d).describe(SHOP if d != "cypher" else GRAPH) for d in ("sqlite", "mysql", "cypher"))
    assert (SCHEMA_LAYOUT, hashlib.sha256(shown.encode()).hexdigest()[:8]) == (2, "dd77f54a")


@pytest.mark.parametrize("dialect", ["sqlite", "cypher"])
def test_no_samples(dialect: str) -> None:
    text = language_for(dialect).describe(SHOP if dialect == "sqlite" else GRAPH, samples=0)
    assert "Ada" not in text
    assert "2024" not in text


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "cypher"])
def test_stored_text_cannot_break_out_of_its_line(dialect: str) -> None:
    """Sample rows are an injection path: whoever can write to the database could otherwise write the prompt."""
    values = ("a\nb: id integer", "it's 'quoted'", "x" * 41, "\x00\x1b[0m", "", "kept\u2028here", 'say "hi"')
    schema = Schema(
        "", dialect, (Entity("t", (Field("v", "text", values), Field("line\nbreak", "text"))), Entity("a\nb", ()))
    )
    text = language_for(dialect).describe(schema, samples=9)
    assert text.splitlines() == [text]
    assert text.startswith("t: v text 'a b: id integer' ")
    assert "x" * 41 not in text
    assert "break" not in text
    assert not any(ord(c) < 32 for c in text)


NAMES = sorted(
    {w.lower() for w in (*SQLiteIdentifierPreparer.reserved_words, *RESERVED_WORDS_MYSQL, *RESERVED_WORDS_POSTGRESQL)}
    | {
        "a b",
        'quo"te',
        "back`tick",
        "[x]",
        "größe",
        "日本",
        "1st",
        "a.b",
        "a-b",
        "it's",
        "Upper",
        "$x",
        "_",
        "semi;colon",
    }
)


def test_sqlite_takes_every_quoted_name() -> None:
    language = language_for("sqlite")
    with sqlite3.connect(":memory:") as db:
        for name in NAMES:
            quoted = language.quote(name)
            db.execute(f"CREATE TABLE {quoted} ({quoted} INTEGER)")
            db.execute(f"INSERT INTO {quoted} VALUES (1)")
            query = f"SELECT {quoted}.{quoted} FROM {quoted} WHERE {quoted} = 1"
            assert db.execute(query).fetchall() == [(1,)]
            language.prove_read_only(query)
            schema = Schema("sql", "sqlite", (Entity(name, (Field(name, "integer"),)),))
            assert language.unknown(query, schema) == []
            assert db.execute(language.normalize(query)).fetchall() == [(1,)]
            db.execute(f"DROP TABLE {quoted}")


@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "mssql", "oracle"])
def test_every_quoted_name_parses(dialect: str) -> None:
    language = language_for(dialect)
    for name in NAMES:
        query = f"SELECT {language.quote(name)} FROM t"
        assert language.identifiers(query).fields == {name}, query


@pytest.mark.parametrize(
    ("dialect", "name", "quoted"),
    [
        ("sqlite", "Name", "Name"),
        ("sqlite", "Order", '"Order"'),
        ("mysql", "Name", "Name"),
        ("mysql", "order", "`order`"),
        ("mysql", "a`b", "`a``b`"),
        ("postgresql", "name", "name"),
        ("postgresql", "Name", '"Name"'),
        ("mssql", "user", "[user]"),
        ("snowflake", "Name", '"Name"'),
        ("cypher", "Order", "Order"),
        ("cypher", "First Name", "`First Name`"),
        ("cypher", "a`b", "`a``b`"),
        ("cypher", "größe", "`größe`"),
    ],
)
def test_quote(dialect: str, name: str, quoted: str) -> None:
    assert language_for(dialect).quote(name) == quoted


VALUES: list[Value] = [
    "plain",
    "it's",
    'say "hi"',
    "back\\slash",
    "a\nb\tc",
    "größe 日本",
    "",
    "%_",
    0,
    -3,
    2.5,
    1e-9,
    True,
    False,
]


@pytest.mark.parametrize("value", VALUES)
def test_sqlite_reads_a_literal_back(value: Value) -> None:
    (back,) = sqlite3.connect(":memory:").execute(f"SELECT {language_for('sqlite').literal(value)}").fetchone()
    assert back == value


@pytest.mark.parametrize("value", [v for v in VALUES if isinstance(v, str)])
def test_cypher_reads_a_literal_back(value: str) -> None:
    (token,) = tokenize(language_for("cypher").literal(value))
    assert (token.kind, token.value) == ("string", value)


def test_literals() -> None:
    assert language_for("mysql").literal("a\\b'c") == "'a\\\\b''c'"
    assert language_for("mssql").literal(True) == "1"
    assert language_for("cypher").literal(True) == "true"
    assert language_for("cypher").literal(-2.5) == "-2.5"


@pytest.mark.parametrize(
    ("dialect", "title"),
    [("sqlite", "SQLite"), ("postgresql+psycopg", "PostgreSQL"), ("mssql", "SQL Server"), ("cypher", "Cypher")],
)
def test_titles(dialect: str, title: str) -> None:
    assert language_for(dialect).title == title
