"""What real questions a corpus has at hand, and a draw from them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from t2q.data.importers.text2cypher import GraphQuestions
from t2q.data.importers.wikisql import Table, read_wikisql
from t2q.pretrain.worlds.inventor import Inventor
from t2q.pretrain.worlds.real_graphs import read_real_graphs, real_graph_world
from t2q.pretrain.worlds.real_tables import column_names_in, names_in, real_table_world
from t2q.pretrain.worlds.real_world import RealWorld
from t2q.pretrain.worlds.written import written_domain, written_names, written_world

TABLE_SHARE, GRAPH_SHARE, WRITTEN_SHARE = 0.2, 0.1, 0.22  # of documents, where there are such


@dataclass(frozen=True)
class RealSources:
    """`names` and `columns`: what real things, and columns, are called, for made-up ones to be called by.

    `domains`: names of those that questions were written about.
    """

    tables: tuple[Table, ...] = ()
    graphs: tuple[GraphQuestions, ...] = ()
    names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()

    @classmethod
    def read(cls, wikisql: str, text2cypher: str) -> RealSources:
        """From a file of WikiSQL's form and a folder of Text2Cypher's, "" for none. Raises RecipeError."""
        tables = tuple(read_wikisql(Path(wikisql))) if wikisql else ()
        graphs = read_real_graphs(Path(text2cypher)) if text2cypher else ()
        return cls(tables, graphs, names_in(tables), column_names_in(tables), written_names())

    def draw(self, rng: random.Random, inventor: Inventor, number: int) -> RealWorld | None:
        """A world with up to `number` questions of its own; None where a made-up one is to be drawn instead."""
        roll = rng.random()
        if self.tables and roll < TABLE_SHARE:
            return real_table_world(rng.choice(self.tables), rng, inventor)
        if self.graphs and roll < TABLE_SHARE + GRAPH_SHARE:
            return real_graph_world(rng.choice(self.graphs), number, rng, inventor)
        if self.domains and roll > 1 - WRITTEN_SHARE:
            return written_world(written_domain(rng.choice(self.domains)), number, rng, inventor)
        return None


NONE = RealSources()
