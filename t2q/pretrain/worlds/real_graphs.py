"""Documents about Neo4j's demo graphs: parts of their schemas, and questions that were asked about those parts."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from pathlib import Path

from t2q.data.importers.text2cypher import GraphQuestions, read_text2cypher
from t2q.data.pairs import Pair
from t2q.pretrain.worlds.real_world import REAL, RealWorld
from t2q.schema import Entity, Field, Schema

QUESTIONS, SCHEMAS = "text2cypher_gpt4turbo.csv", "text2cypher_schemas.csv"
MEASURED = {"movies", "northwind"}  # what bases are measured on: they are never to train one
_KEPT = 0.5  # of labels, properties and types that no question names


def read_real_graphs(folder: Path) -> tuple[GraphQuestions, ...]:
    """The graphs that may be trained on. Raises RecipeError as `read_text2cypher` does."""
    graphs = tuple(read_text2cypher(folder / QUESTIONS, folder / SCHEMAS))
    measured = {question for graph in graphs if graph.name in MEASURED for question, _ in graph.questions}
    return tuple(
        replace(graph, questions=tuple(pair for pair in graph.questions if pair[0] not in measured))
        for graph in graphs
        if graph.name not in MEASURED and graph.questions
    )


def real_graph_world(graph: GraphQuestions, number: int, rng: random.Random) -> RealWorld:
    """Up to `number` of the graph's questions, and the part of its schema that they name, with some of the rest."""
    questions = rng.sample(graph.questions, min(number, len(graph.questions)))
    named = _Named(frozenset(re.findall(r"\w+", " ".join(query for _, query in questions))), rng)
    links = tuple(link for link in graph.schema.links if named.keeps(link.name))
    ends = {end for link in links if link.name in named.names for end in (link.source, link.target)}
    entities = [
        Entity(entity.name, named.fields(entity.fields), entity.rows)
        for entity in graph.schema.entities
        if entity.name in ends or named.keeps(entity.name)
    ]
    labels = {entity.name for entity in entities}
    links = tuple(
        replace(link, fields=named.fields(link.fields)) for link in links if {link.source, link.target} <= labels
    )
    schema = Schema("cypher", "cypher", tuple(rng.sample(entities, len(entities))), tuple(links))
    values = {(e.name, f.name): f.samples for e in entities for f in e.fields}
    return RealWorld(schema, values, [Pair(question, query, REAL) for question, query in questions])


@dataclass(frozen=True)
class _Named:
    """What the questions' queries name; the rest is kept by chance."""

    names: frozenset[str]
    rng: random.Random

    def keeps(self, name: str) -> bool:
        return name in self.names or self.rng.random() < _KEPT

    def fields(self, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        """In another order, with other samples first."""
        kept = [
            replace(f, samples=tuple(self.rng.sample(f.samples, len(f.samples)))) for f in fields if self.keeps(f.name)
        ]
        return tuple(self.rng.sample(kept, len(kept)))
