"""A log in a SQLite file, made when the first interaction is kept."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import (
    URL,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from t2q.databases.sql_access import message_of
from t2q.errors import LogError
from t2q.log.interaction import Interaction, Wanted

VERSION = 1  # of the tables; PRAGMA user_version
LOCK_WAIT_SECONDS = 10.0
_SETTINGS = ("synchronous = FULL", "secure_delete = ON")


class Utc(TypeDecorator[datetime]):
    """A time with its zone, kept as text in UTC that sorts by time."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value and value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value and value.replace(tzinfo=timezone.utc)


_TABLES = MetaData()
# The columns are the fields of Interaction.
_INTERACTIONS = Table(
    "interactions",
    _TABLES,
    Column("id", Text, primary_key=True),
    Column("asked", Utc, nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("abstained", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("confidence", Float),
    Column("rows", Integer),
    Column("seconds", Float, nullable=False),
    Column("schema", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("rating", Text),
    Column("correction", Text, nullable=False),
    Column("judged", Utc),
)
_KEPT = _INTERACTIONS.c
# By what is given of Wanted.
_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "since": lambda time: _KEPT.asked >= time,
    "until": lambda time: _KEPT.asked < time,
    "rating": lambda rating: _KEPT.rating == rating,
    "corrected": lambda yes: (_KEPT.correction != "") == yes,
    "abstained": lambda yes: _KEPT.abstained == yes,
    "text": lambda text: func.instr(func.lower(_KEPT.question), text.lower()) > 0,
    "ids": lambda ids: _KEPT.id.in_(ids),
    "beginning": lambda text: func.substr(_KEPT.id, 1, len(text)) == text,
}


class SqliteStore:
    """Raises LogError where the file is no log, or one of a newer t2q."""

    def __init__(self, path: Path) -> None:
        self.path = path
        url = URL.create("sqlite", database=str(path))
        self._engine = create_engine(url, connect_args={"timeout": LOCK_WAIT_SECONDS})
        event.listen(self._engine, "connect", _set_up)
        self._made = False
        self._is_there()

    def add(self, interaction: Interaction) -> None:
        self._make()
        with self._writing() as connection:
            connection.execute(insert(_INTERACTIONS).values(asdict(interaction)))

    def change(self, id: str, values: Mapping[str, str | datetime | None]) -> bool:
        if not self._is_there():
            return False
        with self._writing() as connection:
            changed = connection.execute(update(_INTERACTIONS).where(_KEPT.id == id).values(values))
            return changed.rowcount > 0

    def page(self, wanted: Wanted, after: Interaction | None, limit: int) -> list[Interaction]:
        if not self._is_there():
            return []
        query = select(_INTERACTIONS).where(*_conditions(wanted)).limit(limit)
        if after:
            query = query.where(tuple_(_KEPT.asked, _KEPT.id) < tuple_(after.asked, after.id))
        with self._told("read"), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(_KEPT.asked.desc(), _KEPT.id.desc())).all()
        return [Interaction(**row._mapping) for row in rows]

    def remove(self, wanted: Wanted) -> int:
        if not self._is_there():
            return 0
        with self._writing() as connection:
            number = connection.execute(delete(_INTERACTIONS).where(*_conditions(wanted))).rowcount
        self._scrub()
        return number

    def _scrub(self) -> None:
        """Takes out of the files what is deleted: SQLite leaves it in free pages and in the write-ahead log."""
        with self._told("written"), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM")
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        if busy:
            raise LogError(
                f"what was deleted from {self.path} is still in {self.path.name}-wal, which another program reads: "
                "forget it again when that has ended"
            )

    def close(self) -> None:
        self._engine.dispose()

    def _is_there(self) -> bool:
        """Whether this or another process has made the log."""
        if self._made or self.path.exists():
            self._make()
        return self._made

    def _make(self) -> None:
        """Makes the tables where they are not there yet."""
        if self._made:
            return
        with self._told("read"), self._engine.connect() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version > VERSION:
            raise LogError(f"{self.path} was made by a newer version of t2q: update t2q to read it")
        if version < VERSION:
            lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), LOCK_WAIT_SECONDS)
            with self._told("written"), lock, self._engine.begin() as connection:  # SQLite waits for no change of mode
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                _TABLES.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
        self._made = True

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._told("written"), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError, Timeout, UnicodeEncodeError) as error:
            raise LogError(f"the log {self.path} cannot be {what}: {message_of(error)}") from error


def _set_up(connection: sqlite3.Connection, _: object) -> None:
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}").close()
    connection.create_function("lower", 1, str.lower, deterministic=True)  # SQLite's own knows A to Z only


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    return [_CONDITIONS[name](value) for name, value in wanted.given.items()]
