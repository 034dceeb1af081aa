"""Made-up schemas with rows: what was made up is what the database says of itself."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from t2q.databases import open_database
from t2q.databases.graph_file import read_graph
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.made_database import write_graph, write_tables
from t2q.pretrain.worlds.schemas import as_graph, as_tables
from t2q.schema import Schema


def shape(schema: Schema) -> tuple[set[tuple[str, ...]], set[tuple[object, ...]]]:
    tables = {(entity.name, *(field.name for field in entity.fields)) for entity in schema.entities}
    return tables, {(link.source, link.source_fields, link.target, link.target_fields) for link in schema.links}


def test_tables_come_back_as_they_were_made_up(tmp_path: Path) -> None:
    for seed in range(12):
        rng = random.Random(seed)
        blueprint = Inventor(rng).blueprint()
        schema = replace(as_tables(blueprint, rng), dialect="sqlite")
        file = tmp_path / f"{seed}.sqlite"
        write_tables(schema, blueprint.values, 30, rng, file)
        with open_database(f"sqlite:///{file}") as database:
            found = database.schema()
            assert shape(found) == shape(schema)
            assert all(0 < entity.rows <= 30 for entity in found.entities)
            for link in found.links:
                source, target = (database.language.quote(name) for name in (link.source, link.target))
                own, other = (database.language.quote(names[0]) for names in (link.source_fields, link.target_fields))
                strays = f"SELECT COUNT(*) FROM {source} WHERE {own} NOT IN (SELECT {other} FROM {target})"
                assert database.execute(strays).rows == [(0,)]


def test_graphs_hold_what_was_made_up(tmp_path: Path) -> None:
    for seed in range(12):
        rng = random.Random(seed)
        blueprint = Inventor(rng).blueprint()
        schema = as_graph(blueprint, rng)
        write_graph(schema, blueprint.values, 30, rng, tmp_path / "made.json")
        graph = read_graph(tmp_path / "made.json")
        assert {label for node in graph.nodes for label in node.labels} == {entity.name for entity in schema.entities}
        assert {rel.type for rel in graph.rels} <= {link.name for link in schema.links}
