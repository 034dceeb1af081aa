"""`t2q new`: a recipe that is valid, commented and free of secrets."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from t2q.errors import T2QError
from t2q.new import TEMPLATE, default_name, new_recipe, without_secrets
from t2q.recipe import Recipe

SHOP = Path(__file__).parents[1] / "recipes" / "sql.yaml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("My Shop.db") as connection:
        connection.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("CREATE TABLE empty (id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO items (name) VALUES ('cup')")
    connection.close()
    return tmp_path


def test_it_writes_a_recipe_and_says_what_is_next(capsys: pytest.CaptureFixture[str]) -> None:
    new_recipe("sqlite:///My Shop.db", None, None)
    recipe = Recipe.load("recipes/my-shop.yaml", "cpu")
    assert (recipe.name, recipe.database) == ("my-shop", "sqlite:///My Shop.db")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "wrote recipes/my-shop.yaml · 2 tables, 1 rows: empty, items"
    assert "empty has no rows, so there will be few questions about it" in lines
    assert lines[-1] == "next: t2q run recipes/my-shop.yaml"
    with pytest.raises(T2QError, match=r"recipes/my-shop\.yaml is there already: choose another --name or --out"):
        new_recipe("sqlite:///My Shop.db", None, None)


def test_it_says_at_once_what_is_in_the_way_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect("wide.db") as connection:
        connection.execute(f"CREATE TABLE wide ({', '.join(f'column_number_{i} INTEGER' for i in range(400))})")
        connection.execute("INSERT INTO wide (column_number_1) VALUES (1)")
    connection.close()
    new_recipe("sqlite:///wide.db", None, None)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("✗ the schema takes ")]
    assert lines[-1] == "1 to mend before `t2q run recipes/wide.yaml`"


def test_it_leaves_no_recipe_behind_that_cannot_be_used() -> None:
    with pytest.raises(T2QError, match="name must start with a letter"):
        new_recipe("sqlite:///My Shop.db", "../x", Path("x.yaml"))
    with sqlite3.connect("bare.db") as connection:
        connection.execute("CREATE TABLE items (id INTEGER)")
    connection.close()
    with pytest.raises(T2QError, match="holds no rows"):
        new_recipe("sqlite:///bare.db", None, Path("x.yaml"))
    assert not Path("x.yaml").exists()


def test_the_template_says_what_the_shipped_recipe_says() -> None:
    text = TEMPLATE.format(about="", path="", run="", name="shop-sql", database="sqlite:///data/shop.sqlite")
    Path("made.yaml").write_text(text, encoding="utf-8")
    for profile in ("cpu", "gpu"):
        assert Recipe.load("made.yaml", profile).model_dump() == Recipe.load(SHOP, profile).model_dump()
    assert text.splitlines()[6:] == SHOP.read_text(encoding="utf-8").splitlines()[5:]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:////data/My Shop.sqlite", "my-shop"),
        ("graph:data/movies.json", "movies"),
        ("postgresql://${U}:${P}@host:5432/Sales_2024?sslmode=require", "sales-2024"),
        ("bolt://localhost:7687", "localhost"),
        ("neo4j+s://me:secret@host.example.org", "host-example-org"),
    ],
)
def test_names_come_from_the_url(url: str, name: str) -> None:
    assert default_name(url) == name


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("postgresql://me:s3cret@host/shop", "postgresql://${T2Q_DB_USER}:${T2Q_DB_PASSWORD}@host/shop"),
        ("neo4j://neo4j:s3cret@host:7687", "neo4j://${NEO4J_USERNAME}:${NEO4J_PASSWORD}@host:7687"),
        ("mysql://${A}:${B}@host/shop", "mysql://${A}:${B}@host/shop"),
        ("bolt://localhost:7687", "bolt://localhost:7687"),
    ],
)
def test_passwords_become_variables(url: str, written: str) -> None:
    assert without_secrets(url) == written
