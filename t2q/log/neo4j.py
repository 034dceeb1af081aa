"""A log in a Neo4j server, which may hold those of several runs:

(:Question)-[:ANSWERED_BY]->(:Query)-[:RETURNED]->(:Result), and (:Question)-[:GOT]->(:Feedback) once it is judged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from neo4j import Record
from neo4j.exceptions import AuthError, DriverError, Neo4jError
from neo4j.time import DateTime

from t2q.databases.credentials import NEO4J_VARIABLES, redact
from t2q.databases.neo4j import open_driver
from t2q.databases.values import one_line
from t2q.errors import DatabaseError, LogError
from t2q.log.interaction import Interaction, Wanted

RETRY_SECONDS = 5.0
BATCH = 1000  # interactions that one transaction deletes

# Where each field of an interaction lies: on the question, the query (a), its result or the feedback.
_PLACES = {
    "id": "q.id",
    "asked": "q.asked",
    "source": "q.source",
    "question": "q.text",
    "query": "a.text",
    "confidence": "a.confidence",
    "schema": "a.schema",
    "model": "a.model",
    "abstained": "r.abstained",
    "kind": "r.kind",
    "reason": "r.reason",
    "rows": "r.rows",
    "seconds": "r.seconds",
    "rating": "f.rating",
    "correction": "f.correction",
    "judged": "f.at",
}
# By what is given of Wanted, and of the interaction that a page goes on after.
_CONDITIONS = {
    "since": "q.asked >= $since",
    "until": "q.asked < $until",
    "rating": "f.rating = $rating",
    "corrected": "(coalesce(f.correction, '') <> '') = $corrected",
    "abstained": "r.abstained = $abstained",
    "text": "toLower(q.text) CONTAINS toLower($text)",
    "ids": "q.id IN $ids",
    "beginning": "q.id STARTS WITH $beginning",
    "last": "(q.asked < $last OR q.asked = $last AND q.id < $last_id)",
}
_MAKE = (
    "CREATE CONSTRAINT t2q_question IF NOT EXISTS FOR (q:Question) REQUIRE q.id IS UNIQUE",
    "CREATE CONSTRAINT t2q_feedback IF NOT EXISTS FOR (f:Feedback) REQUIRE f.id IS UNIQUE",
    "CREATE INDEX t2q_asked IF NOT EXISTS FOR (q:Question) ON (q.run, q.asked)",
)
_ADD = "CREATE (:Question $q)-[:ANSWERED_BY]->(:Query $a)-[:RETURNED]->(:Result $r)"
# The constraint makes MERGE one node, and what is set on it keeps others out until the relationship is there.
_CHANGE = (
    "MATCH (q:Question {id: $id, run: $run}) MERGE (f:Feedback {id: $id}) SET f += $f MERGE (q)-[:GOT]->(f) RETURN q.id"
)
_MATCH = (
    "MATCH (q:Question {run: $run})-[:ANSWERED_BY]->(a:Query)-[:RETURNED]->(r:Result) "
    "OPTIONAL MATCH (q)-[:GOT]->(f:Feedback) WITH q, a, r, f "
)
_RETURN = f"RETURN {', '.join(f'{place} AS {name}' for name, place in _PLACES.items())} "


class Neo4jStore:
    """The interactions of the run of some name. Raises LogError where the server does not answer."""

    def __init__(self, url: str, run: str) -> None:
        self.url, self._run = redact(url), run
        self._made = False
        try:
            self._driver, self._database = open_driver(url, RETRY_SECONDS)
        except DatabaseError as error:
            raise LogError(f"the log: {error}") from error
        try:
            with self._told(), self._driver.session(database=self._database) as session:
                session.run("RETURN 1").consume()
        except LogError:
            self.close()
            raise

    def add(self, interaction: Interaction) -> None:
        if not self._made:
            for statement in _MAKE:
                self._ask(statement)
            self._made = True
        nodes = _nodes(asdict(interaction))
        self._ask(_ADD, q=nodes["q"] | {"run": self._run}, a=nodes["a"], r=nodes["r"])

    def change(self, id: str, values: Mapping[str, str | datetime | None]) -> bool:
        return bool(self._ask(_CHANGE, id=id, run=self._run, f=_nodes(values)["f"]))

    def page(self, wanted: Wanted, after: Interaction | None, limit: int) -> list[Interaction]:
        given = wanted.given | ({"last": after.asked} if after else {})
        query = f"{_MATCH}{_where(given)}{_RETURN}ORDER BY q.asked DESC, q.id DESC LIMIT $limit"
        records = self._ask(query, **given, last_id=after and after.id, run=self._run, limit=limit)
        return [_interaction(record) for record in records]

    def remove(self, wanted: Wanted) -> int:
        given, number = wanted.given, 0
        query = f"{_MATCH}{_where(given)}WITH q, a, r, f LIMIT $limit DETACH DELETE q, a, r, f RETURN count(*) AS n"
        while deleted := self._ask(query, **given, run=self._run, limit=BATCH)[0]["n"]:
            number += deleted
        return number

    def close(self) -> None:
        self._driver.close()

    def _ask(self, query: str, **parameters: Any) -> list[Record]:
        with self._told():
            return self._driver.execute_query(query, parameters, database_=self._database).records

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except AuthError as error:
            user, password = NEO4J_VARIABLES
            raise LogError(f"the log in {self.url} refused the credentials: set {user} and {password}") from error
        except Neo4jError as error:
            raise LogError(f"the log in {self.url}: {one_line(error.message)}") from error
        except UnicodeEncodeError as error:
            raise LogError(f"the log in {self.url} cannot be asked for half a character") from error
        except DriverError as error:
            raise LogError(f"the log in {self.url} does not answer: {one_line(error)}") from error


def _nodes(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The properties of each node, by its letter, from fields of an interaction."""
    nodes: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        node, _, key = _PLACES[name].partition(".")
        nodes.setdefault(node, {})[key] = value
    return nodes


def _where(given: Mapping[str, Any]) -> str:
    return f"WHERE {' AND '.join(_CONDITIONS[name] for name in given)} " if given else ""


def _interaction(record: Record) -> Interaction:
    fields = dict(record)
    for name in ("asked", "judged"):
        if isinstance(fields[name], DateTime):
            fields[name] = fields[name].to_native().astimezone(timezone.utc)
    return Interaction(**fields | {"correction": fields["correction"] or ""})
