"""Databases: `open_database(url)` gives a read-only one."""

from __future__ import annotations

from t2q.databases.base import Database, Result
from t2q.errors import DatabaseError

__all__ = ["Database", "Result", "open_database"]


def open_database(url: str) -> Database:
    """Opens a database for reading.

    `neo4j://`, `neo4j+s://`, `bolt://`… reach a Neo4j server, `graph:FILE.json` the embedded graph loaded from a file,
    anything else is a SQLAlchemy URL. Raises DatabaseError.
    """
    scheme = url.split(":", 1)[0].split("+", 1)[0]
    if scheme in {"neo4j", "bolt"}:
        from t2q.databases.neo4j import Neo4jDatabase

        return Neo4jDatabase.connect(url)
    if scheme == "graph":
        from t2q.databases.embedded import open_graph

        return open_graph(url)
    if scheme == "spider":
        raise DatabaseError(f"{url} is many databases: it stands in a recipe, as in recipes/spider.yaml")
    if scheme == "duckdb":
        from t2q.databases.duckdb_apart import DuckDatabase

        return DuckDatabase(url)
    from t2q.databases.sql import SqlDatabase

    return SqlDatabase(url)
