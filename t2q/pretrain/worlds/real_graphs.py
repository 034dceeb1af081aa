"""Documents about Neo4j's demo graphs: parts of their schemas, and questions that were asked about those parts."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from pathlib import Path

from t2q.data.importers.text2cypher import GraphQuestions, read_text2cypher
from t2q.data.names import parts
from t2q.data.pairs import Pair
from t2q.languages import language_for
from t2q.pretrain.worlds.graph_spelling import STRING, Spelling
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.real_world import REAL, RealWorld
from t2q.pretrain.worlds.renaming import Asked, renaming
from t2q.pretrain.worlds.schemas import Style
from t2q.schema import Entity, Field, Schema

QUESTIONS, SCHEMAS = "text2cypher_gpt4turbo.csv", "text2cypher_schemas.csv"
MEASURED = {"movies", "northwind"}  # what bases are measured on: they are never to train one
_KEPT = 0.5  # of labels, properties and types that no question names
_RESPELT = 0.8  # of draws


def read_real_graphs(folder: Path) -> tuple[GraphQuestions, ...]:
    """The graphs that may be trained on, with the questions whose query names nothing that its graph does not have.

    Raises RecipeError as `read_text2cypher` does.
    """
    graphs = tuple(read_text2cypher(folder / QUESTIONS, folder / SCHEMAS))
    measured = {question for graph in graphs if graph.name in MEASURED for question, _ in graph.questions}
    unknown = language_for("cypher").unknown
    return tuple(
        replace(
            graph,
            questions=tuple(
                (q, plain_names(c)) for q, c in graph.questions if q not in measured and not unknown(c, graph.schema)
            ),
        )
        for graph in graphs
        if graph.name not in MEASURED and graph.questions
    )


def plain_names(query: str) -> str:
    """The query in normal form, its variables called as in all that is made: n, m, o and on, and "total" for a count.

    Names of columns that nothing else in it needs are left out: nobody asked for them.
    """
    head, keyword, last = language_for("cypher").normalize(query).rpartition("RETURN ")
    for alias in re.findall(r" AS (v\d+)", last):
        if len(re.findall(rf"\b{alias}\b", last)) == 1:
            last = re.sub(rf" AS {alias}\b", "", last)
    text = head + keyword + last
    counted = re.findall(r"\b(?:count|sum|size)\([^()]*\) AS (v\d+)", text)
    names = {counted[0]: "total"} if len(counted) == 1 else {}
    letters = iter("nmopqrstuvwxyz")

    def called(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0].lower() if found[2] else found[0]
        if found[1] not in names:
            names[found[1]] = next(letters, found[1])
        return names[found[1]]

    return re.sub(rf"{STRING}|(?<![.:|])\b(v\d+)\b|\b(TRUE|FALSE)\b", called, text)


def real_graph_world(graph: GraphQuestions, number: int, rng: random.Random, inventor: Inventor) -> RealWorld:
    """Up to `number` of the graph's questions, and the part of its schema that they name, with some of the rest.

    Properties are spelt in one of the styles that graphs have, and a share of all names are others than the graph's.
    """
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
    if rng.random() < _RESPELT:
        schema, questions = _respelt(schema, questions, rng, inventor)
    values = {(e.name, f.name): f.samples for e in schema.entities for f in e.fields}
    return RealWorld(schema, values, [Pair(question, query, REAL) for question, query in questions])


def _respelt(
    schema: Schema, questions: list[Asked], rng: random.Random, inventor: Inventor
) -> tuple[Schema, list[Asked]]:
    """The schema and its questions under other names; without those questions that do not say what is renamed."""
    held = [entity.fields for entity in schema.entities] + [link.fields for link in schema.links]
    properties = {field.name: field.type for fields in held for field in fields}
    labels = dict.fromkeys(entity.name for entity in schema.entities)
    anew, sound = renaming(labels | properties, questions, rng, inventor)
    style, case = Style(rng), rng.choices(("camel", "snake", "upper"), (65, 30, 5))[0]

    def spelt(name: str, case: str) -> str:
        words = " ".join(parts(name))
        new = anew.words(words)
        return name if case != property_case and new == words else style.spell(new, case)

    property_case = case
    spelling = Spelling(
        {name: spelt(name, "pascal") for name in labels},
        {link.name: spelt(link.name, "upper") for link in schema.links},
        {name: spelt(name, case) for name in properties},
    )
    if not spelling.distinct:
        return schema, questions
    kept = [asked for asked, fits in zip(questions, sound, strict=True) if fits]
    return spelling.schema(schema), [(anew.words(question), spelling.query(query)) for question, query in kept]


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
