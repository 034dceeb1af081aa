"""Names that a schema does not have are found, and no others."""

import pytest

from t2q.errors import SyntaxRefused
from t2q.languages import language_for
from t2q.schema import Entity, Field, Link, Schema

from .cases import cases

_SQL = cases("names_sql")
_CYPHER = cases("names_cypher")


def _fields(names: list[str]) -> tuple[Field, ...]:
    return tuple(Field(name, "text") for name in names)


TABLES = Schema("sql", "sqlite", tuple(Entity(name, _fields(columns)) for name, columns in _SQL["schema"].items()))
GRAPH = Schema(
    "cypher",
    "cypher",
    tuple(Entity(label, _fields(names)) for label, names in _CYPHER["schema"]["labels"].items()),
    tuple(Link(s, t, kind, fields=_fields(names)) for s, kind, t, names in _CYPHER["schema"]["relationships"]),
)


@pytest.mark.parametrize("case", _SQL["cases"], ids=lambda case: case["query"])
def test_sql_unknown(case: dict) -> None:
    assert language_for("sqlite").unknown(case["query"], TABLES) == case["unknown"]


@pytest.mark.parametrize("case", _CYPHER["cases"], ids=lambda case: case["query"])
def test_cypher_unknown(case: dict) -> None:
    assert language_for("cypher").unknown(case["query"], GRAPH) == case["unknown"]


def test_double_quotes_are_strings_on_sqlite_only() -> None:
    query = 'SELECT name FROM cities WHERE name = "Berlin"'
    assert language_for("postgresql").unknown(query, TABLES) == ["column cities.Berlin"]


def test_sql_identifiers() -> None:
    query = (
        'WITH big AS (SELECT city_id, count(*) AS n FROM Customers GROUP BY city_id) SELECT c.name, b.n AS "How many" '
        'FROM big b JOIN cities c ON c.id = b.city_id ORDER BY "How many"'
    )
    used = language_for("sqlite").identifiers(query)
    assert used.entities == {"Customers", "cities"}
    assert used.fields == {"city_id", "name", "n", "id"}
    assert used.links == frozenset()


def test_cypher_identifiers() -> None:
    query = (
        "MATCH (p:Person {name: 'x'})-[r:`Acted In`|DIRECTED {roles: 1}]->(:Movie) WHERE r.since > 1 AND p:Star "
        "RETURN p {.born, films: date(p.died).year} AS person"
    )
    used = language_for("cypher").identifiers(query)
    assert used.entities == {"Person", "Movie", "Star"}
    assert used.links == {"Acted In", "DIRECTED"}
    assert used.fields == {"name", "roles", "since", "born", "died", "year"}


def test_a_table_joined_to_itself_without_aliases_is_refused() -> None:
    with pytest.raises(SyntaxRefused, match="Alias already used: cities"):
        language_for("sqlite").unknown("SELECT name FROM cities JOIN cities ON id = id", TABLES)
