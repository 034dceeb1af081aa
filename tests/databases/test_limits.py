"""What a query may take: time, memory, rows and bytes, from several threads at once, on both graphs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from t2q.databases import neo4j as neo4j_module
from t2q.databases.embedded import EmbeddedGraph, open_graph
from t2q.databases.neo4j import Neo4jDatabase, Told
from t2q.errors import ExecutionFailed, QueryError, QueryTimeout

pytestmark = pytest.mark.timeout(900)  # a server that starts beside other work needs minutes

COUNT = "MATCH (n) RETURN count(n) AS n"
ROWS = "UNWIND range(1, 9999) AS a UNWIND range(1, 9999) AS b UNWIND range(1, 9999) AS c "
SLOW = f"{ROWS} WITH a * b * c AS d WHERE d = -1 RETURN count(d)"
# The proof refuses these; here they go past it. Neither server looks at the clock inside of an expression.
NEVER_BROKEN_OFF = "RETURN reduce(a = 0, i IN range(1, 30000) | reduce(b = a, j IN range(1, 10000) | b + 1))"
TAKES_ALL_MEMORY = "RETURN size(reduce(s = 'x', i IN range(1, 31) | s + s))"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neo4j_module, "GRACE_SECONDS", 1.0)


@pytest.mark.usefixtures("impatient")
def test_what_no_server_breaks_off_is_given_up(graph: Neo4jDatabase) -> None:
    start = time.monotonic()
    with pytest.raises(QueryTimeout, match=r"^the query ran longer than 0\.5 s$"):
        graph._run(NEVER_BROKEN_OFF, 0.5)
    taken = time.monotonic() - start
    assert graph.execute(COUNT).rows == [(4,)]
    assert taken < 30  # the embedded graph's includes the start of another process


@pytest.mark.usefixtures("impatient")
def test_nothing_works_on_in_the_embedded_graph(small_graph: Path) -> None:
    with open_graph(f"graph:{small_graph}") as graph:
        (before,) = psutil.Process(graph._server._process.pid).children()
        folder = graph._server.folder
        with pytest.raises(QueryTimeout):
            graph._run(NEVER_BROKEN_OFF, 0.5)
        assert not before.is_running()
        assert not folder.exists()


def test_memory_is_refused_in_one_line_and_the_next_query_runs(graph: Neo4jDatabase) -> None:
    with pytest.raises(ExecutionFailed, match=r"^[^\n]+$"):
        graph._run(TAKES_ALL_MEMORY, 10)
    assert graph.execute(COUNT).rows == [(4,)]


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("UNWIND range(1, 1000) AS x RETURN x, [i IN range(1, 9999) | {}] AS maps", 2),
        ("UNWIND range(1, 1000) AS x RETURN [i IN range(1, 9999) | 'a text of thirty characters…'] AS texts", 1),
    ],
)
def test_a_result_is_cut_at_so_many_bytes(
    graph: Neo4jDatabase, query: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 1_000_000
    monkeypatch.setattr(neo4j_module, "MAX_BYTES", most)  # of eight times as much the driver makes objects for 10 s
    result = graph.execute(query)
    assert result.truncated
    assert len(result.columns) == columns
    smallest, largest = 9_999, 9_999 * 40  # bytes of a row as it is sent
    assert most // largest - 1 <= len(result.rows) <= most // smallest
    assert graph.execute(COUNT).rows == [(4,)]


def test_a_row_that_is_too_large_is_refused(graph: Neo4jDatabase) -> None:
    with pytest.raises(ExecutionFailed, match="a row of the result is too large: ask for fewer values"):
        graph.execute(
            "UNWIND range(1, 300) AS x UNWIND range(1, 1000) AS y RETURN collect('a text of 30 characters here')"
        )
    assert graph.execute(COUNT).rows == [(4,)]


def test_rows_past_the_cap_are_not_waited_for(graph: Neo4jDatabase) -> None:
    start = time.monotonic()
    assert graph.execute(f"{ROWS} RETURN a, b, c", max_rows=5).truncated
    assert time.monotonic() - start < 5


def test_threads_keep_their_own_time_limits(graph: Neo4jDatabase) -> None:
    def ask(number: int) -> object:
        if number % 3:
            return graph.execute(f"RETURN {number} AS n", timeout=10 + number % 2).rows
        start = time.monotonic()
        with pytest.raises(QueryTimeout, match=r"longer than 1 s$"):
            graph.execute(SLOW, timeout=1)
        return time.monotonic() - start

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(24)))
    assert [found[n] for n in range(24) if n % 3] == [[(n,)] for n in range(24) if n % 3]
    assert all(isinstance(seconds, float) and seconds >= 1 for seconds in found[::3])


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_who_asks_beside_a_query_that_ends_the_process_is_answered(small_graph: Path) -> None:
    with open_graph(f"graph:{small_graph}") as graph:

        def ask(query: str) -> Told | str:
            try:
                return graph._run(query, 3)
            except QueryError as error:
                return error.kind

        queries = [
            NEVER_BROKEN_OFF if n == 4 else TAKES_ALL_MEMORY if n % 8 == 7 else f"{ROWS} RETURN {n} LIMIT 1"
            for n in range(16)
        ]
        with ThreadPoolExecutor(6) as threads:
            found = list(threads.map(ask, queries))
        kinds = {4: "timeout", 7: "execution", 15: "execution"}
        for n, told in enumerate(found):
            assert told == kinds[n] if n in kinds else isinstance(told, Told) and told.rows == [[n]], (n, told)
        assert graph.execute(COUNT).rows == [(4,)]


def test_no_answer_of_another_query_is_read(embedded: EmbeddedGraph) -> None:
    """Connections that were cut are not used again."""
    for number in range(20):
        assert embedded.execute(f"{ROWS} RETURN a, {number} AS n", max_rows=2).rows == [(1, number)] * 2
