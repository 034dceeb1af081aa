"""SQL databases, through SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from types import TracebackType

from sqlalchemy import Inspector, inspect
from sqlalchemy.exc import SQLAlchemyError

from t2q.databases.base import MAX_ROWS, TIMEOUT_SECONDS, Result
from t2q.databases.credentials import redact, resolve
from t2q.databases.sql_access import explained, message_of, open_engine, read_only, row_by_row
from t2q.databases.sql_limits import first_rows
from t2q.databases.sql_schema import column_values, own_schemas, read_schema, views
from t2q.databases.values import findable, plain
from t2q.errors import DatabaseError, ExecutionFailed, UnknownName
from t2q.languages import Language, language_for
from t2q.languages.sql_names import folded, tables
from t2q.languages.sql_safety import searches
from t2q.schema import Schema, Value


class SqlDatabase:
    """A database behind a SQLAlchemy URL, opened for reading. Credentials are found as `credentials` says.

    Raises DatabaseError where it cannot be reached, its driver is missing or a SQLite file is not there.
    """

    language: Language

    def __init__(self, url: str) -> None:
        address = resolve(url)
        self.url = redact(address)
        self._engine = open_engine(address)
        self._driver_error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        self.language = language_for(self._engine.dialect.name)
        try:
            self._inspector: Inspector = inspect(self._engine)
            self._tables = sorted(self._inspector.get_table_names())
            self._readable = self._written({*self._tables, *views(self._inspector)})
            self._own = self._written(own_schemas(self._inspector))
        except SQLAlchemyError as error:
            self.close()
            raise _unreachable(error, self.url) from error

    def _written(self, names: Iterable[str]) -> set[str]:
        return {folded(name, True, self.language.dialect) for name in names}

    def schema(self, samples: int = 3) -> Schema:
        if not self._tables:
            raise DatabaseError(f"{self.url} holds no tables: check that it is the database you mean")
        try:
            with self._engine.connect() as connection:
                return read_schema(connection, self._inspector, self._tables, self.language.dialect, samples)
        except SQLAlchemyError as error:
            raise _unreachable(error, self.url) from error

    def execute(self, query: str, timeout: float = TIMEOUT_SECONDS, max_rows: int = MAX_ROWS) -> Result:
        self._prove(query)
        return self._run(query, timeout, max_rows, searching=searches(query, self.language.dialect))

    def explain(self, query: str) -> None:
        self._prove(query)
        self._run(f"EXPLAIN {query}", TIMEOUT_SECONDS, 1, stream=False)

    def _prove(self, query: str) -> None:
        """It only reads, and only the tables and views that this database is made of: not those that the server keeps
        about itself and its accounts, nor other databases'."""
        self.language.prove_read_only(query)
        for *owners, name in tables(query, self.language.dialect):
            if name not in self._readable or not self._own.issuperset(owners):
                raise UnknownName(f"the database has no table {'.'.join([*owners, name])}")

    def _run(self, query: str, timeout: float, max_rows: int, stream: bool = True, searching: bool = False) -> Result:
        """Runs what is taken to be a query; only the database itself keeps it from writing.

        `stream`: the rows are fetched as they are needed, and not all of them before the cap is met.
        `searching`: see `sql_limits.limited`.
        """
        # Percent signs and colons are the query's own.
        options = {"no_parameters": True, "stream_results": stream, "max_row_buffer": 1, "sqlite_raw_colnames": True}
        try:
            with self._engine.connect() as connection, read_only(connection, timeout, max_rows + 1, searching):
                result = connection.exec_driver_sql(query, execution_options=options)
                if not result.returns_rows:
                    raise ExecutionFailed("the statement returns no rows: it is no query")
                columns = tuple(result.keys())
                with closing(row_by_row(connection, query, result) if stream else result) as found:
                    rows, truncated = first_rows(found, max_rows, timeout)
        except (SQLAlchemyError, self._driver_error, sqlite3.Warning, ValueError, MemoryError) as error:
            # Unwrapped by SQLAlchemy: what a driver says that we ask ourselves, Python 3.10's Warning of two
            # statements, and a ValueError of a character that no driver accepts (NUL, half a surrogate pair).
            raise explained(error, self.url, timeout) from error
        return Result(columns, [tuple(map(plain, row)) for row in rows], truncated)

    def values(self, entity: str, fieldname: str, limit: int = 50) -> list[Value]:
        # SQLite reads an unknown quoted column as a string, so the name is checked here.
        if entity not in self._tables:
            raise UnknownName(f"{self.url} has no table {entity}")
        if fieldname not in {column["name"] for column in self._inspector.get_columns(entity)}:
            raise UnknownName(f"the table {entity} has no column {fieldname}")
        try:
            with self._engine.connect() as connection:
                return findable(column_values(connection, entity, fieldname, limit))
        except SQLAlchemyError as error:
            raise explained(error, self.url) from error

    def lacks(self, schema: Schema) -> list[str]:
        there = set()
        try:
            inspector = inspect(self._engine)  # a new one: an inspector remembers what it has seen
            tables = {*inspector.get_table_names(), *inspector.get_view_names()}
            for name in (entity.name for entity in schema.entities if entity.name in tables):
                there |= {name, *(f"{name}.{column['name']}" for column in inspector.get_columns(name))}
        except SQLAlchemyError as error:
            raise _unreachable(error, self.url) from error
        return [name for name in schema.names if name not in there]

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> SqlDatabase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unreachable(error: SQLAlchemyError, shown: str) -> DatabaseError:
    """Reading a schema is no query, so every failure of it is the database's."""
    known = explained(error, shown)
    if isinstance(known, DatabaseError):
        return known
    return DatabaseError(f"{shown} cannot be read: {message_of(error)}")
