"""What every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.neo4j_server import neo4j_server
from tests.servers import CannotStartError

# Folders whose tests run in one process, since they share fixtures that are costly to make; others are split by file.
TOGETHER = ("tests/models", "tests/databases")
# What takes longest begins first, so that no process is left with it at the end.
FIRST = ("tests/test_whole_run.py", *TOGETHER, "tests/attacks/test_cypher.py")

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything imports PyTorch: workers with threads of their own are slower
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def group_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile` alone."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A real Neo4j takes too long to start for what is run all the time."""
    for item in items:
        if "server_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    order = {group: place for place, group in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(group_of(item.nodeid), len(FIRST)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (Spider, Chinook, Movies…), `data` under `$T2Q_SHARED` or `../shared`; else a skip."""
    root = Path(os.environ.get("T2Q_SHARED") or Path(__file__).parents[2] / "shared")
    if not (root / "data").is_dir():
        pytest.skip(f"no real data: {root / 'data'} is not there (set T2Q_SHARED)")
    return root / "data"


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """An empty Neo4j server; each test that writes there removes what it wrote."""
    try:
        with neo4j_server() as url:
            yield url
    except CannotStartError as reason:
        pytest.skip(str(reason))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials and no colours of whoever runs the tests. T2Q_CACHE stays: it only saves time."""
    for name in os.environ:
        if name.startswith(("NEO4J_", "T2Q_DB_", "PG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
