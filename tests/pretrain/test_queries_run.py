"""What a corpus teaches runs: every query of many documents, made-up and written, on rows of its own schema."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from t2q.databases import open_database
from t2q.languages import language_for
from t2q.pretrain.corpus import make_document
from t2q.pretrain.worlds.made_database import write_tables
from t2q.pretrain.worlds.real_sources import NONE, RealSources


@pytest.fixture(scope="module", params=["made up", "with written ones"])
def sources(request: pytest.FixtureRequest) -> RealSources:
    return NONE if request.param == "made up" else RealSources.read("", "")


def test_sql_runs_and_cypher_fits_its_graph(sources: RealSources, tmp_path: Path) -> None:
    rng = random.Random(4)
    seen = {"sqlite": 0, "cypher": 0}
    for number in range(60):
        document = make_document(rng, 10, real=sources)
        queries = [pair.query for pair in document.pairs if pair.answerable]
        language = language_for(document.dialect)
        for query in queries:
            language.parse(query)
            assert not language.unknown(query, document.schema), (query, document.database)
        seen[document.dialect] = seen.get(document.dialect, 0) + len(queries)
        if document.dialect == "sqlite":
            file = tmp_path / f"{number}.sqlite"
            write_tables(document.schema, document.values, 20, rng, file)
            with open_database(f"sqlite:///{file}") as database:
                for query in queries:
                    database.execute(query)
    assert min(seen["sqlite"], seen["cypher"]) > 100
