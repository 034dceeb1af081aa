"""Cypher databases, through the official driver: a Neo4j server, or the embedded graph behind the same protocol."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from neo4j import READ_ACCESS, Driver, GraphDatabase, Query
from neo4j.exceptions import AuthError, BrokenRecordError, ConfigurationError, DriverError, Neo4jError
from neo4j.graph import Node, Path, Relationship
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

from t2q.databases.base import MAX_ROWS, TIMEOUT_SECONDS, Result
from t2q.databases.credentials import NEO4J_VARIABLES, redact, resolve
from t2q.databases.neo4j_schema import property_values, read_schema
from t2q.databases.values import findable, one_line, plain
from t2q.errors import DatabaseError, ExecutionFailed, NotReadOnly, QueryTimeout, T2QError
from t2q.languages import Language, language_for
from t2q.schema import Schema, Value

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11

CONNECT_SECONDS = 10.0
SCHEMA_SECONDS = 120.0  # one query of the introspection; it reads every node once

# Without handlers Python prints warnings: the server's remarks on a query (an unknown label, a deprecated call), and
# that the rest of a result that the row cap cut took longer than the time limit.
for _name in ("neo4j.notifications", "neo4j.session"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

# By the beginning of the server's code, most special first.
_ERRORS: tuple[tuple[str, type[T2QError]], ...] = (
    ("Neo.ClientError.Transaction.TransactionTimedOut", QueryTimeout),
    ("Neo.ClientError.Statement.AccessMode", NotReadOnly),
    ("Neo.ClientError.Security.Forbidden", NotReadOnly),
    ("Neo.ClientError.Security.", DatabaseError),
    ("Neo.ClientError.Database.", DatabaseError),
)


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
        parts = urlsplit(resolve(url))
        shown = redact(url)
        auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        address = parts._replace(netloc=parts.netloc.rpartition("@")[2], path="").geturl()
        try:
            driver = GraphDatabase.driver(
                address,
                auth=auth,
                connection_timeout=CONNECT_SECONDS,
                connection_acquisition_timeout=2 * CONNECT_SECONDS,
                max_transaction_retry_time=0,
            )
        except (ValueError, ConfigurationError) as error:
            raise DatabaseError(f"{shown} is not a Neo4j URL: {one_line(error)}") from error
        found = cls(driver, parts.path.strip("/") or None, shown)
        try:
            found._run("RETURN 1", CONNECT_SECONDS)
        except T2QError as error:
            found.close()
            raise error if isinstance(error, DatabaseError) else DatabaseError(f"{shown}: {error}") from error
        return found

    def schema(self, samples: int = 3) -> Schema:
        try:
            schema = read_schema(self._read, self.language.quote, samples)
        except (ExecutionFailed, QueryTimeout) as error:
            raise DatabaseError(f"the schema of {self.url} cannot be read: {error}") from error
        if not schema.entities:
            raise DatabaseError(f"{self.url} holds no nodes: check that it is the database you mean")
        return schema

    def values(self, entity: str, fieldname: str, limit: int = 50) -> list[Value]:
        return findable(property_values(self._read, self.language.quote, entity, fieldname, limit))

    def execute(self, query: str, timeout: float = TIMEOUT_SECONDS, max_rows: int = MAX_ROWS) -> Result:
        if self._explain_classifies:
            self.explain(query)
        else:
            self.language.prove_read_only(query)
        columns, records = self._run(query, timeout, max_rows + 1)
        rows = [tuple(plain(value) for value in record) for record in records]
        return Result(columns, rows[:max_rows], truncated=len(rows) > max_rows)

    def explain(self, query: str) -> None:
        self.language.prove_read_only(query)
        with self._session(TIMEOUT_SECONDS) as session:
            kind = session.run(Query(f"EXPLAIN {query}", timeout=TIMEOUT_SECONDS)).consume().query_type
        if self._explain_classifies and kind != "r":
            raise NotReadOnly(f"the server says that the query does not only read (type {kind})")

    def _read(self, query: str) -> list[list[Any]]:
        return self._run(query, SCHEMA_SECONDS)[1]

    def _run(self, query: str, timeout: float, limit: int | None = None) -> tuple[tuple[str, ...], list[list[Any]]]:
        """Column names and the first `limit` rows, as the driver gives their values."""
        with self._session(timeout, fetch_size=limit or 1000) as session:
            result = session.run(Query(query, timeout=timeout))
            records = list(result) if limit is None else result.fetch(limit)
            return tuple(result.keys()), [record.values() for record in records]

    @contextlib.contextmanager
    def _session(self, seconds: float, **settings: Any) -> Iterator[Any]:
        """A session that may only read. Inside, the driver's errors become ours."""
        try:
            with self._driver.session(database=self._database, default_access_mode=READ_ACCESS, **settings) as session:
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
            raise DatabaseError(f"{self.url} does not answer: {one_line(error)}") from error

    def close(self) -> None:
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
