"""The corpus of cypher.yaml, on a real Neo4j and on the embedded graph."""

from __future__ import annotations

import http.server
import json
import resource
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from t2q.answering.answer import answer, run_query
from t2q.databases.embedded import EmbeddedGraph, open_graph
from t2q.databases.neo4j import GRACE_SECONDS, Neo4jDatabase
from t2q.errors import NotReadOnly, QueryError, SyntaxRefused, TooCostly
from t2q.languages import language_for
from t2q.schema import Schema
from tests.neo4j_server import fill

pytestmark = pytest.mark.timeout(900)  # a server that starts beside other work needs minutes

CORPUS = yaml.safe_load((Path(__file__).parent / "cypher.yaml").read_text(encoding="utf-8"))
SECRET = "the-secret-that-no-query-may-read"
SECONDS = 1.0
CROWD = 60
MEGABYTES = 1e6
PROCESS_MOST = 400 * MEGABYTES  # by which reading answers may enlarge this process
GRAPH_MOST = 2000 * MEGABYTES  # that the embedded graph's process may take; its heap is 1 GB
# What only the proof refuses: Neo4j lets every user read files, and tells of itself, in a transaction that reads.
WRITES = ("writes", "writes in subqueries", "names that are words", "several statements")
GRAPHS = {"embedded": (), "server": pytest.mark.slow}


def written(query: str | list[Any]) -> str:
    """A query, of which parts may be given as [text, times]."""
    return query if isinstance(query, str) else "".join(p if isinstance(p, str) else p[0] * p[1] for p in query)


def hostile(*kinds: str) -> list[Any]:
    found = [
        pytest.param(written(query), id=f"{kind}: {what}")
        for kind, cases in CORPUS["hostile"].items()
        for case in cases
        for what, query in case.items()
        if kind in (kinds or CORPUS["hostile"])
    ]
    assert found
    return found


@pytest.fixture(scope="module")
def graph_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus' graph and a crowd in which there are more paths than anybody can walk."""
    graph = {part: list(rows) for part, rows in CORPUS["graph"].items()}
    for number in range(CROWD):
        graph["nodes"].append({"id": number, "labels": ["Crowd"], "props": {"number": number}})
        for step in (1, 5, 17):
            graph["rels"].append({"start": number, "end": (number + step) % CROWD, "type": "NEAR"})
    path = tmp_path_factory.mktemp("attacked") / "graph.json"
    path.write_text(json.dumps(graph))
    return path


@pytest.fixture(scope="module")
def embedded(graph_file: Path) -> Iterator[EmbeddedGraph]:
    with open_graph(f"graph:{graph_file}") as database:
        yield database


@pytest.fixture(scope="module")
def server(server_url: str, graph_file: Path) -> Iterator[Neo4jDatabase]:
    fill(server_url, graph_file)
    with Neo4jDatabase.connect(server_url) as database:
        yield database


@pytest.fixture(params=[pytest.param(name, marks=marks) for name, marks in GRAPHS.items()])
def graph(request: pytest.FixtureRequest) -> Neo4jDatabase:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def visits() -> Iterator[tuple[str, list[str]]]:
    """A server's URL, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(SECRET.encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", asked
        listening.shutdown()


@pytest.fixture
def aimed(visits: tuple[str, list[str]], tmp_path: Path) -> Callable[[str], str]:
    """Puts the addresses of what must not be read into a query."""
    secret = tmp_path / "secret.csv"
    secret.write_text(SECRET)
    return lambda query: query.replace("FILE", secret.as_uri()).replace("URL", visits[0])


def content(graph: Neo4jDatabase) -> list[Any]:
    """All that a graph holds, and of a server what else it keeps."""
    queries = [
        "MATCH (n) RETURN labels(n), properties(n)",
        "MATCH (a)-[r]->(b) RETURN properties(a), type(r), properties(r), properties(b)",
        "CALL db.labels()",
        "CALL db.relationshipTypes()",
    ]
    if not isinstance(graph, EmbeddedGraph):
        queries += [
            "SHOW INDEXES YIELD name",
            "SHOW CONSTRAINTS YIELD name",
            "SHOW USERS YIELD user",
            "SHOW DATABASES YIELD name, currentStatus",
        ]
    return [sorted(graph._run(query, 30).rows, key=repr) for query in queries]


@pytest.fixture(scope="module")
def first_content() -> dict[int, list[Any]]:
    return {}


@pytest.fixture
def unharmed(graph: Neo4jDatabase, first_content: dict[int, list[Any]]) -> Callable[[Neo4jDatabase], bool]:
    """Whether a graph still holds what it held before the first test."""
    if id(graph) not in first_content:
        first_content[id(graph)] = content(graph)
        assert len(first_content[id(graph)][0]) == CROWD + len(CORPUS["graph"]["nodes"])
    return lambda graph: content(graph) == first_content[id(graph)]


@cache
def schema_of(graph: Neo4jDatabase) -> Schema:
    return graph.schema()


def is_proven(query: str) -> bool:
    """Whether the proof lets a query through to the database."""
    try:
        language_for("cypher").prove_read_only(query)
    except QueryError:
        return False
    return True


def at_rest(graph: Neo4jDatabase, seconds: float = 20) -> bool:
    """Whether soon nothing is at work in the database."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if isinstance(graph, EmbeddedGraph):
            (java,) = psutil.Process(graph._server._process.pid).children()
            before, begun = sum(java.cpu_times()[:2]), time.monotonic()
            time.sleep(0.3)
            if sum(java.cpu_times()[:2]) - before < 0.5 * (time.monotonic() - begun):
                return True
        else:
            running = graph._driver.execute_query(
                "SHOW TRANSACTIONS YIELD currentQuery, database", database_="neo4j"
            ).records
            if len(running) == 1:  # this one
                return True
            time.sleep(0.3)
    return False


def attack(graph: Neo4jDatabase, query: str) -> QueryError | None:
    """Gives the query to the graph; the error that it is refused with. Fails where it takes too much or leaves
    something at work."""
    start, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    try:
        rows = graph.execute(query, timeout=SECONDS).rows
        assert SECRET not in repr(rows)
        error = None
    except QueryError as refused:
        error = refused
        assert str(error) and "\n" not in str(error) and len(str(error)) < 500
        assert SECRET not in str(error)
    taken = time.monotonic() - start
    if taken > 0.5:
        assert taken < 2 * (SECONDS + GRACE_SECONDS) + 20, taken  # planned, run, and perhaps another process started
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - memory < PROCESS_MOST
        if isinstance(graph, EmbeddedGraph):
            (java,) = psutil.Process(graph._server._process.pid).children()
            assert java.memory_info().rss < GRAPH_MOST
        assert at_rest(graph)
    return error


@pytest.mark.parametrize("query", hostile())
def test_hostile(
    graph: Neo4jDatabase,
    query: str,
    aimed: Callable[[str], str],
    unharmed: Callable[[Neo4jDatabase], bool],
    visits: tuple[str, list[str]],
) -> None:
    error = attack(graph, aimed(query))
    assert error is not None, "it was answered"
    assert visits[1] == []
    if is_proven(aimed(query)):  # else it never came to the database
        assert graph.execute("RETURN 1 AS one").rows == [(1,)]
        assert unharmed(graph)


def test_all_of_them_together_did_no_harm(graph: Neo4jDatabase, unharmed: Callable[[Neo4jDatabase], bool]) -> None:
    assert unharmed(graph)


@pytest.mark.parametrize("query", [written(query) for case in CORPUS["strains"] for query in case.values()])
def test_strains(graph: Neo4jDatabase, query: str) -> None:
    attack(graph, query)
    assert graph.execute("RETURN 1 AS one").rows == [(1,)]


@pytest.mark.parametrize("query", hostile(*WRITES))
def test_writes_are_refused_by_the_database_too(
    graph: Neo4jDatabase, query: str, unharmed: Callable[[Neo4jDatabase], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the proof have a hole."""
    with monkeypatch.context() as past:
        past.setattr(type(graph.language), "prove_read_only", lambda *_: None)
        with pytest.raises(QueryError, match=r"^[^\n]+$"):
            graph.execute(query, timeout=SECONDS)
    assert unharmed(graph)


@pytest.mark.parametrize("query", hostile("files and network"))
def test_the_embedded_graph_reaches_for_nothing_by_itself(
    embedded: EmbeddedGraph, query: str, aimed: Callable[[str], str], visits: tuple[str, list[str]]
) -> None:
    with pytest.raises(QueryError, match=r"^[^\n]+$"):
        embedded._run(aimed(query), SECONDS)
    assert visits[1] == []


@pytest.mark.parametrize("query", hostile(*(CORPUS["hostile"].keys() - {"time", "left to the database"})))
def test_the_proof_alone_refuses(query: str, aimed: Callable[[str], str]) -> None:
    language = language_for("cypher")
    with pytest.raises((NotReadOnly, SyntaxRefused, TooCostly), match=r"^[^\n]+$"):
        language.prove_read_only(aimed(query))


@pytest.mark.parametrize("text", CORPUS["texts"])
def test_texts(
    graph: Neo4jDatabase,
    text: str,
    aimed: Callable[[str], str],
    unharmed: Callable[[Neo4jDatabase], bool],
    visits: tuple[str, list[str]],
) -> None:
    found = answer(aimed(text), schema_of(graph), graph, timeout=SECONDS)
    assert "\n" not in found.reason
    assert bool(found.reason) is found.abstained
    assert SECRET not in repr(found.rows)
    assert visits[1] == []
    assert unharmed(graph)


def test_stored_text_cannot_break_out_of_the_prompt(graph: Neo4jDatabase) -> None:
    lines = graph.language.describe(graph.schema()).splitlines()
    (of_sets,) = [line for line in lines if line.startswith("Set:")]
    assert r"name text 'Duplo; MATCH (n) DETACH DELETE n'" in of_sets
    (of_notes,) = [line for line in lines if line.startswith("Note:")]
    assert "DETACH" not in of_notes  # a text of two lines is not shown at all


def innocent() -> list[Any]:
    return [
        pytest.param(name, query, rows, id=f"{name}: {query}", marks=GRAPHS[name])
        for query, rows, *only in CORPUS["innocent"]
        for name in only or GRAPHS
    ]


@pytest.mark.parametrize(("name", "query", "rows"), innocent())
def test_innocent(request: pytest.FixtureRequest, name: str, query: str, rows: list[Any]) -> None:
    graph = request.getfixturevalue(name)
    found = run_query(query, schema_of(graph), graph)
    assert (found.reason, found.truncated) == ("", False)
    assert sorted(map(list, found.rows), key=repr) == sorted(rows, key=repr)
