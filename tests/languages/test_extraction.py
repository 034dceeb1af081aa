"""Queries are found in what models write around them."""

import pytest

from t2q.languages import language_for

from .cases import cases


@pytest.mark.parametrize(("text", "query"), cases("extract_sql"))
def test_sql(text: str, query: str) -> None:
    assert language_for("sqlite").extract(text) == query


@pytest.mark.parametrize(("text", "query"), cases("extract_cypher"))
def test_cypher(text: str, query: str) -> None:
    assert language_for("cypher").extract(text) == query


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "cypher"])
def test_long_prose_is_quick(dialect: str) -> None:
    """No pattern may take quadratic time on what an untuned base writes."""
    assert language_for(dialect).extract("With some words and more of them, as ever, return. " * 2000) == ""
