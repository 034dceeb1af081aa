"""Cypher databases, through the official driver: a Neo4j server, or the embedded graph behind the same protocol."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from neo4j import READ_ACCESS, Driver, GraphDatabase, Query, Session
from neo4j.exceptions import AuthError, BrokenRecordError, ConfigurationError, DriverError, Neo4jError
from neo4j.graph import Node, Path, Relationship
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

from t2q.databases.base import MAX_ROWS, TIMEOUT_SECONDS, Result
from t2q.databases.bolt_reading import Reading
from t2q.databases.credentials import NEO4J_VARIABLES, redact, resolve
from t2q.databases.neo4j_schema import ALL_LABELS, ALL_PROPERTIES, property_values, read_schema
from t2q.databases.values import findable, one_line, plain
from t2q.errors import DatabaseError, ExecutionFailed, NotReadOnly, QueryTimeout, T2QError
from t2q.languages import Language, language_for
from t2q.schema import Schema, Value

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

CONNECT_SECONDS = 10.0
SCHEMA_SECONDS = 120.0  # one query of the introspection; it reads every node once
GRACE_SECONDS = 5.0  # that a server may take to break a query off, once it has had its time
MAX_BYTES = 8_000_000  # of a result as a server sends it; as Python's objects it can be sixty times as large

# Without handlers Python prints warnings: the server's remarks on a query (an unknown label, a deprecated call), and
# that a connection ended whose answer was not read to its end.
for _name in ("neo4j.notifications", "neo4j.session", "neo4j.pool", "neo4j.io"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

# By the beginning of the server's code, most special first.
_ERRORS: tuple[tuple[str, type[T2QError]], ...] = (
    ("Neo.ClientError.Transaction.TransactionTimedOut", QueryTimeout),
    ("Neo.ClientError.Statement.AccessMode", NotReadOnly),
    ("Neo.ClientError.Security.Forbidden", NotReadOnly),
    ("Neo.ClientError.Security.", DatabaseError),
    ("Neo.ClientError.Database.", DatabaseError),
)


class NotBrokenOff(QueryTimeout):
    """The server did not break the query off in its time: it may be at work on it still."""


@dataclass(frozen=True)
class Told:
    """What a server answers: values as the driver gives them. `cut`: there was more. `kind`: its class of the query
    ("r" reads), known where nothing was cut."""

    columns: tuple[str, ...]
    rows: list[list[Any]]
    cut: bool
    kind: str


@plain.register
def _(value: Node) -> Any:
    return {key: plain(item) for key, item in value.items()}


@plain.register
def _(value: Relationship) -> Any:
    return {key: plain(item) for key, item in value.items()}


@plain.register
def _(value: Path) -> Any:
    """Nodes and relationships in turn."""
    steps: list[Any] = [plain(value.start_node)]
    for relationship, node in zip(value.relationships, value.nodes[1:], strict=True):
        steps += [plain(relationship), plain(node)]
    return steps


@plain.register(Date)
@plain.register(Time)
@plain.register(DateTime)
def _(value: Date | Time | DateTime) -> Any:
    return value.to_native().isoformat()


@plain.register
def _(value: Duration) -> Any:
    return value.iso_format()


@plain.register
def _(value: Point) -> Any:
    return [float(number) for number in value]


def open_driver(url: str, retry_seconds: float = 0) -> tuple[Driver, str | None]:
    """A driver for a server, and the name of the database there, None for its default. Connects only when used.

    `retry_seconds`: how long a transaction that met another is tried again. Raises DatabaseError where it is no URL.
    """
    parts = urlsplit(resolve(url))
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], path="").geturl()
    try:
        driver = GraphDatabase.driver(
            address,
            auth=auth,
            connection_timeout=CONNECT_SECONDS,
            connection_acquisition_timeout=2 * CONNECT_SECONDS,
            max_transaction_retry_time=retry_seconds,
        )
    except (ValueError, ConfigurationError) as error:
        raise DatabaseError(f"{redact(url)} is not a Neo4j URL: {one_line(error)}") from error
    return driver, parts.path.strip("/") or None


class Neo4jDatabase:
    """A Cypher database behind a driver, which it closes. `database` None is the server's default database."""

    language: Language
    # Whether EXPLAIN tells a reading query from a writing one. Neo4j Community lets every user write, so there each
    # query must be classified as reading before it runs.
    _explain_classifies = True

    def __init__(self, driver: Driver, database: str | None, url: str) -> None:
        self.url = url
        self.language = language_for("cypher")
        self._driver = driver
        self._database = database

    @classmethod
    def connect(cls, url: str) -> Neo4jDatabase:
        """Reaches a server: `neo4j://host:7687`, `bolt://…`, `neo4j+s://…`, with `/NAME` for one of its databases.

        Raises DatabaseError where it does not answer or does not accept the credentials.
        """
        driver, database = open_driver(url)
        found = cls(driver, database, redact(url))
        try:
            found._run("RETURN 1", CONNECT_SECONDS)
        except T2QError as error:
            found.close()
            raise error if isinstance(error, DatabaseError) else DatabaseError(f"{found.url}: {error}") from error
        return found

    def schema(self, samples: int = 3) -> Schema:
        try:
            schema = read_schema(self._read, self.language.quote, samples)
        except (ExecutionFailed, QueryTimeout) as error:
            raise _unreadable(self.url, error) from error
        if not schema.entities:
            raise DatabaseError(f"{self.url} holds no nodes: check that it is the database you mean")
        return schema

    def values(self, entity: str, fieldname: str, limit: int = 50) -> list[Value]:
        return findable(property_values(self._read, self.language.quote, entity, fieldname, limit))

    def execute(self, query: str, timeout: float = TIMEOUT_SECONDS, max_rows: int = MAX_ROWS) -> Result:
        self.language.prove_read_only(query)
        if self._explain_classifies:
            self._classify(query, timeout)
        told = self._run(query, timeout, max_rows)
        return Result(told.columns, [tuple(plain(value) for value in row) for row in told.rows], told.cut)

    def explain(self, query: str) -> None:
        self.language.prove_read_only(query)
        self._classify(query, TIMEOUT_SECONDS)

    def _classify(self, query: str, timeout: float) -> None:
        """Has the query planned but not run. Raises NotReadOnly where the server says that it does more than read."""
        kind = self._run(f"EXPLAIN {query}", timeout).kind
        if self._explain_classifies and kind != "r":
            raise NotReadOnly(f"the server says that the query does not only read (type {kind})")

    def _read(self, query: str) -> list[list[Any]]:
        return self._run(query, SCHEMA_SECONDS).rows

    def _run(self, query: str, timeout: float, limit: int | None = None) -> Told:
        """The first `limit` rows, or fewer that are MAX_BYTES together; without a limit all."""
        reading = Reading(timeout + GRACE_SECONDS, MAX_BYTES if limit is not None else float("inf"))
        rows: list[list[Any]] = []
        with self._session(timeout, reading, fetch_size=1000 if limit is None else limit + 1) as session:
            result = session.run(Query(query, timeout=timeout))
            columns = tuple(result.keys())
            try:
                for record in islice(result, limit):
                    rows.append(record.values())
                cut = limit is not None and result.peek() is not None
            except DriverError:
                if not (reading.large and rows):
                    raise
                cut = True
            kind = "" if cut else result.consume().query_type or ""
            if cut:
                reading.stop()
        return Told(columns, rows, cut, kind)

    @contextlib.contextmanager
    def _session(self, seconds: float, reading: Reading, fetch_size: int) -> Iterator[Session]:
        """A session that may only read. Inside, the driver's errors become ours."""
        session = self._driver.session(database=self._database, default_access_mode=READ_ACCESS, fetch_size=fetch_size)
        try:
            with reading, session:
                yield session
        except AuthError as error:
            user, password = NEO4J_VARIABLES
            raise DatabaseError(f"{self.url} refused the credentials: set {user} and {password}") from error
        except Neo4jError as error:
            kind = next((kind for code, kind in _ERRORS if (error.code or "").startswith(code)), ExecutionFailed)
            message = one_line(error.message)
            if kind is QueryTimeout:
                message = f"the query ran longer than {seconds:g} s"
            raise kind(f"{self.url}: {message}" if kind is DatabaseError else message) from error
        except (BrokenRecordError, UnicodeEncodeError) as error:
            # A value that Python's types cannot hold (a date after the year 9999), or half a surrogate pair in a query.
            raise ExecutionFailed(one_line(error.__cause__ or error)) from error
        except DriverError as error:
            if reading.late:
                raise NotBrokenOff(f"the query ran longer than {seconds:g} s") from error
            if reading.large:
                raise ExecutionFailed("a row of the result is too large: ask for fewer values") from error
            raise DatabaseError(f"{self.url} does not answer: {one_line(error)}") from error

    def lacks(self, schema: Schema) -> list[str]:
        """A property counts as there where any label has it: a server keeps no list of each label's."""
        try:
            labels, keys = ({row[0] for row in self._read(query)} for query in (ALL_LABELS, ALL_PROPERTIES))
        except (ExecutionFailed, QueryTimeout) as error:
            raise _unreadable(self.url, error) from error
        there = {e.name for e in schema.entities if e.name in labels}
        there |= {f"{e.name}.{f.name}" for e in schema.entities if e.name in there for f in e.fields if f.name in keys}
        return [name for name in schema.names if name not in there]

    def close(self) -> None:
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unreadable(url: str, error: T2QError) -> DatabaseError:
    return DatabaseError(f"the schema of {url} cannot be read: {error}")
