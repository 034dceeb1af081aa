"""Only queries that are proven to read pass; innocent words do not stop them."""

import re

import pytest

from t2q.errors import NotReadOnly, QueryError, SyntaxRefused
from t2q.languages import language_for

from .cases import cases

_SQL = cases("read_only_sql")
_CYPHER = {"cypher": cases("read_only_cypher")}
_ALL = {**_SQL, **_CYPHER}
_REFUSED = [(d, reason, query) for d, c in _ALL.items() for case in c["refused"] for reason, query in case.items()]


@pytest.mark.parametrize(("dialect", "query"), [(d, q) for d, c in _ALL.items() for q in c["accepted"]])
def test_accepted(dialect: str, query: str) -> None:
    language_for(dialect).prove_read_only(query)


@pytest.mark.parametrize(("dialect", "reason", "query"), _REFUSED)
def test_refused(dialect: str, reason: str, query: str) -> None:
    with pytest.raises(NotReadOnly, match=re.escape(reason)):
        language_for(dialect).prove_read_only(query)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "cypher"])
@pytest.mark.parametrize(
    "text", ["", " ", "-- nothing", "I don't know", "hello world", "SELECT (", "MATCH (n RETURN n"]
)
def test_what_is_no_query_is_a_syntax_error(dialect: str, text: str) -> None:
    with pytest.raises(SyntaxRefused):
        language_for(dialect).prove_read_only(text)


@pytest.mark.parametrize("dialect", ["sqlite", "cypher"])
def test_very_deep_nesting_is_refused_or_read_but_never_a_crash(dialect: str) -> None:
    query = ("SELECT " if dialect == "sqlite" else "RETURN ") + "(" * 3000 + "1" + ")" * 3000
    try:
        language_for(dialect).prove_read_only(query)
    except QueryError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("dialect", ["sqlite", "cypher"])
def test_errors_are_one_line(dialect: str) -> None:
    with pytest.raises(SyntaxRefused) as caught:
        language_for(dialect).parse("SELECT a,\nFROM\n((t\nMATCH (n\n")
    assert "\n" not in str(caught.value)
    assert "line" in str(caught.value)
