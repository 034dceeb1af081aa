from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from t2q.databases import open_database
from t2q.databases.arcadedb import ArcadeServer, PortTakenError
from t2q.databases.embedded import EmbeddedGraph, open_graph
from t2q.errors import DatabaseError

COUNT = "MATCH (n) RETURN count(n) AS n"


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_store_is_built_once_and_served_as_copies(
    small_graph: Path, embedded: EmbeddedGraph, graph_cache: Path
) -> None:
    def stores() -> dict[Path, int]:
        folders = [path for path in (graph_cache / "graphs").iterdir() if path.is_dir()]  # other tests' graphs as well
        return {path: path.stat().st_mtime_ns for folder in folders for path in [folder, *folder.rglob("*")]}

    built = stores()
    with open_database(f"graph:{small_graph}") as other:
        assert other.execute(COUNT).rows == embedded.execute(COUNT).rows == [(4,)]
    assert built and stores() == built


@pytest.mark.slow
def test_processes_that_start_at_once_share_a_store(small_graph: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from t2q.databases import open_database\n"
        f"with open_database(sys.argv[1]) as graph: print(graph.execute({COUNT!r}).rows)"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, f"graph:{small_graph}"],
            env={**os.environ, "T2Q_CACHE": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [process.communicate(timeout=120)[0] for process in running] == ["[(4,)]\n"] * 2
    assert len([path for path in (tmp_path / "graphs").iterdir() if path.is_dir()]) == 1


@pytest.mark.slow
def test_nothing_is_left_when_its_process_is_killed(small_graph: Path) -> None:
    code = (
        "import sys, time; from t2q.databases.embedded import open_graph\n"
        "graph = open_graph(sys.argv[1]); print(graph._server.folder, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, f"graph:{small_graph}"], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    folder = Path(parent.stdout.readline().strip())
    family = psutil.Process(parent.pid).children(recursive=True)
    assert folder.is_dir()
    assert any(process.name() == "java" for process in family)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert eventually(lambda: not folder.exists())
    assert eventually(lambda: not any(process.is_running() for process in family))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.slow
def test_a_forked_process_does_not_keep_it_open(small_graph: Path) -> None:
    with open_graph(f"graph:{small_graph}") as graph:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        keeper = psutil.Process(graph._server._process.pid)
    assert not keeper.is_running()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal of a parent is Linux's")
def test_the_database_ends_with_its_keeper(small_graph: Path) -> None:
    with open_graph(f"graph:{small_graph}") as graph:
        keeper = psutil.Process(graph._server._process.pid)
        (java,) = keeper.children()
        keeper.kill()
        assert eventually(lambda: not java.is_running())


def test_a_killed_database_starts_again(small_graph: Path) -> None:
    with open_graph(f"graph:{small_graph}") as graph:
        folders = [graph._server.folder]
        (java,) = psutil.Process(graph._server._process.pid).children()
        java.kill()
        assert graph.execute(COUNT).rows == [(4,)]
        folders.append(graph._server.folder)
        assert [folder.exists() for folder in folders] == [False, True]
    assert not folders[1].exists()


def test_a_database_that_cannot_start_again_is_an_error_of_one_line(
    small_graph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_graph(f"graph:{small_graph}") as graph:
        graph._server.stop()
        with monkeypatch.context() as without, pytest.raises(DatabaseError, match=r"^the embedded graph needs [^\n]+$"):
            without.setattr(importlib.util, "find_spec", lambda _: None)
            graph.execute(COUNT)
        assert graph.execute(COUNT).rows == [(4,)]


def test_no_password_in_the_list_of_processes(embedded: EmbeddedGraph) -> None:
    keeper = psutil.Process(embedded._server._process.pid)
    shown = " ".join(word for process in (keeper, *keeper.children()) for word in process.cmdline())
    assert "java.args" in shown
    assert not any(password in shown for password in embedded._server._passwords.values())
    assert embedded._server.folder.stat().st_mode & 0o077 == 0


def test_only_this_machine_can_connect(embedded: EmbeddedGraph) -> None:
    (java,) = psutil.Process(embedded._server._process.pid).children()
    listening = [c.laddr.ip for c in java.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert len(listening) == 2
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_a_taken_port_is_tried_again(small_graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    start = ArcadeServer._wait_until_ready

    def first_port_taken(server: ArcadeServer) -> None:
        tries.append(server.folder)
        if len(tries) == 1:
            raise PortTakenError
        start(server)

    monkeypatch.setattr(ArcadeServer, "_wait_until_ready", first_port_taken)
    with open_graph(f"graph:{small_graph}") as graph:
        assert graph.execute(COUNT).rows == [(4,)]
    assert len(tries) == 2
    assert not tries[0].exists()


NODE = {"id": 1, "labels": ["A"], "props": {}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2", "is not JSON: Expecting"),
        ([], 'must be an object with the lists "nodes" and "rels"'),
        ({"nodes": [NODE]}, 'must be an object with the lists "nodes" and "rels"'),
        ({"nodes": [NODE, NODE], "rels": []}, "two nodes have the same id"),
        ({"nodes": [NODE, {"id": 2}], "rels": []}, "node 2 has no 'labels'"),
        ({"nodes": [{"id": 1, "labels": []}], "rels": []}, "node 1: its labels must be a list of one name or more"),
        ({"nodes": [{"id": [], "labels": ["A"]}], "rels": []}, "node 1: its id must be a string or an integer"),
        ({"nodes": [NODE | {"props": []}], "rels": []}, "node 1: its props must be an object"),
        ({"nodes": [NODE | {"props": {"x": {"y": 1}}}], "rels": []}, "node 1: x: {'y': 1} is no property value"),
        ({"nodes": [NODE | {"props": {"x": 2**63}}], "rels": []}, "node 1: x: 9223372036854775808 is too large"),
        ({"nodes": [NODE | {"props": {"x": {"$date": "1 May"}}}], "rels": []}, "node 1: Invalid isoformat string"),
        (
            {"nodes": [NODE | {"props": {"x": {"$datetime": "2024-01-02T03:04:05+02:00"}}}], "rels": []},
            "node 1: x: 2024-01-02T03:04:05\\+02:00 has a time zone",
        ),
        ({"nodes": [NODE], "rels": [{"start": 1, "type": "T"}]}, "relationship 1 has no 'end'"),
        ({"nodes": [NODE], "rels": [{"start": 1, "end": 9, "type": "T"}]}, "relationship 1: its end is 9, which is no"),
        ({"nodes": [NODE], "rels": [{"start": 1, "end": 1, "type": ""}]}, "relationship 1: its type must be a name"),
        ({"nodes": [NODE], "rels": [{"start": 1, "end": 1, "type": "A"}]}, "A is a label and a relationship type"),
    ],
)
def test_a_wrong_graph_file_is_an_error_of_one_line(content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DatabaseError, match=rf"^the graph file .*graph\.json:? .*{message}[^\n]*$"):
        open_graph(f"graph:{path}")


def test_a_missing_graph_file() -> None:
    with pytest.raises(DatabaseError, match=r"no graph file data/none\.json \(looked in .*\): check the path"):
        open_graph("graph:data/none.json")


def test_a_graph_without_nodes(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text('{"nodes": [], "rels": []}')
    with open_graph(f"graph:{path}") as graph, pytest.raises(DatabaseError, match="holds no nodes"):
        graph.schema()


def test_a_platform_without_the_package(small_graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DatabaseError, match=r"pip install arcadedb-embedded \(there is none for Intel Macs and musl"):
        open_graph(f"graph:{small_graph}")
