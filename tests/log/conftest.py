"""A run's folder whose log is a SQLite file, and one whose log is a real Neo4j server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import neo4j
import pytest

Settings = Callable[..., Path]


@pytest.fixture
def run_at(tmp_path: Path) -> Settings:
    """Writes the `log` part of the run's recipe; the run's folder."""

    def run_at(**log: Any) -> Path:
        (tmp_path / "recipe.json").write_text(json.dumps({"name": "shop", "log": log}))
        return tmp_path

    return run_at


@pytest.fixture(params=["sqlite", pytest.param("neo4j", marks=pytest.mark.slow)])
def run_in_store(request: pytest.FixtureRequest, run_at: Settings) -> Iterator[Settings]:
    """As `run_at`, for either store."""
    if request.param == "sqlite":
        yield run_at
        return
    url = request.getfixturevalue("server_url")
    yield lambda **log: run_at(database=url, **log)
    with neo4j.GraphDatabase.driver(url) as driver:
        driver.execute_query("MATCH (n:Question|Query|Result|Feedback) DETACH DELETE n")


@pytest.fixture
def run(run_in_store: Settings) -> Path:
    return run_in_store()
