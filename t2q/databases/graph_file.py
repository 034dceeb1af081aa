"""Graph files: nodes and relationships as JSON, and how they are loaded into a Cypher database.

    {"nodes": [{"id": 1, "labels": ["Person"], "props": {"name": "Ada", "born": {"$date": "1815-12-10"}}}, …],
     "rels":  [{"start": 1, "end": 2, "type": "KNOWS", "props": {"since": 1833}}, …]}

Properties are strings, numbers, booleans, lists of these, dates ({"$date": "2024-01-02"}) and times without a zone
({"$datetime": "2024-01-02T10:30:00"}). Ids only tie the file together; they are not stored.
"""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from neo4j import Driver

from t2q.errors import DatabaseError

BATCH = 5000  # rows in one statement


@dataclass(frozen=True)
class GraphNode:
    id: str | int
    labels: tuple[str, ...]
    props: dict[str, Any]


@dataclass(frozen=True)
class GraphRel:
    start: str | int
    end: str | int
    type: str
    props: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    nodes: tuple[GraphNode, ...]
    rels: tuple[GraphRel, ...]


def read_graph(path: Path) -> Graph:
    """Raises DatabaseError naming the file and the first node or relationship that is wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DatabaseError(f"the graph file {path} cannot be read: {error}") from error
    except json.JSONDecodeError as error:
        raise DatabaseError(f"the graph file {path} is not JSON: {error}") from error
    try:
        return _graph(data)
    except ValueError as error:
        raise DatabaseError(f"the graph file {path}: {error}") from error


def _graph(data: Any) -> Graph:
    if not isinstance(data, dict) or not all(isinstance(data.get(part), list) for part in ("nodes", "rels")):
        raise ValueError('must be an object with the lists "nodes" and "rels"')
    nodes = tuple(_each("node", data["nodes"], _node))
    ids = {node.id for node in nodes}
    if len(ids) < len(nodes):
        raise ValueError("two nodes have the same id")

    def rel(row: dict[str, Any]) -> GraphRel:
        for end in ("start", "end"):
            if row[end] not in ids:
                raise ValueError(f"its {end} is {row[end]!r}, which is no node's id")
        if not isinstance(row["type"], str) or not row["type"]:
            raise ValueError("its type must be a name")
        return GraphRel(row["start"], row["end"], row["type"], _props(row))

    return Graph(nodes, tuple(_each("relationship", data["rels"], rel)))


def _each(what: str, rows: list[Any], read: Callable[[dict[str, Any]], Any]) -> Iterator[Any]:
    for number, row in enumerate(rows, 1):
        try:
            yield read(row)
        except KeyError as error:
            raise ValueError(f"{what} {number} has no {error}") from error
        except (TypeError, ValueError) as error:
            raise ValueError(f"{what} {number}: {error}") from error


def _node(row: dict[str, Any]) -> GraphNode:
    labels = row["labels"]
    if not isinstance(labels, list) or not labels or not all(isinstance(name, str) and name for name in labels):
        raise ValueError("its labels must be a list of one name or more")
    if not isinstance(row["id"], str | int):
        raise ValueError("its id must be a string or an integer")
    return GraphNode(row["id"], tuple(labels), _props(row))


def _props(row: dict[str, Any]) -> dict[str, Any]:
    props = row.get("props", {})
    if not isinstance(props, dict):
        raise ValueError("its props must be an object")
    return {name: _value(name, value) for name, value in props.items() if value is not None}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_value(name, item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{name}: {value} is too large for an integer of 64 bits")
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((kind, text),) = value.items()
        if kind == "$date":
            return datetime.date.fromisoformat(text)
        if kind == "$datetime":
            moment = datetime.datetime.fromisoformat(text)
            if moment.tzinfo is None:
                return moment
            raise ValueError(f"{name}: {text} has a time zone, which the embedded graph cannot store: leave it out")
    raise ValueError(f"{name}: {str(value)[:60]} is no property value")


def load_graph(driver: Driver, database: str, graph: Graph, quote: Callable[[str], str]) -> None:
    """Creates the nodes and relationships, in batches, in a database taken to be empty."""
    nodes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for node in graph.nodes:
        nodes[":".join(map(quote, node.labels))].append({"id": node.id, "props": node.props})
    stored: dict[str | int, str] = {}
    for labels, rows in nodes.items():
        create = f"UNWIND $rows AS row CREATE (n:{labels}) SET n = row.props RETURN row.id, elementId(n)"
        for batch in _batches(rows):
            for given, own in driver.execute_query(create, rows=batch, database_=database).records:
                stored[given] = own
    rels: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for rel in graph.rels:
        rels[quote(rel.type)].append({"start": stored[rel.start], "end": stored[rel.end], "props": rel.props})
    for name, rows in rels.items():
        create = (
            "UNWIND $rows AS row MATCH (a) WHERE elementId(a) = row.start MATCH (b) WHERE elementId(b) = row.end "
            f"CREATE (a)-[r:{name}]->(b) SET r = row.props"
        )
        for batch in _batches(rows):
            driver.execute_query(create, rows=batch, database_=database)


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        yield batch
