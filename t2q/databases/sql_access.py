"""How each SQL database is opened so that it cannot be written to, and how its errors read.

The proof in `t2q.languages` comes first; what stands here holds where that proof has a hole.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, Engine, QueuePool, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from t2q.databases.credentials import redact
from t2q.databases.sql_limits import SQLITE_HEAP_BYTES, limited
from t2q.databases.urls import for_example
from t2q.databases.values import one_line
from t2q.errors import DatabaseError, ExecutionFailed, NotReadOnly, QueryTimeout, T2QError

LOCK_WAIT_SECONDS = 5.0
CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Access:
    """`begin` and `end`: statements before and after each query ({ms}, {seconds}: its time limit; {rows}: what is
    needed of its result), `options`: arguments of the driver."""

    begin: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    options: tuple[tuple[str, object], ...] = ()


# What the proof takes for a string must be one here. Without ANSI_QUOTES and NO_BACKSLASH_ESCAPES it is so.
_MYSQL_STRINGS = "@@sql_mode"
for _mode in ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ORACLE", "MSSQL", "DB2", "MAXDB", "POSTGRESQL", "ANSI"):
    _MYSQL_STRINGS = f"REPLACE({_MYSQL_STRINGS}, '{_mode}', '')"
# Its drivers read a result to its end before they let go of it, hence sql_select_limit.
# The session's mode and not only the transaction's: MariaDB ends a transaction before it runs DROP TABLE.
_MYSQL_BEGIN = (
    f"SET SESSION sql_mode = {_MYSQL_STRINGS}, group_concat_max_len = LEAST(@@group_concat_max_len, 1048576), "
    "lock_wait_timeout = {whole_seconds}, sql_select_limit = {rows}",
    "SET SESSION TRANSACTION READ ONLY",
)
_MYSQL_OPTIONS = (("connect_timeout", CONNECT_SECONDS), ("charset", "utf8mb4"))
ACCESS = {
    "sqlite": Access(),
    # One trip to the server. Only a superuser may, and must, bound the files that a sort writes.
    "postgresql": Access(
        begin=(
            "SELECT set_config('default_transaction_read_only', 'on', false),"
            " set_config('transaction_read_only', 'on', true), set_config('statement_timeout', '{ms}', true),"
            " set_config('lock_timeout', '{ms}', true), set_config('standard_conforming_strings', 'on', true),"
            " set_config('idle_in_transaction_session_timeout', '{idle_ms}', true),"
            " (SELECT set_config('temp_file_limit', '1GB', true) FROM pg_roles"
            " WHERE rolname = current_user AND rolsuper)",
        ),
        options=(("connect_timeout", CONNECT_SECONDS),),
    ),
    "mysql": Access(
        begin=("SET SESSION max_execution_time = {ms}", *_MYSQL_BEGIN),
        end=("SET SESSION max_execution_time = DEFAULT, sql_select_limit = DEFAULT",),
        options=_MYSQL_OPTIONS,
    ),
    "mariadb": Access(
        begin=("SET SESSION max_statement_time = {seconds}", *_MYSQL_BEGIN),
        end=("SET SESSION max_statement_time = DEFAULT, sql_select_limit = DEFAULT",),
        options=_MYSQL_OPTIONS,
    ),
    "duckdb": Access(
        options=(
            ("read_only", True),
            (
                "config",
                {
                    "enable_external_access": "false",
                    "python_enable_replacements": "false",  # else a name may be any variable of this program
                    "memory_limit": "1GB",
                    "temp_directory": "",  # else it writes beside the database what does not fit
                    "lock_configuration": "true",
                },
            ),
        )
    ),
}
# What to install, by the module or dialect that is missing.
PACKAGES = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "duckdb": "duckdb-sqlalchemy",  # duckdb-engine 0.17 cannot read a schema with SQLAlchemy 2.0.45 and newer
}

_SQLITE_ACTIONS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
# Reading the schema goes through pragmas (full-text tables use data_version); none of these changes anything.
_SQLITE_PRAGMAS = {
    "table_info",
    "table_xinfo",
    "table_list",
    "foreign_key_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "read_uncommitted",
    "data_version",
}
_SQLITE_FUNCTIONS_REFUSED = {"load_extension", "fts3_tokenizer"}

# SQLSTATE of PostgreSQL, error numbers of MySQL and MariaDB, beginnings of messages of SQLite and DuckDB.
_TIMEOUT_CODES = {"57014", "3024", "1969"}
_TIMEOUT_MESSAGES = ("interrupted", "INTERRUPT Error")
_WRITE_CODES = {"25006", "1792"}
_WRITE_MESSAGES = (
    "not authorized",
    "access to ",  # SQLite: "access to sqlite_master.sql is prohibited"
    "too many attached databases",
    "attempt to write a readonly database",
    "Permission Error",
    "Invalid Input Error: Cannot execute statement",
)
_UNREADABLE = {
    "database is locked": "is locked by another program: close it there, or try again",
    "database table is locked": "is locked by another program: close it there, or try again",
    "file is not a database": "is not a SQLite database, or is encrypted",
    "database disk image is malformed": "is damaged: restore it from a backup",
    "unable to open database file": "cannot be opened: check the permissions of the file and its folder",
}


def open_engine(address: str) -> Engine:
    """An engine for a resolved URL. Connects only when used, but a SQLite file must be there. Raises DatabaseError."""
    shown = redact(address)
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):  # not chained: what it says may hold a part of the password
        raise DatabaseError(f"{shown} is not a database URL: write for example {for_example(address)}") from None
    dialect = url.get_backend_name()
    if dialect not in ACCESS:
        raise DatabaseError(f"{shown}: t2q cannot open {dialect} read-only; it can open {', '.join(sorted(ACCESS))}")
    if dialect == "sqlite":
        return _sqlite_engine(url)
    if dialect == "duckdb":
        _existing_file(url)
    try:
        return create_engine(url, connect_args=dict(ACCESS[dialect].options), pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        missing = getattr(error, "name", None) or dialect
        package = PACKAGES.get(missing, missing)
        raise DatabaseError(f"{shown} needs a driver that is not installed: pip install '{package}'") from error


def _existing_file(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise DatabaseError(f"{redact(str(url))} names no file: write the path of a database, sqlite:///PATH")
    path = Path(url.database)
    if not path.is_file():
        raise DatabaseError(f"no database file {path} (looked in {Path.cwd()}): check the path in the URL")
    return path


def _sqlite_engine(url: URL) -> Engine:
    path = _existing_file(url).resolve()
    uri = f"{path.as_uri()}?mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_SECONDS, check_same_thread=False)
        connection.text_factory = lambda data: data.decode(errors="replace")
        connection.execute(f"PRAGMA hard_heap_limit = {SQLITE_HEAP_BYTES}")  # a lower one that is set stays
        connection.set_authorizer(_authorize)
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=QueuePool)


def _authorize(action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        allowed = second not in _SQLITE_FUNCTIONS_REFUSED
    elif action == sqlite3.SQLITE_PRAGMA:
        allowed = first in _SQLITE_PRAGMAS
    elif action == sqlite3.SQLITE_UPDATE:
        allowed = first == "sqlite_master"  # how SQLite announces opening a virtual table; no statement may write there
    else:
        allowed = action in _SQLITE_ACTIONS
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


@contextlib.contextmanager
def read_only(connection: Connection, seconds: float, rows: int, searching: bool) -> Iterator[None]:
    """Inside, queries on the connection cannot write and are broken off after `seconds`; `rows` are needed at most.

    `searching`: see `limited`.
    """
    dialect = connection.dialect.name
    if getattr(connection.dialect, "is_mariadb", False):
        dialect = "mariadb"
    milliseconds = max(1, int(seconds * 1000))
    values = {
        "ms": milliseconds,
        "idle_ms": milliseconds + 60_000,
        "seconds": seconds,
        "whole_seconds": max(1, int(seconds)),
        "rows": rows,
    }
    for statement in ACCESS[dialect].begin:
        connection.exec_driver_sql(statement.format_map(values))
    try:
        with limited(connection, seconds, searching):
            yield
    finally:
        for statement in ACCESS[dialect].end:
            with contextlib.suppress(SQLAlchemyError):  # the connection may be the thing that failed
                connection.exec_driver_sql(statement)


def row_by_row(connection: Connection, query: str, result: CursorResult[Any]) -> Any:
    """The rows of a result, of which the program holds one at a time; to be closed.

    PostgreSQL's cursor has been opened for `result`, which proves that the query is one, and one only. But each of its
    rows would be a trip to the server, or many come at once, however large. psycopg can take the same query's rows one
    by one, as they come.
    """
    if connection.dialect.driver != "psycopg":
        return result
    driver: Any = connection.connection.dbapi_connection
    return driver.cursor().stream(query)


def message_of(error: Exception) -> str:
    """The database's own words, in one line, without what SQLAlchemy and the driver put around them."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)  # PostgreSQL
    return one_line(primary or (cause.args[-1] if cause.args else cause))  # MySQL: (number, message)


def explained(error: Exception, shown: str, seconds: float | None = None) -> T2QError:
    """What t2q raises for a database's error: `shown` is the URL, `seconds` the time limit of the query."""
    message = message_of(error)
    if isinstance(error, MemoryError):
        return ExecutionFailed("the query takes more memory, or more steps, than it may")
    if isinstance(error, PoolTimeout):
        return DatabaseError(f"{shown}: too many queries at once: ask again when some have ended")
    cause: Any = (error.orig if isinstance(error, DBAPIError) else None) or error
    state = getattr(cause, "sqlstate", None)
    codes = {str(code) for code in (state, getattr(cause, "pgcode", ""), *cause.args[:1])}
    if codes & _TIMEOUT_CODES or message.startswith(_TIMEOUT_MESSAGES):
        return QueryTimeout(f"the query ran longer than {seconds:g} s" if seconds else message)
    if codes & _WRITE_CODES or message.startswith(_WRITE_MESSAGES):
        return NotReadOnly(message)
    for beginning, meaning in _UNREADABLE.items():
        if message.startswith(beginning):
            return DatabaseError(f"{shown} {meaning}")
    unsaid = hasattr(cause, "sqlstate") and state is None and type(cause).__name__ == "OperationalError"  # psycopg
    if unsaid or getattr(error, "connection_invalidated", False):
        return DatabaseError(f"{shown}: the connection was lost: {message}")
    return ExecutionFailed(message)
