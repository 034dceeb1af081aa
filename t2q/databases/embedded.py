"""The embedded graph: a graph file, served by a private database process, without anything to install or to start.

A file is loaded once into a store under `$T2Q_CACHE/graphs` (`~/.cache/t2q/graphs`), named by the digest of the file.
Each opening serves a copy of that store in a temporary folder, since a store can be open in one process only: a copy
takes milliseconds, and nothing that happens to it can harm the store or another reader.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from t2q.cache import cache_folder
from t2q.databases.arcadedb import DATABASE, ArcadeServer, package_folder, start_server
from t2q.databases.graph_file import Graph, load_graph, read_graph
from t2q.databases.neo4j import Neo4jDatabase
from t2q.errors import DatabaseError
from t2q.languages import language_for

STORE_FORMAT = 1  # raised when the same file must be loaded into other stores than before


class EmbeddedGraph(Neo4jDatabase):
    """A graph file behind its own database process."""

    _explain_classifies = False  # EXPLAIN calls every query a writing one; the user "reader" cannot write

    def __init__(self, server: ArcadeServer, url: str) -> None:
        super().__init__(server.driver(), DATABASE, url)
        self._server = server
        self._limit: float | None = None

    def _run(self, query: str, timeout: float, limit: int | None = None) -> tuple[tuple[str, ...], list[list[Any]]]:
        """As its parent. Threads share one time limit: the one set last."""
        if timeout != self._limit:
            self._server.limit_queries(timeout)
            self._limit = timeout
        return super()._run(query, timeout, limit)

    def close(self) -> None:
        super().close()
        self._server.stop()


def open_graph(url: str) -> EmbeddedGraph:
    """Opens `graph:FILE.json`, a path relative to the working directory. Raises DatabaseError."""
    path = Path(url.removeprefix("graph:"))
    if not path.is_file():
        raise DatabaseError(f"no graph file {path} (looked in {Path.cwd()}): check the path in {url}")
    return EmbeddedGraph(start_server(_store(path)), url)


def _store(path: Path) -> Path:
    """The store of a graph file, built where it is not there yet."""
    package_folder()  # the clearer error where it is missing
    marks = f"{STORE_FORMAT} {version('arcadedb-embedded')} ".encode()
    folder = cache_folder("graphs")
    store = folder / hashlib.sha256(marks + path.read_bytes()).hexdigest()[:32]
    if store.is_dir():
        return store
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{store.name}.lock"):
        if not store.is_dir():
            graph = _storable(read_graph(path), path)
            server = start_server(parent=folder)
            try:
                with server.driver("root") as driver:
                    load_graph(driver, DATABASE, graph, language_for("cypher").quote)
                server.hand_over(store)
            finally:
                server.stop()
    return store


def _storable(graph: Graph, path: Path) -> Graph:
    """ArcadeDB keeps labels and relationship types as types of one database, so they cannot share a name."""
    labels = {label for node in graph.nodes for label in node.labels}
    if both := sorted(labels & {rel.type for rel in graph.rels}):
        raise DatabaseError(
            f"the graph file {path}: {both[0]} is a label and a relationship type, which the embedded graph cannot "
            "store: rename one of them, or load the file into a Neo4j server"
        )
    return graph
