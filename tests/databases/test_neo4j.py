"""Against a real Neo4j server, and the embedded graph beside it: what one answers, the other answers."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from t2q.answering.answer import answer
from t2q.check import Known, findings
from t2q.data.make import make_pairs
from t2q.data.pairs import answer_text
from t2q.databases import Database, Result, open_database
from t2q.databases.embedded import EmbeddedGraph, open_graph
from t2q.databases.neo4j import Neo4jDatabase
from t2q.errors import DatabaseError, ExecutionFailed, NotReadOnly, QueryError, QueryTimeout, SyntaxRefused
from t2q.evaluation.comparison import same_result
from t2q.new import new_recipe
from t2q.recipe import Recipe
from t2q.schema import Field

SHOP = Path(__file__).parents[2] / "data" / "shop.json"
pytestmark = pytest.mark.timeout(900)  # a server that starts beside other work needs minutes

MANY = "UNWIND range(1, 9999) AS a UNWIND range(1, 9999) AS b UNWIND range(1, 9999) AS c"
SLOW = f"{MANY} WITH a * b * c AS d WHERE d = -1 RETURN count(d)"


def test_schema(graph: Neo4jDatabase) -> None:
    schema = graph.schema(samples=2)
    assert [(e.name, e.rows) for e in schema.entities] == [("Person", 3), ("Städte", 1), ("Very Important", 1)]
    person = {field.name: field for field in schema.entities[0].fields}
    assert {name: field.type for name, field in person.items()} == {
        "born": "date",
        "height": "float",
        "name": "text",
        "nick": "text",
        "order": "integer",
        "seen": "boolean",
        "tags": "list",
    }
    assert person["name"].samples == ("Bo", "Ada")
    assert (person["name"].distinct, person["name"].nullable) == (2, False)
    assert (person["born"].samples, person["born"].nullable) == (("1815-12-10", "1990-01-02"), True)
    assert schema.entities[1].fields[0].type == "datetime"
    assert [(link.source, link.name, link.target) for link in schema.links] == [
        ("Person", "KNOWS", "Person"),
        ("Person", "LIVES IN", "Städte"),
        ("Very Important", "KNOWS", "Person"),
    ]
    assert [(f.name, f.type, f.samples, f.nullable) for f in schema.links[0].fields] == [
        ("since", "integer", (2001,), True)
    ]


def test_names_that_are_not_there_now(graph: Neo4jDatabase) -> None:
    schema = graph.schema()
    assert graph.lacks(schema) == []
    person, town, _ = schema.entities
    changed = (
        replace(person, fields=(*person.fields, Field("age", "integer"))),
        replace(town, name="Town"),
    )
    assert graph.lacks(replace(schema, entities=changed)) == ["Person.age", "Town", "Town.at", "Town.name"]


def test_values(graph: Neo4jDatabase) -> None:
    assert graph.values("Person", "name") == ["Bo", "Ada"]
    assert graph.values("Person", "nick") == ["a`b'c\\d"]
    assert graph.values("Person", "nothing") == []


def test_rows_are_plain(graph: Neo4jDatabase) -> None:
    result = graph.execute(
        "MATCH (a:Person {name: 'Ada'})-[r:KNOWS]->(b) RETURN a, r, b.born AS born, a.tags AS tags, null AS nothing"
    )
    assert result.columns == ("a", "r", "born", "tags", "nothing")
    ada = {"name": "Ada", "born": "1815-12-10", "height": 1.6, "order": 1, "tags": ["x", "y"]}
    assert result.rows == [(ada, {"since": 2001}, "1990-01-02", ["x", "y"], None)]


def test_times_paths_and_points_are_plain(graph: Neo4jDatabase) -> None:
    result = graph.execute(
        "MATCH p = (:Person)-[:`LIVES IN`]->(c) RETURN p, c.at, datetime('2024-01-02T03:04:05Z') AS z, "
        "localtime('10:11') AS t, duration('P1Y2M') AS d, point({x: 1, y: 2}) AS xy"
    )
    ((path, at, zoned, clock, span, point),) = result.rows
    assert [step.get("name") for step in path] == ["Bo", None, "Zürich"]
    assert path[1] == {"from": "2020-02-29"}
    assert (at, zoned, clock) == ("2024-05-06T07:08:09", "2024-01-02T03:04:05+00:00", "10:11:00")
    assert (span, point) == ("P1Y2M", [1.0, 2.0])


def test_the_row_cap_cuts_and_says_so(graph: Neo4jDatabase) -> None:
    assert graph.execute("UNWIND range(1, 10) AS x RETURN x", max_rows=3) == Result(("x",), [(1,), (2,), (3,)], True)
    assert not graph.execute("UNWIND range(1, 10) AS x RETURN x", max_rows=10).truncated
    assert graph.execute("MATCH (p:Person) RETURN count(p) AS n", max_rows=1).rows == [(3,)]


def test_the_driver_logs_nothing(graph: Neo4jDatabase, caplog: pytest.LogCaptureFixture) -> None:
    assert graph.execute(f"{MANY} RETURN a, b", timeout=0.5, max_rows=3).truncated
    assert graph.execute("MATCH (n:Nowhere) RETURN n.nothing").rows == []
    assert caplog.records == []


@pytest.mark.parametrize("seconds", [1.0, 0.5])
def test_a_long_query_is_broken_off_and_the_next_one_runs(graph: Neo4jDatabase, seconds: float) -> None:
    start = time.monotonic()
    with pytest.raises(QueryTimeout, match=f"longer than {seconds:g} s"):
        graph.execute(SLOW, timeout=seconds)
    assert time.monotonic() - start < seconds + 5
    assert graph.execute("RETURN 1 AS one").rows == [(1,)]


def test_explain_does_not_run(graph: Neo4jDatabase) -> None:
    start = time.monotonic()
    graph.explain(SLOW)
    assert time.monotonic() - start < 5
    with pytest.raises(ExecutionFailed, match="not defined"):
        graph.explain("MATCH (p:Person) RETURN q")


def test_a_failing_query_says_why_in_one_line(graph: Neo4jDatabase) -> None:
    with pytest.raises(ExecutionFailed, match=r"^[^\n]*/ by zero[^\n]*$"):
        graph.execute("RETURN 1 / 0")


@pytest.mark.parametrize("query", ["RETURN '\ud800'", "RETURN date({year: 12345})"])
def test_what_the_driver_cannot_carry(graph: Neo4jDatabase, query: str) -> None:
    with pytest.raises(QueryError, match=r"^[^\n]+$"):
        graph.execute(query)


WRITES = [
    "CREATE (:Person {name: 'x'})",
    "CREATE (:Unseen)",
    "MATCH (p:Person) SET p.name = 'x'",
    "MATCH (p:Person) REMOVE p.name",
    "MATCH (p:Person) DETACH DELETE p",
    "MERGE (p:Person {name: 'x'})",
    "MATCH (p:Person) FOREACH (x IN [1] | SET p.name = 'x')",
    "MATCH (p:Person) CALL (p) { SET p.name = 'x' } RETURN 1",
    "UNWIND [1] AS x CALL (x) { CREATE (:Person) } IN TRANSACTIONS",
    "CREATE INDEX FOR (p:Person) ON (p.name)",
    "CREATE USER eve SET PASSWORD 'secret123'",
    "CALL db.createLabel('Unseen')",
]
REACHING_OUT = [
    "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "LOAD CSV FROM 'http://127.0.0.1:1/x' AS line RETURN line",
    "MATCH (p:Person) LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "TERMINATE TRANSACTIONS 'neo4j-transaction-1'",
    "SHOW TRANSACTIONS",
    "SHOW USERS",
    "CALL dbms.listConfig()",
    "CALL apoc.load.json('file:///etc/passwd')",
    "EXPLAIN MATCH (p:Person) DELETE p",
    "RETURN 1; MATCH (p:Person) DETACH DELETE p",
]


@pytest.mark.parametrize("statement", WRITES + REACHING_OUT)
def test_what_does_more_than_read_is_refused(graph: Neo4jDatabase, statement: str) -> None:
    for attempt in (graph.execute, graph.explain):
        with pytest.raises((NotReadOnly, SyntaxRefused)):
            attempt(statement)


@pytest.mark.parametrize("statement", WRITES)
def test_writes_are_refused_by_the_server_too(graph: Neo4jDatabase, statement: str) -> None:
    with pytest.raises(QueryError):
        graph._run(statement, 5)
    assert graph.execute("MATCH (n) RETURN count(n) AS n, count(n.name) AS named").rows == [(4, 4)]


def test_the_embedded_graph_reads_no_files(embedded: EmbeddedGraph) -> None:
    for statement in REACHING_OUT[:2]:
        with pytest.raises(NotReadOnly):
            embedded._run(statement, 5)


def test_the_server_says_which_query_writes(server: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the proof have a hole, nothing runs that the server does not call reading."""
    monkeypatch.setattr(server.language, "prove_read_only", lambda _: None)
    with pytest.raises(NotReadOnly, match="does not only read"):
        server.execute("CALL dbms.listConfig()")


def test_one_database_of_a_server(server: Neo4jDatabase, server_url: str) -> None:
    with open_database(f"{server_url}/neo4j") as database:
        assert database.url == f"{server_url}/neo4j"
        assert database.schema() == server.schema()
    for name in ("nowhere", "system"):
        with pytest.raises(DatabaseError, match=rf"^bolt://[^\n]*/{name}: [^\n]+$"):
            open_database(f"{server_url}/{name}")


def test_an_empty_server(server: Neo4jDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_read", lambda _: [])
    with pytest.raises(DatabaseError, match="holds no nodes: check that it is the database you mean"):
        server.schema()


def test_no_server() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"bolt://ada:geheim@127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(DatabaseError, match=r"^bolt://127\.0\.0\.1:\d+ does not answer: [^\n]+$") as error:
            open_database(url)
    assert "geheim" not in str(error.value)


def test_a_url_that_is_none() -> None:
    with pytest.raises(DatabaseError, match="is not a Neo4j URL"):
        open_database("neo4j+x://host")


@pytest.mark.slow
def test_movies_on_both(serve: Callable[[Path], Neo4jDatabase], shared_data: Path) -> None:
    """The Movies graph: the same schema, and the same rows for 507 gold queries.

    Where a LIMIT cuts among rows that the query does not tell apart, each engine may keep others: such a query is
    compared without its LIMIT. Every other difference is a failure.
    """
    movies = shared_data / "movies" / "graph.json"
    queries = [json.loads(line)["cypher"] for line in (movies.parent / "questions.jsonl").read_text().splitlines()]
    assert len(queries) == 507
    with serve(movies) as server, open_graph(f"graph:{movies}") as embedded:
        assert server.schema() == embedded.schema()
        different = [query for query in queries if not _same(server, embedded, query)]
        assert all("LIMIT" in query for query in different)
        unlimited = [re.sub(r"\bLIMIT\s+\d+", "", query) for query in different]
        assert [query for query in unlimited if not _same(server, embedded, query)] == []
    print(f"{len(queries)} queries, {len(different)} of them compared without LIMIT")


def _same(server: Database, embedded: Database, query: str) -> bool:
    mine, theirs = embedded.execute(query, max_rows=100_000), server.execute(query, max_rows=100_000)
    assert mine.columns == theirs.columns, query
    return same_result(mine, theirs, ordered=False).ok


@pytest.mark.slow
def test_a_recipe_for_a_server_is_made_and_checked_and_its_questions_are_answered(
    serve: Callable[[Path], Neo4jDatabase], server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with serve(SHOP) as database:
        new_recipe(server_url, "shop", Path("shop.yaml"))
        recipe = Recipe.load("shop.yaml", "cpu")
        assert [(name, found.text) for name, found in findings(Known(recipe)) if not found.ok] == []
        wanted, unanswerable = {"train": 60, "validation": 5, "test": 20}, {"train": 10, "validation": 2, "test": 5}
        schema = database.schema()
        made = make_pairs(database, schema, wanted, unanswerable, seed=3)
        assert made.triage.counts["error"] == 0, made.triage.errors
        for pair in made.pairs["test"]:
            found = answer(answer_text(pair), schema, database)
            assert found.abstained is not pair.answerable and bool(found.rows) is pair.answerable, pair
