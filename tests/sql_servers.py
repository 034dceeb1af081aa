"""Real PostgreSQL and MariaDB servers for tests, from what the system has installed: no account, no Docker.

An empty server takes 2 to 10 s to start and listens on 127.0.0.1 only. Each has two accounts: `admin`, which may do
anything, and `app`, which owns the database `shop` and nothing else, as the account of an application does.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.servers import CannotStartError, free_port, home_folder, running

START_SECONDS = 120
PASSWORD = "geheim"  # of both accounts
_POSTGRES_ACCOUNTS = f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'; CREATE DATABASE shop OWNER app"
_MARIADB_ACCOUNTS = (
    f"CREATE DATABASE shop; CREATE USER admin@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; "
    "GRANT ALL ON *.* TO admin@'127.0.0.1' WITH GRANT OPTION; "
    f"CREATE USER app@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON shop.* TO app@'127.0.0.1'"
)


def _driver(name: str, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise CannotStartError(f"no driver: pip install '{package}'") from error


def _program(name: str, *folders: Path) -> str:
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"], "/usr/sbin"]))
    if not found:
        raise CannotStartError(f"{name} is not installed")
    return found


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CannotStartError(f"{command[0]} failed: {' '.join((done.stderr or done.stdout).split())[-300:]}")


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of an empty server, with {user} to be filled in. Raises CannotStartError."""
    psycopg = _driver("psycopg", "psycopg[binary]")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    initdb, postgres, pg_ctl = (_program(name, *installed) for name in ("initdb", "postgres", "pg_ctl"))
    # It refuses to run as root; setpriv becomes the server, so that the keeper can end it.
    other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"]
    as_user = other if os.geteuid() == 0 else []
    with home_folder("postgres") as home:
        data, port = home / "data", free_port()
        secret = home / "password"
        secret.write_text(PASSWORD)
        if as_user:
            for path in (home, secret):
                shutil.chown(path, "postgres")
        _run([*as_user, initdb, f"--pgdata={data}", "--username=admin", f"--pwfile={secret}", "--auth=scram-sha-256",
              "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])  # fmt: skip
        address = f"127.0.0.1:{port}"

        def ready() -> bool:
            try:
                with psycopg.connect(
                    f"postgresql://admin:{PASSWORD}@{address}/postgres", autocommit=True
                ) as connection:
                    for statement in _POSTGRES_ACCOUNTS.split("; "):
                        connection.execute(statement)
            except psycopg.OperationalError:
                return False
            return True

        command = [*as_user, postgres, "-D", str(data), "-p", str(port), "-k", str(home), "-h", "127.0.0.1", "-F"]
        with running(command, home, ready, START_SECONDS):
            try:
                yield f"postgresql+psycopg://{{user}}:{PASSWORD}@{address}/shop"
            finally:  # killed, it would leave its shared memory behind
                _run([*as_user, pg_ctl, "stop", f"--pgdata={data}", "--mode=immediate"])


@contextlib.contextmanager
def mariadb_server() -> Iterator[str]:
    """The URL of an empty server, with {user} to be filled in. Raises CannotStartError."""
    pymysql = _driver("pymysql", "pymysql")
    install, mariadbd = (_program(name) for name in ("mariadb-install-db", "mariadbd"))
    with home_folder("mariadb") as home:
        data, port = home / "data", free_port()
        common = ["--no-defaults", f"--datadir={data}", *(["--user=root"] if os.geteuid() == 0 else [])]
        _run([install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"])

        def ready() -> bool:
            try:
                connection = pymysql.connect(unix_socket=str(home / "socket"), user="root", autocommit=True)
            except pymysql.err.OperationalError:
                return False
            with connection, connection.cursor() as cursor:
                for statement in _MARIADB_ACCOUNTS.split("; "):
                    cursor.execute(statement)
            return True

        command = [mariadbd, *common, f"--socket={home / 'socket'}", f"--port={port}", "--bind-address=127.0.0.1",
                   "--skip-name-resolve", "--innodb-buffer-pool-size=16M", "--skip-log-bin"]  # fmt: skip
        with running(command, home, ready, START_SECONDS):
            yield f"mariadb+pymysql://{{user}}:{PASSWORD}@127.0.0.1:{port}/shop"
