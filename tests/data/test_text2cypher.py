"""Text2Cypher's two files are read, and graphs that bases are measured on never train one."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from t2q.data.importers.text2cypher import read_text2cypher
from t2q.errors import RecipeError
from t2q.languages import language_for
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.real_graphs import QUESTIONS, SCHEMAS, plain_names, read_real_graphs, real_graph_world
from t2q.schema import Schema

FLAGS = {"syntax_error": "False", "timeout": "False", "returns_results": "True", "false_schema": ""}
ASKED = [
    ("twitch", "Which teams\nare there?", "MATCH (t:Team)\nRETURN t.name;", {}),
    ("twitch", "Who plays Rust?", "MATCH (s:Stream)-[:PLAYS]->(g:Game {name: 'Rust'}) RETURN s.name", {}),
    ("twitch", "Broken", "MATCH", {"syntax_error": "True"}),
    ("twitch", "Empty", "MATCH (g:Game) WHERE g.name = 'x' RETURN g", {"returns_results": "False"}),
    ("movies", "Who directed Alien?", "MATCH (p:Person) RETURN p.name", {}),
    ("twitch", "Who directed Alien?", "MATCH (s:Stream) RETURN s.name", {}),
    ("twitch", "Which games play?", "MATCH (g:Game)-[:PLAYS]->(s:Stream) RETURN g", {}),
    ("slack", "No schema is known", "MATCH (n) RETURN n", {}),
]
GRAPH = {
    "node_props": {
        "Stream": [
            {"property": "name", "type": "STRING", "values": ["ada", "bob", "eve"], "distinct_count": 3},
            {"property": "followers", "type": "INTEGER", "min": 1, "max": 90, "distinct_count": 40},
            {"property": "place", "type": "POINT"},
        ],
        "Game": [{"property": "name", "type": "STRING", "values": ["Rust", "Doom"]}],
        "Team": [{"property": "name", "type": "STRING", "values": ["A", "B"]}],
    },
    "rel_props": {"PLAYS": [{"property": "since", "type": "DATE", "values": ["2020-01-02"]}]},
    "relationships": [
        {"start": "Stream", "type": "PLAYS", "end": "Game"},
        {"start": "Stream", "type": "HAS_TEAM", "end": "Team"},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with (tmp_path / QUESTIONS).open("w", newline="") as file:
        rows = csv.DictWriter(file, ["question", "cypher", "database", *FLAGS])
        rows.writeheader()
        rows.writerows(
            {"database": database, "question": question, "cypher": cypher, **FLAGS, **flags}
            for database, question, cypher, flags in ASKED
        )
    with (tmp_path / SCHEMAS).open("w", newline="") as file:
        schemas = csv.DictWriter(file, ["database", "structured_schema"])
        schemas.writeheader()
        schemas.writerows({"database": name, "structured_schema": repr(GRAPH)} for name in ("twitch", "movies"))
    return tmp_path


def test_sound_questions_are_kept_with_their_graph(folder: Path) -> None:
    twitch, movies = read_text2cypher(folder / QUESTIONS, folder / SCHEMAS)
    assert (twitch.name, movies.name) == ("twitch", "movies")
    assert twitch.questions[:2] == (
        ("Which teams are there?", "MATCH (t:Team) RETURN t.name"),
        ("Who plays Rust?", "MATCH (s:Stream)-[:PLAYS]->(g:Game {name: 'Rust'}) RETURN s.name"),
    )
    assert len(twitch.questions) == 4
    stream = twitch.schema.entity("Stream")
    assert stream and [(f.name, f.type, f.samples) for f in stream.fields] == [
        ("name", "text", ("ada", "bob", "eve")),
        ("followers", "integer", (1, 90)),
        ("place", "other", ()),
    ]
    assert [(link.name, [f.name for f in link.fields]) for link in twitch.schema.links] == [
        ("PLAYS", ["since"]),
        ("HAS_TEAM", []),
    ]


def test_graphs_that_bases_are_measured_on_train_none(folder: Path) -> None:
    (graph,) = read_real_graphs(folder)
    assert graph.name == "twitch"
    assert "Who directed Alien?" not in dict(graph.questions)


def test_a_question_whose_query_turns_an_arrow_trains_none(folder: Path) -> None:
    (graph,) = read_real_graphs(folder)
    assert "Which games play?" not in dict(graph.questions)


def test_a_part_of_the_schema_holds_what_its_questions_name(folder: Path) -> None:
    (graph,) = read_real_graphs(folder)
    seen: list[Schema] = []
    for seed in range(40):
        rng = random.Random(seed)
        world = real_graph_world(graph, 2, rng, Inventor(rng))
        for pair in world.pairs:
            assert not language_for("cypher").unknown(pair.query, world.schema)
        seen.append(world.schema)
    assert len({len(schema.names) for schema in seen}) > 2
    labels = {entity.name for schema in seen for entity in schema.entities}
    assert "Team" in labels and len(labels) > 6  # some are called otherwise


@pytest.mark.parametrize(
    ("query", "plain"),
    [
        ("MATCH (a:A) RETURN a.a AS A, a.b AS b ORDER BY b", "MATCH (n:A) RETURN n.a, n.b AS m ORDER BY m"),
        (
            "MATCH (x)--(y) WITH x, count(y) AS ys WHERE ys > 3 RETURN x.a, ys",
            "MATCH (n)--(m) WITH n, count(m) AS total WHERE total > 3 RETURN n.a, total",
        ),
        (
            "match (x {is: TRUE}) where x.v1 = 'v1 TRUE' return x.v2",
            "MATCH (n {is: true}) WHERE n.v1 = 'v1 TRUE' RETURN n.v2",
        ),
    ],
)
def test_columns_need_no_names(query: str, plain: str) -> None:
    assert plain_names(query) == plain


def test_what_is_not_of_that_form_is_named(folder: Path) -> None:
    (folder / SCHEMAS).write_text("database,structured_schema\ntwitch,{'node_props': 3}\n")
    with pytest.raises(RecipeError, match=r"the schema of twitch is not of that form"):
        list(read_text2cypher(folder / QUESTIONS, folder / SCHEMAS))
    (folder / QUESTIONS).write_text("question,database\nx,twitch\n")
    with pytest.raises(RecipeError, match=r"has no column cypher, false_schema"):
        list(read_text2cypher(folder / QUESTIONS, folder / SCHEMAS))
    with pytest.raises(RecipeError, match=r"No such file"):
        list(read_text2cypher(folder / "none.csv", folder / SCHEMAS))
