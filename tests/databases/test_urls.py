"""URLs of files: which file, from which folder, and what to write where somebody wrote the file alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from t2q.databases.urls import EXAMPLES, database_file, for_example, with_file_in


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///data/shop.sqlite", "data/shop.sqlite"),
        ("sqlite+pysqlite:////srv/my shop.db?timeout=3", "/srv/my shop.db"),
        ("duckdb:///shop.duckdb", "shop.duckdb"),
        ("graph:data/shop.json", "data/shop.json"),
        ("postgresql://host/shop", None),
        ("bolt://host:7687", None),
    ],
)
def test_the_file_of_a_url(url: str, file: str | None) -> None:
    assert database_file(url) == (Path(file) if file else None)


def test_a_relative_path_is_taken_from_the_folder_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "shop.json").touch()
    assert with_file_in("graph:shop.json", tmp_path) == f"graph:{tmp_path}/shop.json"
    (tmp_path / "shop.db").touch()
    assert with_file_in("sqlite:///shop.db?timeout=3", tmp_path) == f"sqlite:///{tmp_path}/shop.db?timeout=3"
    for url in ("sqlite:///gone.db", f"sqlite:///{tmp_path}/shop.db", "bolt://host"):
        assert with_file_in(url, tmp_path) == url


def test_a_file_alone_is_told_its_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("club.sqlite", "club.JSON", "club.duckdb"):
        Path(name).touch()
    assert for_example("club.sqlite") == "sqlite:///club.sqlite"
    assert for_example("club.JSON") == "graph:club.JSON"
    assert for_example("club.duckdb") == "duckdb:///club.duckdb"
    for text in ("", "gone.sqlite", "x" * 5000, "a\0b"):
        assert for_example(text) == EXAMPLES
