"""The graph database of the `arcadedb-embedded` package, as a private child process that speaks Bolt.

It runs on the package's own Java, listens on 127.0.0.1 with random passwords, and ends with its parent, even when that
is killed. Facts about ArcadeDB 26.10 that shaped this file: it ignores the driver's READ access mode and timeout (so
queries run as a user who may only read, and the time limit is a setting of the database), its role's row limit cuts the
scan and not the result (so the limit is the client's), and a store belongs to one process. It breaks off what takes too
long between rows, but nothing inside of an expression, and what its buffers hold, but not a value that grows.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import json
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from neo4j import Driver, GraphDatabase

from t2q.databases import keeper
from t2q.databases.values import one_line
from t2q.errors import DatabaseError

DATABASE = "neo4j"
HEAP = "1g"
START_SECONDS = 300.0  # takes 1 to 2 s; much longer where other work has all processors
STOP_SECONDS = 300.0
START_ATTEMPTS = 3
ANSWER_SECONDS = 60.0  # to a command of a few milliseconds
READY = 204  # HTTP status of /api/v1/ready

# What each role may do to the server, and to records.
_ROLES = {
    "admin": (
        ["updateSecurity", "updateSchema", "updateDatabaseSettings"],
        ["createRecord", "readRecord", "updateRecord", "deleteRecord"],
    ),
    "reader": ([], ["readRecord"]),
    "*": ([], []),
}
_JAVA_OPTIONS = (
    f"-Xmx{HEAP}",
    "-XX:+ExitOnOutOfMemoryError",  # what goes on without memory answers wrongly, or never
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseCompactObjectHeaders",
    "--add-modules=jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "--add-opens=java.base/java.nio.channels.spi=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)


def package_folder() -> Path:
    """The installed package, found without importing it: its import starts Java inside this process."""
    found = importlib.util.find_spec("arcadedb_embedded")
    if found is None or found.origin is None:
        raise DatabaseError(
            "the embedded graph needs the package arcadedb-embedded: pip install arcadedb-embedded (there is none for "
            f"Intel Macs and musl Linux; this is {sys.platform} {platform.machine()}), or use a Neo4j's bolt:// URL"
        )
    return Path(found.origin).parent


class PortTakenError(DatabaseError):
    """Between choosing a free port and listening on it, another program took it."""


def start_server(store: Path | None = None, parent: Path | None = None) -> ArcadeServer:
    """A server as ArcadeServer makes it, tried again where a port was taken."""
    for _ in range(START_ATTEMPTS - 1):
        with contextlib.suppress(PortTakenError):
            return ArcadeServer(store, parent)
    return ArcadeServer(store, parent)


class ArcadeServer:
    """A running server over its own copy of a store (a folder that `hand_over` made), empty without one.

    `parent` is where its folder is made. Raises DatabaseError where it does not start.
    """

    def __init__(self, store: Path | None = None, parent: Path | None = None) -> None:
        self._package = package_folder()
        self._passwords = {"root": secrets.token_urlsafe(18), "reader": secrets.token_urlsafe(18)}
        self._bolt, self._http = _free_port(), _free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="t2q-graph-", dir=parent))
        try:
            if store:
                shutil.copytree(store, self.folder / "databases")
            self._write_configuration()
            self._process = self._launch()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _launch(self) -> subprocess.Popen[bytes]:
        java = self._package / "jre" / "bin" / ("java.exe" if os.name == "nt" else "java")
        return subprocess.Popen(
            [sys.executable, "-I", keeper.__file__, str(self.folder), str(java), "@java.args"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for the parent, which closes the pipe.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def _write_configuration(self) -> None:
        """Passwords go through files in a folder that only the user can read: others see a command line."""
        settings = {
            "java.util.logging.config.file": "log.properties",
            "java.awt.headless": "true",
            "file.encoding": "UTF8",
            "polyglot.engine.WarnInterpreterOnly": "false",
            "arcadedb.server.rootPath": ".",
            "arcadedb.server.logsDirectory": "./log",
            "arcadedb.server.rootPassword": self._passwords["root"],
            "arcadedb.server.defaultDatabases": f"{DATABASE}[root,reader:{self._passwords['reader']}:reader]",
            "arcadedb.server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
            "arcadedb.bolt.host": "127.0.0.1",
            "arcadedb.bolt.port": self._bolt,
            "arcadedb.bolt.defaultDatabase": DATABASE,
            "arcadedb.server.httpIncomingHost": "127.0.0.1",
            "arcadedb.server.httpIncomingPort": self._http,
            "arcadedb.serverMetrics": "false",
            "arcadedb.opencypher.loadCsv.allowFileUrls": "false",
            "arcadedb.opencypher.loadCsv.allowRemoteUrls": "false",
            "arcadedb.polyglotEngineEnabled": "false",
        }
        arguments = [
            *_JAVA_OPTIONS,
            *(f"-D{name}={value}" for name, value in settings.items()),
            *("-cp", str(self._package / "jars" / "*"), "com.arcadedb.server.ArcadeDBServer"),
        ]
        quoted = ('"' + argument.replace("\\", "\\\\") + '"' for argument in arguments)
        (self.folder / "java.args").write_text("\n".join(quoted), encoding="utf-8")
        (self.folder / "log.properties").write_text("handlers=java.util.logging.ConsoleHandler\n.level=SEVERE\n")
        groups = {
            role: {"resultSetLimit": -1, "readTimeout": -1, "access": server, "types": {"*": {"access": records}}}
            for role, (server, records) in _ROLES.items()
        }
        (self.folder / "config").mkdir(exist_ok=True)
        (self.folder / "config" / "server-groups.json").write_text(
            json.dumps({"version": 2, "databases": {"*": {"groups": groups}}})
        )

    def _wait_until_ready(self) -> None:
        """Asks over HTTP: ArcadeDB locks a user out for 30 s after some logins that come before it knows the user."""
        deadline = time.monotonic() + START_SECONDS
        log = self.folder / keeper.OUTPUT
        while True:
            with contextlib.suppress(OSError):
                if self._open(f"http://127.0.0.1:{self._http}/api/v1/ready") == READY:
                    return
            ended = self._process.poll() is not None or time.monotonic() > deadline
            output = log.read_text(errors="replace") if log.exists() else ""
            if "Unable to listen" in output:
                raise PortTakenError("the embedded graph database found its port taken by another program: try again")
            if ended:
                raise DatabaseError(f"the embedded graph database did not start: {one_line(output)}")
            time.sleep(0.05)

    def driver(self, user: str = "reader") -> Driver:
        """The official driver, as `reader` or as `root`."""
        return GraphDatabase.driver(
            f"bolt://127.0.0.1:{self._bolt}",
            auth=(user, self._passwords[user]),
            connection_timeout=10,
            max_transaction_retry_time=0,
        )

    def limit_queries(self, seconds: float) -> None:
        """Sets the time limit of all queries that start from now on, and of the regular expressions in them."""
        for setting in ("arcadedb.command.timeout", "arcadedb.command.regexTimeout"):
            command = f"ALTER DATABASE `{setting}` {max(1, int(seconds * 1000))}"
            self._command(f"command/{DATABASE}", {"language": "sql", "command": command})

    def _command(self, path: str, body: dict[str, str]) -> None:
        """Sends a command of ArcadeDB's own as root: Bolt carries only Cypher."""
        token = base64.b64encode(f"root:{self._passwords['root']}".encode()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._http}/api/v1/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Basic {token}"},
        )
        try:
            self._open(request)
        except OSError as error:
            raise DatabaseError(f"the embedded graph database does not answer: {error}") from error

    @staticmethod
    def _open(request: str | urllib.request.Request) -> int:
        """The status of an answer. Goes past the proxy that the environment may name."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=ANSWER_SECONDS) as response:
            return int(response.status)

    def hand_over(self, store: Path) -> None:
        """Ends the server in order and moves what it stored to `store`, which appears at once and whole."""
        self._command("server", {"command": "shutdown"})
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise DatabaseError(f"the embedded graph database did not end within {STOP_SECONDS:g} s") from error
        (self.folder / "databases").replace(store)

    def stop(self) -> None:
        """Ends the server and removes its folder."""
        if self._process.poll() is None:
            # A byte and not only the pipe's end: a process forked from this one may hold the pipe open.
            self._process.communicate(b"x")
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
