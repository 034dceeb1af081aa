from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from t2q.databases import open_database
from t2q.databases.sql import SqlDatabase
from t2q.databases.sql_limits import RESULT_BYTES
from t2q.errors import DatabaseError, ExecutionFailed, NotReadOnly, QueryError, QueryTimeout, SyntaxRefused, UnknownName
from t2q.schema import Link, Schema

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture(scope="module")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "my shop%.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((Path(__file__).parent / "shop.sql").read_text())
    connection.close()
    return path


@pytest.fixture
def shop(shop_file: Path) -> Iterator[SqlDatabase]:
    with SqlDatabase(f"sqlite:///{shop_file}") as database:
        yield database


def fields(schema: Schema, table: str, attribute: str) -> dict[str, object]:
    entity = schema.entity(table)
    assert entity is not None
    return {field.name: getattr(field, attribute) for field in entity.fields}


def test_types_are_what_the_values_are(shop: SqlDatabase) -> None:
    assert fields(shop.schema(), "customers", "type") == {
        "id": "integer",
        "name": "text",
        "city": "text",
        "joined": "date",
        "seen": "datetime",
        "noted": "date",
        "era": "integer",
        "active": "boolean",
        "credit": "float",
        "photo": "other",
        "anything": "text",
    }


def test_samples_are_frequent_first_short_and_printable(shop: SqlDatabase) -> None:
    schema = shop.schema(samples=2)
    samples = fields(schema, "customers", "samples")
    assert samples["city"] == ("Rome", "Paris")
    assert samples["joined"] == ("2024-02-03", "2024-01-02")
    assert samples["name"] == ("Ada", "Bo")  # the fourth name is not UTF-8: no query could find it
    assert samples["photo"] == ()
    assert fields(schema, "order", "samples")["select"] == ("Zürich", "ok")  # two lines could pass for the prompt's own


def test_counts_keys_and_nulls(shop: SqlDatabase) -> None:
    schema = shop.schema()
    assert [(e.name, e.rows) for e in schema.entities] == [("broken", 0), ("customers", 4), ("order", 3), ("parts", 0)]
    assert fields(schema, "customers", "distinct")["city"] == 2
    assert fields(schema, "customers", "nullable") == {
        name: name in ("joined", "seen", "noted", "credit", "photo", "anything")
        for name in fields(schema, "customers", "type")
    }
    assert fields(schema, "order", "key") == {"from": True, "line no": True, "select": False}


def test_foreign_keys_become_links(shop: SqlDatabase) -> None:
    assert shop.schema().links == (
        Link("order", "customers", "", ("from",), ("id",)),
        Link("parts", "order", "", ("a", "b"), ("from", "line no")),
    )


def test_the_schema_is_the_same_every_time(shop: SqlDatabase) -> None:
    assert Schema.from_json(shop.schema().to_json()) == shop.schema()


def test_values(shop: SqlDatabase) -> None:
    assert shop.values("customers", "city") == ["Rome", "Paris"]
    assert shop.values("customers", "era", limit=1) == [1990]
    assert shop.values("order", "select") == ["Zürich", "ok", "two\nlines"]
    with pytest.raises(UnknownName, match="customers has no column town"):
        shop.values("customers", "town")
    with pytest.raises(UnknownName, match="no table staff"):
        shop.values("staff", "id")


def test_rows_are_plain(shop: SqlDatabase) -> None:
    result = shop.execute('SELECT c.name AS "c.name", credit, photo, joined FROM customers c ORDER BY id')
    assert result.columns == ("c.name", "credit", "photo", "joined")
    assert result.rows == [
        ("Ada", 12.5, "ff00", "2024-01-02"),
        ("Bo", 7, "Ada", "2024-02-03"),
        ("Cy", None, None, None),
        ("M\N{REPLACEMENT CHARACTER}", 0.1, None, "2024-02-03"),
    ]
    assert not result.truncated


def test_signs_of_other_languages_are_the_querys_own(shop: SqlDatabase) -> None:
    assert shop.execute("SELECT ':name', '100%', '%s', name FROM romans WHERE name LIKE 'B%'").rows == [
        (":name", "100%", "%s", "Bo")
    ]


def test_the_row_cap_cuts_and_says_so(shop: SqlDatabase) -> None:
    assert shop.execute("SELECT id FROM customers ORDER BY id", max_rows=2).rows == [(1,), (2,)]
    assert shop.execute("SELECT id FROM customers", max_rows=2).truncated
    assert not shop.execute("SELECT id FROM customers", max_rows=4).truncated


def test_a_long_query_is_broken_off_and_the_next_one_runs(shop: SqlDatabase) -> None:
    start = time.monotonic()
    with pytest.raises(QueryTimeout, match=r"longer than 0.3 s"):
        shop.execute(ENDLESS, timeout=0.3)
    assert time.monotonic() - start < 3
    assert shop.execute("SELECT count(*) FROM customers").rows == [(4,)]


def test_explain_does_not_run(shop: SqlDatabase) -> None:
    shop.explain(ENDLESS)
    with pytest.raises(ExecutionFailed, match="no such column: town"):
        shop.explain("SELECT town FROM customers")


def test_a_failing_query_says_why_in_one_line(shop: SqlDatabase) -> None:
    with pytest.raises(ExecutionFailed, match=r"^no such column: town$"):
        shop.execute("SELECT town FROM customers")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM staff",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM temp.customers",
        "SELECT 1 WHERE 1 IN staff",
        "SELECT * FROM staff WHERE EXISTS (WITH staff AS (SELECT 1) SELECT 1)",
        "WITH staff AS (SELECT * FROM staff) SELECT * FROM staff",
    ],
)
def test_only_its_own_tables_can_be_read(shop: SqlDatabase, query: str) -> None:
    for attempt in (shop.execute, shop.explain):
        with pytest.raises(UnknownName, match=r"^the database has no table (staff|sqlite_master|temp\.customers)$"):
            attempt(query)


def test_views_and_ctes_can_be_read_by_any_case(shop: SqlDatabase) -> None:
    assert shop.execute("SELECT count(*) FROM main.Romans").rows == [(3,)]
    query = "WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM a WHERE x < 3), b AS (SELECT * FROM A) "
    assert shop.execute(f"{query} SELECT max(x) FROM b, (SELECT 1 FROM b)").rows == [(3,)]


def test_a_large_result_is_cut_and_a_larger_row_refused(shop: SqlDatabase) -> None:
    text = f"(SELECT group_concat('{'x' * 200}', '') FROM numbers)"
    numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 4000)"
    result = shop.execute(f"{numbers} SELECT {text} FROM numbers")
    assert result.truncated and sum(len(row[0]) for row in result.rows) <= RESULT_BYTES
    assert len(result.rows) > 30
    with pytest.raises(ExecutionFailed, match="a row of the result is larger than 32 MB"):
        shop.execute(f"{numbers} SELECT {', '.join([text] * 45)}")


def test_large_values_that_are_stored_do_not_keep_the_schema_from_being_read(tmp_path: Path) -> None:
    path = tmp_path / "large.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE files (name TEXT, content BLOB)")
    connection.execute("INSERT INTO files VALUES ('a', zeroblob(3000000)), ('b', zeroblob(10))")
    connection.commit()
    connection.close()
    with SqlDatabase(f"sqlite:///{path}") as database:
        assert [field.name for field in database.schema().entities[0].fields] == ["name", "content"]
        assert database.execute("SELECT name FROM files ORDER BY length(content)").rows == [("b",), ("a",)]
        with pytest.raises(ExecutionFailed, match="string or blob too big"):
            database.execute("SELECT content FROM files")


@pytest.mark.parametrize("query", ["SELECT '\0'", "SELECT '\ud800'"])
def test_a_character_that_cannot_be_sent(shop: SqlDatabase, query: str) -> None:
    with pytest.raises(QueryError):
        shop.execute(query)
    with pytest.raises(QueryError):
        shop._run(query, timeout=5, max_rows=10)


WRITES = [
    "INSERT INTO customers (id, name) VALUES (9, 'x')",
    "UPDATE customers SET name = 'x'",
    "UPDATE sqlite_master SET sql = 'x'",
    "DELETE FROM customers",
    "WITH x AS (SELECT 1) DELETE FROM customers",
    "DROP TABLE customers",
    "CREATE TABLE t (a)",
    "CREATE TEMP TABLE t (a)",
    "ALTER TABLE customers ADD COLUMN x",
    "ATTACH 'other.sqlite' AS other",
    "VACUUM INTO 'copy.sqlite'",
    "PRAGMA writable_schema = 1",
    "PRAGMA journal_mode = WAL",
    "REINDEX",
    "BEGIN IMMEDIATE",
    "SELECT load_extension('x')",
    "SELECT 1; DELETE FROM customers",
]


@pytest.mark.parametrize("statement", WRITES)
def test_writes_are_refused_twice(
    shop: SqlDatabase, shop_file: Path, statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = hashlib.sha256(shop_file.read_bytes()).hexdigest()
    with pytest.raises((NotReadOnly, SyntaxRefused)):
        shop.execute(statement)
    with pytest.raises((NotReadOnly, SyntaxRefused)):
        shop.explain(statement)
    with pytest.raises(QueryError):  # by the database, should the proof have a hole
        shop._run(statement, timeout=5, max_rows=10)
    assert hashlib.sha256(shop_file.read_bytes()).hexdigest() == before
    assert list(tmp_path.iterdir()) == []


def test_a_full_text_table_can_be_read(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "t.sqlite")
    connection.executescript("CREATE VIRTUAL TABLE notes USING fts5(text); INSERT INTO notes VALUES ('red car')")
    connection.close()
    with SqlDatabase(f"sqlite:///{tmp_path / 't.sqlite'}") as database:
        assert database.execute("SELECT text FROM notes WHERE notes MATCH 'car'").rows == [("red car",)]


def test_a_result_does_not_take_all_memory(tmp_path: Path) -> None:
    path = tmp_path / "texts.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE texts (text TEXT)")
        connection.executemany("INSERT INTO texts VALUES (?)", [("x" * 900_000,)] * 50)
        connection.commit()
    with SqlDatabase(f"sqlite:///{path}") as database:
        found = database.execute("SELECT text FROM texts")
        assert 30 < len(found.rows) < 40 and found.truncated
        with pytest.raises(ExecutionFailed, match="a row of the result is larger than 32 MB"):
            database.execute(f"SELECT {', '.join(['text'] * 40)} FROM texts")
        assert database.execute("SELECT count(*) FROM texts").rows == [(50,)]


def test_a_relative_path_is_relative_to_the_working_directory(shop_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop_file.parent)
    with open_database(f"sqlite:///{shop_file.name}") as database:
        assert database.url == f"sqlite:///{shop_file.name}"
        monkeypatch.chdir("/")
        assert database.execute("SELECT count(*) FROM customers").rows == [(4,)]


def test_a_missing_file_is_named_and_not_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseError, match=r"no database file shop\.sqlite \(looked in .*\): check the path"):
        SqlDatabase("sqlite:///shop.sqlite")
    assert not Path("shop.sqlite").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_url_without_a_file(url: str) -> None:
    with pytest.raises(DatabaseError, match="names no file"):
        SqlDatabase(url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello " * 100)
    with pytest.raises(DatabaseError, match=r"notes\.txt is not a SQLite database"):
        SqlDatabase(f"sqlite:///{path}")


def test_a_locked_database(shop_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2q.databases.sql_access.LOCK_WAIT_SECONDS", 0.1)
    writer = sqlite3.connect(shop_file, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(DatabaseError, match="is locked by another program: close it there"):
            SqlDatabase(f"sqlite:///{shop_file}").schema()
    finally:
        writer.close()


def test_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    with pytest.raises(DatabaseError, match="holds no tables"):
        SqlDatabase(f"sqlite:///{path}").schema()


def test_three_hundred_columns(tmp_path: Path) -> None:
    path = tmp_path / "wide.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE wide ({', '.join(f'column_{i} INTEGER' for i in range(300))})")
    connection.execute(f"INSERT INTO wide VALUES ({', '.join(map(str, range(300)))})")
    connection.commit()
    connection.close()
    with SqlDatabase(f"sqlite:///{path}") as database:
        entity = database.schema().entities[0]
    assert len(entity.fields) == 300
    assert entity.fields[299].samples == (299,)
    assert {field.distinct for field in entity.fields} == {1}


@pytest.mark.parametrize(
    ("url", "module", "package"),
    [
        ("mysql://u:geheim@h/d", "MySQLdb", "mysqlclient"),
        ("postgresql+psycopg2://u:geheim@h/d", "psycopg2", "psycopg2-binary"),
        ("duckdb:///x.duckdb", "duckdb_sqlalchemy", "duckdb-sqlalchemy"),
    ],
)
def test_a_missing_driver_names_its_package(
    url: str, module: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed here")
    monkeypatch.chdir(tmp_path)
    Path("x.duckdb").touch()
    with pytest.raises(DatabaseError, match=f"pip install '{package}'") as error:
        SqlDatabase(url)
    assert "geheim" not in str(error.value)


def test_a_database_that_cannot_be_opened_read_only_is_refused() -> None:
    with pytest.raises(DatabaseError, match="cannot open oracle read-only; it can open duckdb, mariadb, mysql, "):
        SqlDatabase("oracle://u:p@h/d")


@pytest.mark.parametrize("url", ["postgresql://host:abc/db", "postgresql://u:ge:heim@ge:heim@host/db"])
def test_a_bad_port_is_one_line_without_the_password(url: str) -> None:
    with pytest.raises(DatabaseError, match="is not a database URL") as error:
        SqlDatabase(url)
    assert error.value.__cause__ is None and "heim" not in str(error.value)


def test_text_that_is_no_url() -> None:
    with pytest.raises(DatabaseError, match="is not a database URL: write for example sqlite:///"):
        SqlDatabase("data/shop.sqlite")


def test_spiders_gold_queries_run(shared_data: Path) -> None:
    """Real databases with odd types, dangling keys and text that is not UTF-8, and 972 human queries on them."""
    spider = shared_data / "spider"
    pairs = [json.loads(line) for line in (spider / "dev.jsonl").read_text().splitlines()]
    databases = {
        name: SqlDatabase(f"sqlite:///{spider / 'database' / name / name}.sqlite")
        for name in sorted({pair["db_id"] for pair in pairs})
    }
    assert len(databases) == 19
    for database in databases.values():
        schema = database.schema()
        assert all(entity.fields for entity in schema.entities)
        database.close()
    wrong = [
        pair["query"]
        for pair in pairs
        if len(databases[pair["db_id"]].execute(pair["query"], max_rows=100_000).rows) != pair["gold_rows"]
    ]
    assert wrong == []
