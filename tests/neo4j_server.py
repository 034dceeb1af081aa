"""A real Neo4j Community server for tests, from Maven Central's jars: needs Java 17 and Maven, no account, no Docker.

The jars (116 MB) are fetched once into `~/.cache/t2q/neo4j-VERSION`. A server takes 10 to 20 s to start, 500 MB of
memory, and 127.0.0.1 only, without authentication.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock
from neo4j import GraphDatabase

from t2q.databases.graph_file import load_graph, read_graph
from t2q.languages import language_for
from tests.servers import CannotStartError, free_port, home_folder, running

VERSION = "5.26.16"
START_SECONDS = 600
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>t2q</groupId><artifactId>neo4j-home</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{VERSION}</version></dependency>
<dependency><groupId>org.neo4j.app</groupId><artifactId>neo4j-server</artifactId><version>{VERSION}</version></dependency>
</dependencies></project>
"""
_CONFIGURATION = """server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.tls_level=DISABLED
server.http.enabled=false
server.memory.heap.max_size=512m
server.memory.pagecache.size=128m
dbms.security.auth_enabled=false
dbms.usage_report.enabled=false
"""
_OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.lang")


def jars() -> Path:
    """The folder of the server's jars, fetched where it is not there yet."""
    home = Path.home() / ".cache" / "t2q" / f"neo4j-{VERSION}"
    done = home / "complete"
    if not shutil.which("java"):
        raise CannotStartError("a Neo4j server needs java 17, which is not installed")
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "lock"):
        if not done.exists():
            if not shutil.which("mvn"):
                raise CannotStartError("the Neo4j jars are fetched by mvn, which is not installed")
            (home / "pom.xml").write_text(_POM)
            command = "mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib"
            fetched = subprocess.run(command.split(), cwd=home, capture_output=True, text=True)
            if fetched.returncode:
                raise CannotStartError(f"mvn could not fetch the Neo4j jars: {fetched.stdout.strip()[:300]}")
            done.touch()
    return home / "lib"


@contextlib.contextmanager
def neo4j_server() -> Iterator[str]:
    """The bolt:// URL of an empty server, which ends with the block. Raises CannotStartError."""
    lib, port = jars(), free_port()
    with home_folder("neo4j") as home:
        (home / "conf").mkdir()
        (home / "conf" / "neo4j.conf").write_text(_CONFIGURATION.format(port=port))
        command = [
            *("java", "-Xmx512m", *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED)),
            *("-cp", f"{lib}/*", "org.neo4j.server.CommunityEntryPoint"),
            *(f"--home-dir={home}", f"--config-dir={home / 'conf'}"),
        ]
        log = home / "logs" / "neo4j.log"
        with running(command, home, lambda: log.exists() and "Started." in log.read_text(), START_SECONDS):
            yield f"bolt://127.0.0.1:{port}"


def fill(url: str, path: Path) -> None:
    """Replaces what a server holds with a graph file."""
    with GraphDatabase.driver(url) as driver:
        driver.execute_query("MATCH (n) DETACH DELETE n", database_="neo4j")
        load_graph(driver, "neo4j", read_graph(path), language_for("cypher").quote)
