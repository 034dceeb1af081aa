"""A small graph with everything that is awkward, and a real Neo4j that holds it or the Movies graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from t2q.databases.embedded import EmbeddedGraph, open_graph
from t2q.databases.neo4j import Neo4jDatabase
from tests.neo4j_server import fill

SMALL_GRAPH = {
    "nodes": [
        {
            "id": "ada",
            "labels": ["Person", "Very Important"],
            "props": {"name": "Ada", "born": {"$date": "1815-12-10"}, "height": 1.6, "order": 1, "tags": ["x", "y"]},
        },
        {"id": "bo", "labels": ["Person"], "props": {"name": "Bo", "born": {"$date": "1990-01-02"}, "height": 2}},
        {"id": "cy", "labels": ["Person"], "props": {"name": "Bo", "nick": "a`b'c\\d", "seen": True}},
        {"id": 4, "labels": ["Städte"], "props": {"name": "Zürich", "at": {"$datetime": "2024-05-06T07:08:09"}}},
    ],
    "rels": [
        {"start": "ada", "end": "bo", "type": "KNOWS", "props": {"since": 2001, "note": None}},
        {"start": "bo", "end": "cy", "type": "KNOWS"},
        {"start": "bo", "end": 4, "type": "LIVES IN", "props": {"from": {"$date": "2020-02-29"}}},
    ],
}


@pytest.fixture(scope="session")
def small_graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "small.json"
    path.write_text(json.dumps(SMALL_GRAPH))
    return path


@pytest.fixture(scope="session", autouse=True)
def graph_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of stores for this session only."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("T2Q_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def embedded(small_graph: Path) -> Iterator[EmbeddedGraph]:
    with open_graph(f"graph:{small_graph}") as database:
        yield database


@pytest.fixture(scope="session")
def serve(server_url: str) -> Callable[[Path], Neo4jDatabase]:
    """Replaces what the real server holds with a graph file, and opens it."""

    def serve(path: Path) -> Neo4jDatabase:
        fill(server_url, path)
        return Neo4jDatabase.connect(server_url)

    return serve


@pytest.fixture(scope="module")
def server(serve: Callable[[Path], Neo4jDatabase], small_graph: Path) -> Iterator[Neo4jDatabase]:
    with serve(small_graph) as database:
        yield database


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.slow)])
def graph(request: pytest.FixtureRequest) -> Neo4jDatabase:
    return request.getfixturevalue(request.param)
