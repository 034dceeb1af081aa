"""Real databases that hold shop.sql, to be attacked."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy

from tests.servers import CannotStartError
from tests.sql_servers import PASSWORD, mariadb_server, postgres_server

SECRET = "T0PSECRET"
SHOP = (Path(__file__).parent / "shop.sql").read_text()
_VAULT = (
    f"CREATE TABLE vault.secrets (a VARCHAR(20)); INSERT INTO vault.secrets VALUES ('{SECRET}'); "
    f"CREATE TABLE vault.customers (id VARCHAR(20)); INSERT INTO vault.customers VALUES ('{SECRET}')"
)
_POSTGRES = """CREATE SEQUENCE s;
CREATE FUNCTION wipe() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM customers; RETURN 1; END';
CREATE PROCEDURE wipe_all() LANGUAGE plpgsql AS 'BEGIN DELETE FROM customers; END';
"""
_MARIADB = """CREATE SEQUENCE s;
CREATE FUNCTION wipe() RETURNS int BEGIN DELETE FROM customers; RETURN 1; END;
CREATE PROCEDURE wipe_all() DELETE FROM customers;
"""
_KEPT = {
    "postgresql": (
        "SELECT * FROM public.customers ORDER BY id",
        "SELECT * FROM public.orders ORDER BY id",
        "SELECT * FROM public.numbers ORDER BY n",
        "SELECT * FROM vault.secrets",
        "SELECT last_value, is_called FROM public.s",
        "SELECT relname, relnamespace, relacl::text FROM pg_class WHERE relnamespace <> 99 ORDER BY oid",
        "SELECT proname FROM pg_proc ORDER BY oid",
        "SELECT extname FROM pg_extension",
        "SELECT * FROM pg_authid ORDER BY oid",
        "SELECT count(*) FROM pg_largeobject_metadata",
    ),
    "mariadb": (
        "SELECT * FROM shop.customers ORDER BY id",
        "SELECT * FROM shop.orders ORDER BY id",
        "SELECT * FROM shop.numbers ORDER BY n",
        "SELECT * FROM vault.secrets",
        "SELECT * FROM shop.s",
        "SELECT table_schema, table_name, table_type FROM information_schema.tables ORDER BY 1, 2",
        "SELECT routine_name FROM information_schema.routines ORDER BY 1",
        "SELECT * FROM mysql.global_priv ORDER BY 1, 2",
    ),
}


@dataclass(frozen=True)
class Target:
    """`admin` and `app`: URLs, of an account that may do anything and of one that owns the shop. `digest`: of all that
    is stored. `folder`: where nothing may appear; `file`: what may not be read. `secrets`: what no answer may hold."""

    dialect: str
    admin: str
    app: str
    digest: Callable[[], str]
    folder: Path
    file: Path
    secrets: tuple[str, ...]


@contextlib.contextmanager
def target(dialect: str, folder: Path) -> Iterator[Target]:
    """Skips with the reason where its server or its driver is not installed."""
    open_to_all, file = folder / "open", folder / "secret.csv"
    open_to_all.mkdir(mode=0o777)
    for path in (open_to_all, folder, *folder.parents[:2]):
        path.chmod(0o777)
    file.write_text(f"a,b\n{SECRET},2\n")
    file.chmod(0o644)
    with contextlib.ExitStack() as stack:
        try:
            admin, app, digest, secrets = stack.enter_context(_OPENED[dialect](folder))
        except CannotStartError as reason:
            pytest.skip(str(reason))
        yield Target(dialect, admin, app, digest, open_to_all, file, (SECRET, *secrets))


_Opened = tuple[str, str, Callable[[], str], tuple[str, ...]]


@contextlib.contextmanager
def _sqlite(folder: Path) -> Iterator[_Opened]:
    path = folder / "database" / "shop.sqlite"
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(SHOP)
    url = f"sqlite:///{path}"
    yield url, url, lambda: _folder_digest(path.parent), (str(path.parent),)


@contextlib.contextmanager
def _duckdb(folder: Path) -> Iterator[_Opened]:
    if not importlib.util.find_spec("duckdb_sqlalchemy"):
        raise CannotStartError("no driver: pip install 'duckdb-sqlalchemy'")
    import duckdb

    path = folder / "database" / "shop.duckdb"
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute(SHOP + "CREATE SEQUENCE s;")
    url = f"duckdb:///{path}"
    yield url, url, lambda: _folder_digest(path.parent), (str(path.parent),)


@contextlib.contextmanager
def _postgres(_folder: Path) -> Iterator[_Opened]:
    with postgres_server() as url:
        admin, app = url.format(user="admin"), url.format(user="app")
        with sqlalchemy.create_engine(app).begin() as connection:
            connection.exec_driver_sql(SHOP + _POSTGRES)
        with sqlalchemy.create_engine(admin).begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA vault; {_VAULT}")
        yield admin, app, lambda: _stored(admin, "postgresql"), ("SCRAM-SHA-256",)


@contextlib.contextmanager
def _mariadb(_folder: Path) -> Iterator[_Opened]:
    with mariadb_server() as url:
        admin, app = url.format(user="admin"), url.format(user="app")
        with sqlalchemy.create_engine(admin).begin() as connection:
            connection.exec_driver_sql("SET sql_mode = 'ANSI_QUOTES'")
            for statement in [*SHOP.split(";\n"), *_MARIADB.split(";\n"), "CREATE DATABASE vault", *_VAULT.split("; ")]:
                if statement.strip():
                    connection.exec_driver_sql(statement)
        hashed = hashlib.sha1(hashlib.sha1(PASSWORD.encode()).digest()).hexdigest().upper()
        yield admin, app, lambda: _stored(admin, "mariadb"), (hashed,)


_OPENED = {"sqlite": _sqlite, "postgresql": _postgres, "mariadb": _mariadb, "duckdb": _duckdb}
DIALECTS = tuple(_OPENED)


def _stored(url: str, dialect: str) -> str:
    found = hashlib.sha256()
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        for query in _KEPT[dialect]:
            found.update(repr(connection.exec_driver_sql(query).fetchall()).encode())
    engine.dispose()
    return found.hexdigest()


def _folder_digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path.name}:".encode() + path.read_bytes())
    return found.hexdigest()
