"""The embedded graph: a graph file, served by a private database process, without anything to install or to start.

A file is loaded once into a store under `$T2Q_CACHE/graphs` (`~/.cache/t2q/graphs`), named by the digest of the file.
Each opening serves a copy of that store in a temporary folder, since a store can be open in one process only: a copy
takes milliseconds, and nothing that happens to it can harm the store or another reader.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from t2q.cache import cache_folder
from t2q.databases.arcadedb import DATABASE, HEAP, package_folder, start_server
from t2q.databases.graph_file import Graph, load_graph, read_graph
from t2q.databases.neo4j import Neo4jDatabase, NotBrokenOff, Told
from t2q.errors import DatabaseError, ExecutionFailed
from t2q.languages import language_for
from t2q.schema import Schema

STORE_FORMAT = 1  # raised when the same file must be loaded into other stores than before
AT_ONCE = 4  # queries in one process; the database would let others wait, while their time runs


class EmbeddedGraph(Neo4jDatabase):
    """A graph file behind its own database process. Threads may ask at once.

    What the process does not break off, or dies of, ends with it; another takes its place, with a new copy of the
    store. Queries that ran beside such a one are run again.
    """

    _explain_classifies = False  # EXPLAIN calls every query a writing one; the user "reader" cannot write

    def __init__(self, store: Path, url: str) -> None:
        self._store = store
        self._server = start_server(store)
        super().__init__(self._server.driver(), DATABASE, url)
        self._limit: float | None = None  # seconds; the database has one for all its queries
        self._entrance = threading.Lock()  # held by the next to begin, so that none overtakes one that waits
        self._ended = threading.Condition()
        self._running = 0
        self._names: frozenset[str] | None = None

    def _run(self, query: str, timeout: float, limit: int | None = None) -> Told:
        server = self._server
        try:
            with self._beside_others(timeout):
                server = self._server
                return super()._run(query, timeout, limit)
        except (NotBrokenOff, DatabaseError) as error:
            failed = error
        with self._alone():
            if self._server is server:
                self._renew()
            if isinstance(failed, NotBrokenOff):
                raise failed
            try:
                self._set_limit(timeout)
                return super()._run(query, timeout, limit)
            except (NotBrokenOff, DatabaseError) as again:
                self._renew()
                if isinstance(again, NotBrokenOff):
                    raise
                raise ExecutionFailed(
                    f"the query ends the embedded graph's process: it may need more memory than {HEAP}"
                ) from again

    @contextlib.contextmanager
    def _beside_others(self, seconds: float) -> Iterator[None]:
        """Among queries with the same time limit."""
        with self._entrance:
            with self._ended:
                self._ended.wait_for(lambda: self._running == 0 or (self._limit == seconds and self._running < AT_ONCE))
            self._set_limit(seconds)
            with self._ended:
                self._running += 1
        try:
            yield
        finally:
            with self._ended:
                self._running -= 1
                self._ended.notify_all()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with self._entrance:
            with self._ended:
                self._ended.wait_for(lambda: self._running == 0)
            yield

    def _set_limit(self, seconds: float) -> None:
        if seconds != self._limit:
            self._server.limit_queries(seconds)
            self._limit = seconds

    def _renew(self) -> None:
        self._driver.close()
        self._server.stop()
        self._limit = None
        self._server = start_server(self._store)
        self._driver = self._server.driver()

    def lacks(self, schema: Schema) -> list[str]:
        """The copy that is served does not change: it is read once, and then only asked whether it answers."""
        if self._names is None:
            self._names = frozenset(self.schema(samples=0).names)
        self._read("RETURN 1")
        return [name for name in schema.names if name not in self._names]

    def close(self) -> None:
        super().close()
        self._server.stop()


def open_graph(url: str) -> EmbeddedGraph:
    """Opens `graph:FILE.json`, a path relative to the working directory. Raises DatabaseError."""
    path = Path(url.removeprefix("graph:"))
    if not path.is_file():
        raise DatabaseError(f"no graph file {path} (looked in {Path.cwd()}): check the path in {url}")
    return EmbeddedGraph(_store(path), url)


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
