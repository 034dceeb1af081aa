"""The normal form joins spellings of one query, keeps what counts apart, and still means the same."""

import pytest

from t2q.languages import language_for

from .cases import cases

_CASES = cases("normal")


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["same"][0][:50])
def test_spellings_of_one_query(case: dict) -> None:
    language = language_for(case["dialect"])
    for spelling in case["same"]:
        assert language.normalize(spelling) == case["same"][0]
        assert language.skeleton(spelling) == case["skeleton"]
        assert language.tokens(spelling) == language.tokens(case["same"][0])


@pytest.mark.parametrize("case", [c for c in _CASES if "other" in c], ids=lambda case: case["same"][0][:50])
def test_near_misses_stay_apart(case: dict) -> None:
    language = language_for(case["dialect"])
    for query in case["other"]:
        assert language.normalize(query) != case["same"][0]


@pytest.mark.parametrize("dialect", ["sqlite", "cypher"])
def test_what_does_not_parse_stays_as_it_is(dialect: str) -> None:
    language = language_for(dialect)
    assert language.normalize("  SELECT (  ") == language.skeleton("  SELECT (  ") == "SELECT ("
    assert language.tokens("SELECT ( nothing") == ["SELECT", "nothing"]


def test_word_tokens() -> None:
    assert language_for("sqlite").tokens("select c.name, 'New York' from cities c where x >= 1.5") == (
        ["SELECT", "c", "name", "'New York'", "FROM", "cities", "AS", "c", "WHERE", "x", "1.5"]
    )
    assert language_for("cypher").tokens("MATCH (c:City)-[:IN]->() WHERE c.x >= 1.5 RETURN c.name") == (
        ["MATCH", "v1", "City", "IN", "WHERE", "v1", "x", "1.5", "RETURN", "v1", "name"]
    )


@pytest.mark.parametrize(
    ("dialect", "query", "ordered"),
    [
        ("sqlite", "SELECT a FROM t ORDER BY a", True),
        ("sqlite", "(SELECT a FROM t ORDER BY a LIMIT 1)", True),
        ("sqlite", "SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", True),
        ("sqlite", "SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("sqlite", "SELECT row_number() OVER (ORDER BY a) FROM t", False),
        ("cypher", "MATCH (n) RETURN n ORDER BY n.x LIMIT 3", True),
        ("cypher", "MATCH (n) WITH n ORDER BY n.x LIMIT 3 RETURN n", False),
        ("cypher", "MATCH (n) RETURN n.order AS order", False),
        ("cypher", "MATCH (n) RETURN COLLECT { MATCH (m) RETURN m ORDER BY m.x } AS l", False),
        ("cypher", "MATCH (n) RETURN n UNION MATCH (n) RETURN n ORDER BY n.x", False),
    ],
)
def test_ordered(dialect: str, query: str, ordered: bool) -> None:
    assert language_for(dialect).ordered(query) is ordered
