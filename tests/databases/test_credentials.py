from __future__ import annotations

from pathlib import Path

import pytest

from t2q.databases.credentials import hide, redact, refuse_inline_password, resolve
from t2q.errors import DatabaseError, RecipeError


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_variables_are_filled_in_and_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_USER", "ada")
    monkeypatch.setenv("SHOP_PASSWORD", "p@ss/w:rd")
    url = resolve("postgresql://${SHOP_USER}:${SHOP_PASSWORD}@host:5432/shop")
    assert url == "postgresql://ada:p%40ss%2Fw%3Ard@host:5432/shop"


def test_a_path_is_not_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_USER", "/data/a@b")
    assert resolve("sqlite:///${SHOP_USER}/x@y.db") == "sqlite:////data/a@b/x@y.db"


def test_dotenv_fills_what_the_environment_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("SHOP_USER=from_file\nSHOP_PASSWORD=secret\n")
    monkeypatch.setenv("SHOP_USER", "from_environment")
    assert resolve("mysql://${SHOP_USER}:${SHOP_PASSWORD}@h/d") == "mysql://from_environment:secret@h/d"


def test_a_missing_variable_is_named_and_nothing_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_USER", "ada")
    with pytest.raises(DatabaseError, match=r"postgresql://host/shop needs the variable SHOP_PASSWORD") as error:
        resolve("postgresql://${SHOP_USER}:${SHOP_PASSWORD}@host/shop")
    assert "ada" not in str(error.value)


def test_a_server_without_credentials_takes_the_usual_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("bolt://h:7687") == "bolt://h:7687"
    monkeypatch.setenv("NEO4J_PASSWORD", "n/4")
    monkeypatch.setenv("T2Q_DB_USER", "ada")
    monkeypatch.setenv("T2Q_DB_PASSWORD", "s")
    assert resolve("neo4j+s://h:7687/movies") == "neo4j+s://neo4j:n%2F4@h:7687/movies"
    assert resolve("postgresql://h/d") == "postgresql://ada:s@h/d"
    assert resolve("postgresql://other:x@h/d") == "postgresql://other:x@h/d"
    assert resolve("sqlite:///data/shop.sqlite") == "sqlite:///data/shop.sqlite"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h:1/d", "postgresql://h:1/d"),
        ("postgresql+psycopg://u:p/q@h/d?sslmode=require", "postgresql+psycopg://h/d?sslmode=require"),
        ("mysql://u:p@ss@h/d", "mysql://h/d"),
        ("postgresql://h/d?user=u&password=p", "postgresql://h/d"),
        ("bolt://u@h:7687", "bolt://h:7687"),
        ("sqlite:///a@b.db", "sqlite:///a@b.db"),
        ("graph:data/shop.json", "graph:data/shop.json"),
    ],
)
def test_redact(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_a_message_is_freed_of_what_the_url_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "p@ss")
    monkeypatch.setenv("NEO4J_PASSWORD", "pw")
    said = "bolt://neo4j:pw@h, then mysql://u:p%40ss@h (p@ss), pwd"
    assert hide(said, "mysql://u:${SHOP_PASSWORD}@h") == "bolt://neo4j:***@h, then mysql://u:***@h (***), pwd"


@pytest.mark.parametrize(
    "url",
    ["bolt://u:geheim@h", "mysql://u:geheim/x@h/d", "postgresql://h/d?password=geheim", "mysql://h/d?apikey=geheim"],
)
def test_a_password_in_a_recipe_is_refused(url: str) -> None:
    with pytest.raises(RecipeError, match=r"holds a password: write \$\{NAME\}") as error:
        refuse_inline_password(url)
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["bolt://u:${PW}@h", "postgresql://h/d?password=${PW}", "sqlite:///x.db", "mysql://u@h"]
)
def test_a_variable_in_a_recipe_is_accepted(url: str) -> None:
    refuse_inline_password(url)
